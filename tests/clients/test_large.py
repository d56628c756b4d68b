"""Bodies that are too large: each client sees the answer, also one that sends all before it reads."""

import http.client
import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

BODY = b" " * (8 << 20)
PATH = "/v1/is_authorized"

NODE = """
const [url, length] = process.argv.slice(1);
const request = require("http").request(url, {method: "POST"}, (answer) => {
  answer.resume();
  answer.on("end", () => console.log(answer.statusCode));
});
request.end(Buffer.alloc(Number(length), " "));
"""


def test_urllib(sidecar):
    request = urllib.request.Request(sidecar.url + PATH, BODY, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 413
    assert json.load(refused.value)["code"] == "BODY_TOO_LARGE"


def test_http_client(sidecar):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(sidecar.url).netloc)
    connection.request("POST", PATH, BODY)
    assert connection.getresponse().status == 413


@pytest.mark.parametrize("more", [[], ["-H", "Expect:"], ["-H", "Expect: 100-continue"]])
def test_curl(sidecar, more, tmp_path):
    (tmp_path / "body").write_bytes(BODY)
    written = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *more]
        + ["--data-binary", f"@{tmp_path / 'body'}", sidecar.url + PATH],
        capture_output=True, text=True, check=False,
    )
    assert (written.returncode, written.stdout) == (0, "413"), written.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_node(sidecar):
    written = subprocess.run(
        ["node", "-e", NODE, sidecar.url + PATH, str(len(BODY))], capture_output=True, text=True, check=False
    )
    assert written.stdout.strip() == "413", written.stderr
