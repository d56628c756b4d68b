"""Between a gateway and the sidecar: hands on every byte, and keeps what the gateway has sent."""

import contextlib
import re
import socket
import struct
import threading


class Tap:
    def __init__(self, port):
        self._to = ("127.0.0.1", port)
        self._lock = threading.Lock()
        self._open = set()
        self._sent = []
        self.connections = 0
        self._listener = None
        self.port = 0
        self.open()

    def open(self):
        """Listens, again on the port that it has had."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self):
        """From now on nobody listens here, as where the sidecar is down."""
        # Wakes who waits in `accept`, which closing alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._open:
                each.close_both()

    def forget(self):
        with self._lock:
            self._sent.clear()

    def sent(self):
        """All bytes since it was told to forget."""
        with self._lock:
            return b"".join(self._sent)

    def asked(self, style):
        """The requests asked about since then as method and target, for gateways that ask by HTTP/1.1."""
        text = self.sent().decode("latin-1")
        if style == "line":
            return re.findall(r"^([A-Z]+) /authz/envoy(\S+) HTTP/1\.1\r$", text, re.M)
        methods = re.findall(rf"^X-{style}-Method: (.*)\r$", text, re.M | re.I)
        targets = re.findall(rf"^X-{style}-Uri: (.*)\r$", text, re.M | re.I)
        assert len(methods) == len(targets)
        return list(zip(methods, targets))

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near):
        far = socket.socket()
        try:
            far.connect(self._to)
        except OSError:
            # As a port does that nobody listens on.
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            near.close()
            return
        relay = Relay(near, far)
        with self._lock:
            self._open.add(relay)
            self.connections += 1
        back = threading.Thread(target=relay.pump, args=(far, near, lambda _: None), daemon=True)
        back.start()
        relay.pump(near, far, self._keep)
        back.join()
        relay.close_both()
        with self._lock:
            self._open.discard(relay)

    def _keep(self, some):
        with self._lock:
            self._sent.append(some)


class Relay:
    def __init__(self, near, far):
        self._sockets = (near, far)
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close_both(self):
        for each in self._sockets:
            # Also wakes who reads from it.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def pump(self, one, other, look):
        with contextlib.suppress(OSError):
            while some := one.recv(65536):
                look(some)
                other.sendall(some)
        # Either side's end is the end of both: nobody here half-closes.
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
