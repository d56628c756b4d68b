"""Programs that tests start: their logs, and their end."""

import atexit
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parents[2]

# Long enough for the slowest machine; nothing waits this long when it works.
PATIENCE = 30

RUNNING = []


def free_ports(count):
    """Ports that nobody listens on. All are held until all are known, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_until(holds, what):
    """Polls until it holds, and gives what it returned."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"waited in vain until {what}")


def directory():
    """One that nginx's workers, who are nobody where root starts it, may enter too."""
    made = tempfile.TemporaryDirectory(prefix="gateways-")
    os.chmod(made.name, 0o755)
    return made


class Process:
    """A program with its own group, its log in a file."""

    def __init__(self, name, command, cwd, environment=None):
        self.name = name
        self._log = tempfile.TemporaryFile()
        self._shown = 0
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING.append(self)

    def lives(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.log()}")
        return True

    def log(self):
        return os.pread(self._log.fileno(), 1 << 24, 0).decode(errors="replace")

    def news(self):
        """The lines logged since the last look."""
        found = os.pread(self._log.fileno(), 1 << 24, self._shown)
        self._shown += len(found)
        return found.decode(errors="replace")

    def send(self, number):
        self._process.send_signal(number)

    def pause(self):
        """Stops it where it is. Its threads may go on for a moment after the signal: returns when none does."""
        self.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def stop(self):
        """Ends it and all that it has started, and waits for that."""
        if self in RUNNING:
            RUNNING.remove(self)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE / 3)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


@atexit.register
def stop_all():
    for process in list(RUNNING):
        process.stop()
