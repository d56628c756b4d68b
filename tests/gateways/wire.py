"""A client that sends what it is told to, byte for byte."""

import collections
import http.client
import json
import socket
import uuid

from processes import PATIENCE

Answer = collections.namedtuple("Answer", "status headers body tag")


def code(answer):
    """The code that a denial has in its headers."""
    return answer.headers.get("X-Authz-Code")


def problem(answer):
    return json.loads(answer.body)


class Client:
    """One connection, kept for as long as the other side keeps it."""

    def __init__(self, port, patience=PATIENCE):
        self._port, self._patience = port, patience
        self._socket = None
        self.connected = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, text):
        """Sends bytes as they are."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=self._patience)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connected += 1
        self._socket.sendall(text)

    def rest(self):
        """All bytes until the other side ends, or says nothing for a second."""
        self._socket.settimeout(1)
        found = b""
        try:
            while some := self._socket.recv(65536):
                found += some
        except (TimeoutError, ConnectionError):
            pass
        return found

    def ask(self, method, target, *headers, body=None, chunked=False, trailers=(), tag=None):
        """Sends a request and gives the answer. `headers` are pairs, sent in this order and spelling; so are
        `trailers`, behind a body that is chunked."""
        tag = tag or uuid.uuid4().hex
        lines = [f"{method} {target} HTTP/1.1", "Host: services.example.com", f"X-Test: {tag}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            parts = [body[i : i + 8000] for i in range(0, len(body), 8000)]
            content = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            content += b"0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in trailers).encode() + b"\r\n"
        else:
            content = body or b""
            if body is not None:
                lines.append(f"Content-Length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        try:
            self.send(head + content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has answered before it had read everything.
        answer = http.client.HTTPResponse(self._socket, method=method)
        try:
            answer.begin()
            text = answer.read()
        except Exception:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return Answer(answer.status, answer.headers, text, tag)
