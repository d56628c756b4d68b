"""Fixtures: sidecars with a console, a browser, and a page that must stay without a fault."""

import os
import pathlib

import pytest
from playwright.sync_api import sync_playwright

from sidecar import PROJECT, Sidecar
from small import write

AXE = pathlib.Path(os.environ["AXE"]).read_text()
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Where the pages are kept as pictures, if somebody wants to see them.
PICTURES = os.environ.get("PICTURES")


def with_console(*arguments, **others):
    """A sidecar with the console."""
    return Sidecar("--console", *arguments, **others)


@pytest.fixture(scope="session")
def sidecar():
    """One whose callers may have decisions explained, with a decision log."""
    started = with_console(
        "--import", PROJECT / "examples/quickstart/tenancy.ndjson", "--import", PROJECT / "tests/http/tenancy.ndjson",
        "--decision-log", "file:decisions.log", "--log-slice",
        PEPPOL_AUTHZ_EXPLAIN__ALLOW="all", PEPPOL_AUTHZ_DECISION_LOG__PERSONAL="plain",
    )
    yield started
    started.stop()


@pytest.fixture(scope="session")
def small():
    """One over a small set of its own, with suites, a proof and a shadow. Its `files` may be changed."""
    started = with_console(prepare=write, PEPPOL_AUTHZ_EXPLAIN__ALLOW="all", PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL="200ms")
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


def assert_open_to_all(browser, sidecar, pages, scheme):
    """No page has a barrier, nor has a folded part of it."""
    for page in opened(browser, sidecar, color_scheme=scheme, viewport={"width": 1360, "height": 900}):
        for name, target in pages.items():
            page.goto(target)
            picture(page, f"{name}-{scheme}")
            page.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
            assert barriers(page) == [], name


def picture(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)
