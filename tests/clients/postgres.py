"""A PostgreSQL server of the tests' own, on a socket in a directory that goes with it."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import sqlalchemy

from sidecar import PATIENCE


def program(name):
    """Where the server's programs are: Debian keeps them out of the path. It refuses to run as root."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    own = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    return [*own, str(found[-1]) if found else name]


class Postgres:
    def __init__(self):
        self._directory = tempfile.TemporaryDirectory()
        directory = self._directory.name
        if os.getuid() == 0:
            shutil.chown(directory, "postgres", "postgres")
        data = f"{directory}/data"
        made = ["--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([*program("initdb"), *made], cwd=directory, stdout=subprocess.DEVNULL, check=True)
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={directory}", "-c", "fsync=off"]
        self._log = open(f"{directory}/log", "w+")
        started = [*program("postgres"), "-D", data, *settings]
        self._server = subprocess.Popen(started, cwd=directory, stdout=self._log, stderr=subprocess.STDOUT)
        self.engine = sqlalchemy.create_engine(f"postgresql+psycopg://postgres@/postgres?host={directory}")
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.engine.connect().close()
                return
            except sqlalchemy.exc.OperationalError:
                if self._server.poll() is None and time.monotonic() < until:
                    time.sleep(0.1)
                    continue
                self.stop()
                raise

    def stop(self):
        self.engine.dispose()
        self._server.terminate()
        self._server.wait(PATIENCE)
        self._log.close()
        self._directory.cleanup()
