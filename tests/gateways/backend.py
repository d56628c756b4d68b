"""The service behind the gateways: it notes what reaches it, and says so."""

import collections
import hashlib
import http.server
import json
import threading

Seen = collections.namedtuple("Seen", "method target headers length digest")


def digest(body):
    return hashlib.sha256(body).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer in one write.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def answer(self):
        # `self.path` is no more what was sent: Python takes slashes away.
        target = self.raw_requestline.decode("latin-1").split(" ")[1]
        body = self._body()
        seen = Seen(self.command, target, self.headers.items(), len(body), digest(body))
        self.server.note(self.headers.get("X-Test"), seen)
        text = json.dumps({"method": self.command, "target": target, "length": len(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, *_):
        pass


class Backend(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self._seen = collections.defaultdict(list)
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

    def handle_error(self, *_):
        """A gateway may close a connection whenever it likes."""
