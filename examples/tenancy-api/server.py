"""The service behind the gateway: HTTP in, one transaction, JSON out.

Who may do what is decided before a request arrives here. What the gateway adds is taken at its
word, so that this listens on the loopback interface or a Unix socket and nowhere else.
"""

import argparse
import http
import http.server
import ipaddress
import json
import os
import re
import socket
import sqlite3
import sys

import legal_entities
import members
import organisations
import parties
import sign_up
from request import Problem, Request, readable, segments
from sidecar import Sidecar
from store import Store

# Method, path and what is done, once each. `{name}` is one segment.
ENDPOINTS = [
    (method, segments(path), todo)
    for module in (sign_up, organisations, members, parties, legal_entities)
    for method, path, todo in module.ENDPOINTS
]


def find(method, path):
    """The endpoint for a path and the parameters in it. Literal segments go before parameters."""
    found, allowed = [], set()
    for its_method, template, todo in ENDPOINTS:
        if len(template) == len(path) and all(t.startswith("{") or t == p for t, p in zip(template, path)):
            allowed.add(its_method)
            if its_method == method:
                found.append((template, todo))
    if not found:
        raise Problem(405 if allowed else 404, "there is no such path" if not allowed else f"there is no {method} here")
    template, todo = min(found, key=lambda entry: [part.startswith("{") for part in entry[0]])
    return todo, {part[1:-1]: value for part, value in zip(template, path) if part.startswith("{")}


def answer(store, sidecar, method, target, headers, body):
    """Does what a request says, wholly or not at all: status, JSON (or bytes) and headers."""
    path, query = readable(target)
    todo, parameters = find(method, path)
    request = Request(parameters, query, headers, body, sidecar)
    if todo.__module__ != sign_up.__name__:
        request.by_gateway()
    with store.transaction(writes=method != "GET") as database:
        status, content = todo(database, request)
        # What was allowed on a condition is not done without it.
        if request.obligations:
            raise Problem(500, f"not done: obligation not understood here: {', '.join(sorted(request.obligations))}")
        revision = store.revision(database)
    return status, content, {"Tenancy-Revision": str(revision)} if method != "GET" else {}


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of the gateway's."""

    protocol_version = "HTTP/1.1"
    server_version = "tenancy-api"
    sys_version = ""
    timeout = 60
    longest = 1_048_576

    def respond(self):
        try:
            body = self.read_body()
            method = "GET" if self.command == "HEAD" else self.command
            status, content, headers = answer(self.server.store, self.server.sidecar, method, self.path, self.headers, body)
        except Problem as problem:
            status, content, headers = problem.answer()
        except UnicodeEncodeError:
            status, content, headers = Problem(400, "a text is no Unicode").answer()
        except sqlite3.IntegrityError as error:
            status, content, headers = refused(error).answer()
        except sqlite3.Error as error:
            self.log_error("the store: %s", error)
            status, content, headers = Problem(503, "the store cannot be used now").answer()
        except Exception as error:
            self.log_error("%s: %s", type(error).__name__, error)
            status, content, headers = Problem(500, "the service failed").answer()
        self.send(status, content, headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = respond

    def read_body(self):
        lengths = self.headers.get_all("Content-Length", [])
        encodings = self.headers.get_all("Transfer-Encoding", [])
        # Until the body is read it is not known where the next request begins.
        self.close_connection, close = True, self.close_connection
        if encodings:
            if lengths or [encoding.lower() for encoding in encodings] != ["chunked"]:
                raise Problem(400, "the length of the body cannot be told")
            body = self.read_chunks()
        else:
            if len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,9}", length) for length in lengths):
                raise Problem(400, "the length of the body cannot be told")
            body = self.read_exactly(int(lengths[0]) if lengths else 0)
        self.close_connection = close
        return body

    def read_chunks(self):
        """Of a body that comes in pieces, each begins with its length; an empty one ends it."""
        body = b""
        while True:
            length = re.fullmatch(rb"([0-9A-Fa-f]{1,8})(;[^\r\n]*)?\r\n", self.rfile.readline(1024))
            piece = self.read_exactly(int(length[1], 16), len(body)) if length else None
            if piece is None or self.rfile.readline(1024) != b"\r\n":
                raise Problem(400, "the length of the body cannot be told")
            if not piece:
                return body
            body += piece

    def read_exactly(self, length, before=0):
        if before + length > self.longest:
            raise Problem(413, f"the body is longer than {self.longest} bytes")
        body = self.rfile.read(length)
        if len(body) < length:
            raise Problem(400, "the body ended early")
        return body

    def send(self, status, content, headers):
        if isinstance(content, bytes):
            kind, body = "application/octet-stream", content
        else:
            kind = "application/json" if status < 400 else "application/problem+json"
            body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", kind)
        if status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, form, *values):
        decision = self.headers.get("X-Authz-Decision-Id", "-") if hasattr(self, "headers") else "-"
        line = f"{decision} {form % values}"
        # On one line, whatever a client has sent.
        sys.stderr.write(line.encode("unicode_escape").decode() + "\n")


def refused(error):
    """The answer to the client where a constraint of the store refuses."""
    if error.sqlite_errorname in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"):
        return Problem(409, "there is one already")
    if error.sqlite_errorname in ("SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_TRIGGER"):
        return Problem(409, "it refers to what is not there, or something still refers to it")
    return Problem(400, "the store does not take a value of this kind")


class Server(http.server.ThreadingHTTPServer):
    """On "IP:PORT" of the loopback interface, or on "unix:PATH"."""

    daemon_threads = True

    def __init__(self, listen, store, sidecar):
        self.store, self.sidecar = store, sidecar
        if listen.startswith("unix:"):
            self.address_family, address = socket.AF_UNIX, listen.removeprefix("unix:")
        else:
            host, _, port = listen.rpartition(":")
            ip = ipaddress.ip_address(host.strip("[]"))
            if not ip.is_loopback:
                raise ValueError(
                    f"`{listen}` can be reached without the gateway: use a loopback address or a Unix socket"
                )
            self.address_family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
            address = (str(ip), int(port))
        super().__init__(address, Handler)

    def server_bind(self):
        if self.address_family != socket.AF_UNIX:
            return super().server_bind()
        if os.path.exists(self.server_address):
            os.unlink(self.server_address)
        self.socket.bind(self.server_address)
        os.chmod(self.server_address, 0o660)

    def finish_request(self, request, client_address):
        # The peer of a Unix socket has no address.
        self.RequestHandlerClass(request, client_address or ("unix", 0), self)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--listen", default="127.0.0.1:9000", help='"IP:PORT" (loopback) or "unix:PATH"')
    arguments.add_argument("--tenancy", default="tenancy.db", help="the sidecar's SQLite database, which it has made")
    arguments.add_argument("--sidecar", default="http://127.0.0.1:8180", help="where the sidecar answers")
    given = arguments.parse_args()
    try:
        server = Server(given.listen, Store(given.tenancy), Sidecar(given.sidecar))
    except (OSError, ValueError, sqlite3.Error) as error:
        sys.exit(f"error: {error}")
    address = server.server_address
    print(
        f"listening on {address if isinstance(address, str) else f'{address[0]}:{address[1]}'}",
        file=sys.stderr,
        flush=True,
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
