"""Fixtures: sidecars with a console, a browser, and a page that must stay without a fault."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading

import pytest
from playwright.sync_api import sync_playwright

from small import write

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ["PEPPOL_AUTHZ"]
AXE = pathlib.Path(os.environ["AXE"]).read_text()
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Where the pages are kept as pictures, if somebody wants to see them.
PICTURES = os.environ.get("PICTURES")
PATIENCE = 60


class Sidecar:
    """A `peppol-authz serve --console` on a port of its own, in a directory of its own."""

    def __init__(self, *arguments, prepare=None, **variables):
        self.directory = tempfile.TemporaryDirectory()
        if prepare:
            arguments = (*prepare(pathlib.Path(self.directory.name)), *arguments)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PEPPOL_AUTHZ")}
        environment |= {"PEPPOL_AUTHZ_LOG__FORMAT": "json", **variables}
        command = [PROGRAM, "serve", "--console", "--listen", "127.0.0.1:0", *map(str, arguments)]
        self._process = subprocess.Popen(
            command, cwd=self.directory.name, env=environment, stderr=subprocess.PIPE, text=True
        )
        self.log = []
        self.url = f"http://{self._ready()}"

    def _ready(self):
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        watchdog.start()
        try:
            for line in self._process.stderr:
                self.log.append(line)
                record = json.loads(line) if line.startswith("{") else {}
                if record.get("message") == "ready":
                    threading.Thread(target=self.log.extend, args=(self._process.stderr,), daemon=True).start()
                    return record["address"]
        finally:
            watchdog.cancel()
        raise RuntimeError("".join(self.log))

    def stop(self):
        self._process.terminate()
        self._process.wait(PATIENCE)
        self.directory.cleanup()


@pytest.fixture(scope="session")
def sidecar():
    """One whose callers may have decisions explained, with a decision log."""
    started = Sidecar(
        "--import", PROJECT / "examples/quickstart/tenancy.ndjson", "--import", PROJECT / "tests/http/tenancy.ndjson",
        "--decision-log", "file:decisions.log", "--log-slice",
        PEPPOL_AUTHZ_EXPLAIN__ALLOW="all", PEPPOL_AUTHZ_DECISION_LOG__PERSONAL="plain",
    )
    yield started
    started.stop()


@pytest.fixture(scope="session")
def small():
    """One over a small set of its own, with suites, a proof and a shadow. Its `files` may be changed."""
    started = Sidecar(prepare=write, PEPPOL_AUTHZ_EXPLAIN__ALLOW="all", PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL="200ms")
    started.files = pathlib.Path(started.directory.name)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, sidecar):
    """A page whose console stays empty: no fault of a script, nothing that its policy refuses."""
    yield from opened(browser, sidecar)


def opened(browser, sidecar, **options):
    context = browser.new_context(base_url=sidecar.url, **{"locale": "en-GB", **options})
    page = context.new_page()
    faults = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    # Nothing comes from elsewhere.
    page.on("request", lambda request: faults.append(request.url) if not request.url.startswith(sidecar.url) else None)
    yield page
    context.close()
    assert faults == []


def barriers(page):
    """The barriers that axe-core finds."""
    # By the driver, which the policy of the page does not hold back.
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]], one["nodes"][0]["failureSummary"]) for one in found]


def picture(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)
