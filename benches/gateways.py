"""The time that the sidecar adds to a request through nginx and Envoy: `make bench-gateways`.

Each gateway runs with its example's configuration three times: asking nobody, asking an nginx that answers
a constant 200, and asking the sidecar, all before the same backend, an nginx that answers a constant too.
wrk asks over 16 kept-alive connections, in several rounds that take turns; the figures are medians of the
rounds. On few cores all of these programs share them: what to look at are differences and ratios.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests/gateways"))

from gateways import EnvoyGrpc, EnvoyHttp, Nginx, configured  # noqa: E402
from processes import Process, directory, free_ports, wait_until  # noqa: E402
from sidecar import Sidecar, token  # noqa: E402
from wire import Client  # noqa: E402

CONNECTIONS = 16
TARGET = "/orgs/acme"
VARIANTS = ("without", "constant", "sidecar")

# By which a gateway asks nobody.
FILTER = "- name: envoy.filters.http.ext_authz\n"
FILTER_OFF = FILTER + " " * 20 + "disabled: true\n"
OFF = {
    "nginx": ("auth_request /_authz;", "auth_request off;"),
    "envoy-http": (FILTER, FILTER_OFF),
    "envoy-grpc": (FILTER, FILTER_OFF),
}

# The backend, the constant answer to HTTP, and that to gRPC: an empty `CheckResponse`, which allows, in a
# frame of its own. nginx serves files to GET alone, which an
# error page makes of the POST.
CONSTANTS = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    keepalive_requests 100000000;
    server { listen 127.0.0.1:BACKEND; location / { return 200 "ok"; } }
    server { listen 127.0.0.1:HTTP; location / { return 200; } }
    server {
        listen 127.0.0.1:GRPC http2;
        default_type application/grpc;
        error_page 405 =200 /allowed;
        location / { return 405; }
        location = /allowed { root .; add_trailer grpc-status 0 always; }
    }
}
"""
EMPTY_MESSAGE = b"\0\0\0\0\0"

UNITS = {"us": 1, "ms": 1000, "s": 1_000_000}


def constants():
    """Starts them; their ports by name."""
    names = ("BACKEND", "HTTP", "GRPC")
    ports = dict(zip(names, free_ports(3)))
    made = directory()
    place = pathlib.Path(made.name)
    text = CONSTANTS
    for name, port in ports.items():
        text = text.replace(name, str(port))
    (place / "nginx.conf").write_text(text)
    (place / "allowed").write_bytes(EMPTY_MESSAGE)
    return Process("constants", ["nginx", "-p", ".", "-c", "nginx.conf"], place), ports, made


def start(kind, variant, sidecar, ports):
    """A gateway; its port."""
    asked = {
        "without": ports["HTTP"],
        "constant": ports["GRPC" if kind.grpc else "HTTP"],
        "sidecar": sidecar.grpc_port if kind.grpc else sidecar.port,
    }
    [port] = free_ports(1)
    addresses = {"gateway": port, "sidecar": asked[variant], "backend": ports["BACKEND"]}
    made, place = configured(kind, addresses, websocket=None)
    if variant == "without":
        old, new = OFF[kind.name]
        texts = {path: path.read_text() for path in place.iterdir()}
        assert any(old in text for text in texts.values())
        for path, text in texts.items():
            path.write_text(text.replace(old, new))
    process = Process(f"{kind.name} {variant}", kind.command, place)

    def answers():
        process.lives()
        try:
            with Client(port) as client:
                return client.ask("GET", TARGET, ("Authorization", f"Bearer {token('anna')}")).status == 200
        except OSError:
            return False

    wait_until(answers, f"{kind.name} {variant} is ready")
    return port, made


def measure(port, seconds, bearer):
    """Requests a second, and the 50th and 99th percentile of how long they took, in microseconds."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-H", f"Authorization: {bearer}"]
    text = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{TARGET}"], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"not all were allowed:\n{text}")
    found = [float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])]
    for percentile in (50, 99):
        number, unit = re.search(rf"\s{percentile}%\s+([\d.]+)(us|ms|s)", text).groups()
        found.append(float(number) * UNITS[unit])
    return found


def figure(what, values):
    """Adds a line for the report, to the file that FIGURES names."""
    if path := os.environ.get("FIGURES"):
        with open(path, "a") as file:
            print(json.dumps({"bench": "gateways", "what": what, "values": values}), file=file)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=5)
    options = arguments.parse_args()
    sidecar = Sidecar()
    _, ports, *kept = constants()
    kinds = (Nginx, EnvoyHttp, EnvoyGrpc)
    gateways = {}
    for kind in kinds:
        for variant in VARIANTS:
            gateways[kind.name, variant], made = start(kind, variant, sidecar, ports)
            kept.append(made)
    bearer = f"Bearer {token('anna')}"
    for port in gateways.values():
        measure(port, 1, bearer)
    rounds = {key: [] for key in gateways}
    for number in range(options.rounds):
        for key, port in gateways.items():
            rounds[key].append(measure(port, options.seconds, bearer))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    median = {key: [statistics.median(each) for each in zip(*found)] for key, found in rounds.items()}
    print(f"{CONNECTIONS} connections, medians of {options.rounds} rounds of {options.seconds} s\n")
    print("| gateway | asks | requests/s | p50 µs | p99 µs | added p50 | added p99 |")
    print("|---|---|---|---|---|---|---|")
    for (name, variant), (rate, half, most) in median.items():
        _, half_without, most_without = median[name, "without"]
        added = f"{half - half_without:,.0f} | {most - most_without:,.0f}" if variant != "without" else "|"
        asks = {"without": "nobody", "constant": "a constant 200", "sidecar": "the sidecar"}[variant]
        figure(f"{name}, {asks}", {"requests_per_second": rate, "p50_us": half, "p99_us": most})
        print(f"| {name} | {asks} | {rate:,.0f} | {half:,.0f} | {most:,.0f} | {added} |")


main()
