"""Requests made of /openapi.json by schemathesis: not one unexpected answer."""

import pathlib
import subprocess
import sys

from sidecar import quickstart

HERE = pathlib.Path(__file__).resolve().parent


def test_every_route_answers_as_the_document_says(tmp_path):
    # A state that never comes is not waited for.
    sidecar = quickstart(PEPPOL_AUTHZ_FRESHNESS__WAIT="10ms")
    schemathesis = pathlib.Path(sys.executable).parent / "schemathesis"
    command = [schemathesis, "--config-file", HERE / "schemathesis.toml", "--no-color", "run"]
    command += [f"{sidecar.url}/openapi.json", "--checks", "all", "--workers", "2"]
    try:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "problems", "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )
    finally:
        sidecar.stop()
    assert done.returncode == 0, done.stdout
    # All but the document itself. It goes on without a route that it cannot make requests for.
    assert "Tested: 34" in done.stdout, done.stdout
