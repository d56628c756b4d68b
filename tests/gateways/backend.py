"""The service behind the gateways: it notes what reaches it, and says so.

It falls for every trick: it changes to whatever protocol a request names, and reads trailers.
"""

import base64
import collections
import hashlib
import http.server
import json
import threading

Seen = collections.namedtuple("Seen", "method target headers length digest trailers")

# A server of HTTP/2 begins with its settings, which are empty (RFC 9113, 3.4).
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"


def digest(body):
    return hashlib.sha256(body).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer in one write.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0))), []
        body, trailers = b"", []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            trailers.append((name, value.strip()))
        return body, trailers

    def answer(self):
        # `self.path` is no more what was sent: Python takes slashes away.
        target = self.raw_requestline.decode("latin-1").split(" ")[1]
        body, trailers = self._body()
        tag = self.headers.get("X-Test")
        seen = Seen(self.command, target, self.headers.items(), len(body), digest(body), trailers)
        self.server.note(tag, seen)
        if "Upgrade" in self.headers:
            self._change(tag, self.headers["Upgrade"])
            return
        text = json.dumps({"method": self.command, "target": target, "length": len(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _change(self, tag, protocol):
        """Changes to another protocol: from here on it takes what comes, and nobody is asked about it."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", protocol)
        if key := self.headers["Sec-WebSocket-Key"]:
            # RFC 6455, 4.2.2: HAProxy looks at it.
            accepted = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(accepted).decode())
        self.end_headers()
        self.wfile.write(SETTINGS)
        self.wfile.flush()
        while some := self.rfile.read1(65536):
            self.server.note_tunnelled(tag, some)
            self.wfile.write(some)
            self.wfile.flush()
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = do_CONNECT = answer

    def log_message(self, *_):
        pass


class Backend(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self._seen = collections.defaultdict(list)
        self._tunnelled = collections.defaultdict(bytes)
        self._lock = threading.Lock()
        self.total = 0
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def note(self, tag, seen):
        with self._lock:
            self.total += 1
            self._seen[tag].append(seen)

    def seen(self, tag):
        """The requests with this in their `X-Test`."""
        with self._lock:
            return list(self._seen[tag])

    def note_tunnelled(self, tag, some):
        with self._lock:
            self._tunnelled[tag] += some

    def tunnelled(self, tag):
        """All bytes that came after the request with this tag had changed the protocol."""
        with self._lock:
            return self._tunnelled[tag]

    def handle_error(self, *_):
        """A gateway may close a connection whenever it likes."""
