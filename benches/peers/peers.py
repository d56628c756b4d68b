"""Other decision points, for the benchmark `peers`: Cerbos and cedar-agent, with the ten policies of benches/ten.

    peers.py install                        installs them in TARGET/peers, where they are not there yet
    peers.py serve NAME ENTITIES [--quiet]  starts one with policies and entities (a file in Cedar's JSON), by its own defaults

Both log each request by default. With --quiet they log errors alone.

`serve` tells of the server in a line of JSON as soon as it answers: its version, address and process. The server lives
until the input of `serve` ends. TARGET is CARGO_TARGET_DIR, or `target` without it.
"""

import json
import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
PEERS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")).resolve() / "peers"

CERBOS_PACKAGE = "@cerbos/cerbos-linux-x64"
CERBOS = json.loads((HERE / "cerbos/package.json").read_text())["dependencies"][CERBOS_PACKAGE]
CERBOS_PLACE = PEERS / f"cerbos-{CERBOS}"
CERBOS_PROGRAM = CERBOS_PLACE / "node_modules" / CERBOS_PACKAGE / "cerbos-linux-x64"

AGENT = "0.2.0"
AGENT_PLACE = PEERS / f"cedar-agent-{AGENT}"
AGENT_PROGRAM = AGENT_PLACE / "bin/cedar-agent"

# Seconds in which a server answers first, and ends.
PATIENCE = 30


def run(*command, cwd=None):
    try:
        subprocess.run(command, check=True, stdout=sys.stderr, cwd=cwd)
    except FileNotFoundError:
        sys.exit(f"error: there is no `{command[0]}`, by which peers are installed")
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {' '.join(map(str, command))} ended with status {error.returncode}")


def install():
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit(f"error: {CERBOS_PACKAGE} is for Linux on x86-64, not for {platform.system()} on {platform.machine()}")
    if not CERBOS_PROGRAM.exists():
        CERBOS_PLACE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "cerbos" / name, CERBOS_PLACE)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", cwd=CERBOS_PLACE)
    if not AGENT_PROGRAM.exists():
        made = PEERS / "build"
        # By the versions that it was released with.
        run("cargo", "install", f"cedar-agent@{AGENT}", "--locked", "--root", AGENT_PLACE, "--target-dir", made)
        shutil.rmtree(made)


def free_ports(count):
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def send(method, url, value=None):
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read()


def cerbos(entities):
    """It has no store: the entities come with each request, by the bench. Its usage data stay here."""
    http, grpc = free_ports(2)
    settings = {
        "server.httpListenAddr": f"127.0.0.1:{http}",
        "server.grpcListenAddr": f"127.0.0.1:{grpc}",
        "storage.driver": "disk",
        "storage.disk.directory": HERE / "cerbos/policies",
        "telemetry.disabled": "true",
    }
    command = [CERBOS_PROGRAM, "server", *(f"--set={name}={value}" for name, value in settings.items())]
    return CERBOS, command, http, "/_cerbos/health", lambda url: None


def cedar_agent(entities):
    """Policies and data are put into its stores over HTTP."""
    [port] = free_ports(1)
    text = (PROJECT / "benches/ten/policies/ten.cedar").read_text()
    policies = [
        {"id": name, "content": content}
        for name, content in re.findall(r'@id\("([^"]+)"\)\n(.*?;)', text, re.DOTALL)
    ]

    def fill(url):
        send("PUT", f"{url}/v1/policies", policies)
        send("PUT", f"{url}/v1/data", json.loads(pathlib.Path(entities).read_text()))

    return AGENT, [AGENT_PROGRAM, "--addr", "127.0.0.1", "--port", str(port)], port, "/v1/policies", fill


SERVERS = {"Cerbos": cerbos, "cedar-agent": cedar_agent}


def wait(process, url, command):
    """Until the server answers."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            return send("GET", url)
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    sys.exit(f"error: no answer from {' '.join(map(str, command))}")


def serve(name, entities, *options):
    version, command, port, ready, fill = SERVERS[name](entities)
    command += options
    address = f"127.0.0.1:{port}"
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)
    try:
        wait(process, f"http://{address}{ready}", command)
        fill(f"http://{address}")
        print(json.dumps({"version": version, "address": address, "pid": process.pid}), flush=True)
        sys.stdin.read()
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()


def main():
    match sys.argv[1:]:
        case ["install"]:
            install()
        case ["serve", name, entities] if name in SERVERS:
            serve(name, entities)
        case ["serve", name, entities, "--quiet"] if name in SERVERS:
            serve(name, entities, "--log-level=error")
        case _:
            sys.exit(__doc__)


main()
