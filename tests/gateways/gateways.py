"""The gateways with the configurations of `examples`, of which only addresses are replaced."""

import pathlib
import re
import shutil
import textwrap

from processes import PROJECT, Process, directory, free_ports, wait_until
from tap import Tap
from wire import Client


def configured(kind, ports, websocket):
    """A copy of its example in which the ports of `kind.addresses` are others, by their roles. With `websocket`
    it has what its README says of WebSockets, at this path."""
    made = directory()
    place = pathlib.Path(made.name, kind.example)
    shutil.copytree(PROJECT / "examples" / kind.example, place)
    texts = {path: path.read_text("utf-8") for path in place.rglob("*") if path.suffix != ".md"}
    for text in kind.addresses:
        assert any(text in each for each in texts.values()), f"{kind.example} does not say `{text}`"
    if websocket:
        # The blocks of code about them, in their order.
        about = (place / "README.md").read_text("utf-8").split("**WebSockets**")[1].split("\n- **")[0]
        blocks = re.findall(r"^  ```\w+\n(.*?)^  ```", about, re.M | re.S)
        assert len(blocks) == len(kind.websocket_before)
        for path, text in texts.items():
            for block, before in zip(blocks, kind.websocket_before):
                texts[path] = text = with_block(text, block.replace("/events", websocket), before)
    for path, text in texts.items():
        # By way of marks: a port that was chosen may be one that the examples have.
        for number, old in enumerate(kind.addresses):
            text = text.replace(old, f"\0{number}\0")
        for number, (old, role) in enumerate(kind.addresses.items()):
            text = text.replace(f"\0{number}\0", old[: old.rindex(kind.between) + 1] + str(ports[role]))
        path.write_text(text, "utf-8")
    return made, place


def with_block(text, block, before):
    """The text with a block before the line that begins so, indented as that is."""
    if found := re.search(rf"^[ \t]*(?={re.escape(before)})", text, re.M):
        block = textwrap.indent(textwrap.dedent(block), found.group())
        text = text[: found.start()] + block + text[found.start() :]
    return text


class Gateway:
    """One of them, between a client and the backend."""

    def __init__(self, kind, sidecar, backend, websocket=None):
        self.kind = kind
        self.tap = Tap(sidecar.grpc_port if kind.grpc else sidecar.port)
        self.port, inner = free_ports(2)
        ports = {"gateway": self.port, "sidecar": self.tap.port, "backend": backend.port, "inner": inner}
        self._directory, place = configured(kind, ports, websocket)
        kind.generate(place, ports)
        self._process = Process(kind.name, kind.command, place)
        wait_until(self._ready, f"{kind.name} is ready")

    def _ready(self):
        """It answers, and the answer is the sidecar's."""
        self._process.lives()
        try:
            return self.ask("GET", "/orgs/globex").status == 401
        except OSError:
            return False

    def client(self, **settings):
        return Client(self.port, **settings)

    def ask(self, *request, patience=None, **more):
        """One request over a connection of its own."""
        settings = {} if patience is None else {"patience": patience}
        with self.client(**settings) as client:
            return client.ask(*request, **more)

    def stop(self):
        self._process.stop()


class Kind:
    """The properties of a gateway. `addresses` are the texts of its files that stand for addresses."""

    grpc = False
    between = ":"
    # True if the client sees the body of a denial.
    shows_problems = True
    # True if bodies are part of the question, also those whose length is not told ahead.
    sends_bodies = True
    sends_chunked_bodies = True
    # True if it takes a body of any length without being told the length ahead.
    takes_long_chunked_bodies = True
    # True if it can send some of a request's headers and no others.
    chooses_headers = True
    # True if connections to the sidecar are kept.
    keeps_connections = True
    # The lines behind each block of the README about WebSockets.
    websocket_before = ()
    # The upgrades, of those that are tried, that it opens a tunnel for without being told to.
    lets_through = ()
    # True if the target reaches the backend byte for byte, false if it is normalized.
    keeps_targets = True

    @staticmethod
    def generate(place, ports):
        """Writes what is not among the files of its example."""


class Nginx(Kind):
    name = example = "nginx"
    command = ["nginx", "-p", ".", "-c", "nginx.conf"]
    addresses = {"127.0.0.1:8080": "gateway", "127.0.0.1:8180": "sidecar", "127.0.0.1:9000": "backend"}
    asked_by = "Original"
    websocket_before = ["location = /_authz {"]
    shows_problems = False
    sends_bodies = sends_chunked_bodies = False


class Caddy(Kind):
    name = example = "caddy"
    command = ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    addresses = {":8080": "gateway", "127.0.0.1:8180": "sidecar", "127.0.0.1:9000": "backend"}
    asked_by = "Forwarded"
    websocket_before = ["# `X_Authz_Subject`", "reverse_proxy 127.0.0.1:9000"]
    sends_bodies = sends_chunked_bodies = False
    chooses_headers = False


class Traefik(Kind):
    name = example = "traefik"
    command = ["traefik", "--configFile=traefik.yaml"]
    addresses = {
        "127.0.0.1:8080": "gateway",
        "127.0.0.1:8082": "inner",
        "127.0.0.1:8180": "sidecar",
        "127.0.0.1:9000": "backend",
    }
    asked_by = "Forwarded"
    websocket_before = ["authz:\n      entryPoints:", "names:\n      headers:"]
    keeps_targets = False


class HAProxy(Kind):
    name = example = "haproxy"
    command = ["haproxy", "-db", "-f", "haproxy.cfg"]
    addresses = {"127.0.0.1:8080": "gateway", "127.0.0.1:8180": "sidecar", "127.0.0.1:9000": "backend"}
    asked_by = "Original"
    websocket_before = ["http-request del-header Connection", "# Trailers could have"]
    sends_chunked_bodies = False
    # Debian's version cannot remove trailers.
    takes_long_chunked_bodies = False


class EnvoyHttp(Kind):
    name, example = "envoy-http", "envoy"
    command = ["envoy", "-c", "envoy-http.yaml", "--use-dynamic-base-id", "--concurrency", "2", "-l", "warning"]
    addresses = {"port_value: 8080": "gateway", "port_value: 8180": "sidecar", "port_value: 9000": "backend"}
    between = " "
    asked_by = "line"
    websocket_before = ["- match: { prefix: / }"]
    keeps_targets = False


class EnvoyGrpc(EnvoyHttp):
    name = "envoy-grpc"
    command = ["envoy", "-c", "envoy-grpc.yaml", *EnvoyHttp.command[3:]]
    addresses = {"port_value: 8080": "gateway", "port_value: 8181": "sidecar", "port_value: 9000": "backend"}
    asked_by = None
    grpc = True


KINDS = {kind.name: kind for kind in (Nginx, EnvoyHttp, EnvoyGrpc, Traefik, Caddy, HAProxy)}
