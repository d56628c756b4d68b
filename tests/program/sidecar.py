"""The real program, started for tests and ended with them."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

PROJECT = pathlib.Path(__file__).resolve().parents[2]

# Long enough for the slowest machine; nothing waits this long when it works.
PATIENCE = 60

# The binary under test, see `.ci/clients` and `.ci/console`.
PROGRAM = os.environ["PEPPOL_AUTHZ"]


class Sidecar:
    """A `peppol-authz serve` on a port of its own, in a directory of its own.

    `prepare` writes files into that directory, and returns further arguments.
    """

    def __init__(self, *arguments, prepare=None, **variables):
        self._directory = tempfile.TemporaryDirectory()
        self.files = pathlib.Path(self._directory.name)
        if prepare:
            arguments = (*prepare(self.files), *arguments)
        # Nothing of the machine's own settings.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PEPPOL_AUTHZ", "OTEL_"))}
        environment |= {"PEPPOL_AUTHZ_LOG__FORMAT": "json", **variables}
        command = [PROGRAM, "serve", "--listen", "127.0.0.1:0", *arguments]
        self._process = subprocess.Popen(
            command, cwd=self._directory.name, env=environment, stderr=subprocess.PIPE, text=True
        )
        self.log = []
        self.url = f"http://{self._ready()}"

    def _ready(self):
        """Reads the log until it is ready, and goes on reading: a full pipe would stop it."""
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
        raise RuntimeError(f"{PROGRAM} did not become ready:\n{''.join(self.log)}")

    def post(self, path, body, headers=None):
        """The status and the JSON of an answer, also of a problem."""
        headers = {"Content-Type": "application/json"} | (headers or {})
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def stop(self):
        """Ends it, and waits for that: from then on nobody listens on its port."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._directory.cleanup()


def quickstart(**variables):
    """A sidecar over the tenancies of the examples, of the tests of the wire and of these."""
    documents = ["examples/quickstart/tenancy.ndjson", "tests/http/tenancy.ndjson", "tests/clients/tenancy.ndjson"]
    return Sidecar(*(part for name in documents for part in ("--import", PROJECT / name)), **variables)
