"""examples/tenancy-api started as its README says: the sidecar, the service and Envoy, and who calls them."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

from processes import PATIENCE, PROJECT, Process, directory, free_ports, wait_until
from sidecar import PROGRAM

# Beside the platform's own.
OTHERS = [
    {
        "type": "USER",
        "id": id,
        "email": f"{id.split()[0]}@elsewhere.example",
        "emailVerified": True,
        "superadmin": False,
    }
    for id in ("bob", "mia", "mona", "björn 100%")
]


class World:
    """The gateway with all that is behind it, and the store."""

    def __init__(self, gateway, service, database, token):
        self.gateway, self.service, self.database, self.token = gateway, service, database, token

    def call(self, method, path, token, body=None, headers=None, to=None):
        """The status, and the JSON or else the bytes of an answer."""
        headers = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", to or self.gateway, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            read = answer.read()
            self.headers = answer.headers
            return answer.status, json.loads(read) if "json" in answer.headers.get("Content-Type", "") else read

    def directly(self, method, path, body, headers):
        return self.call(method, path, None, body, headers, to=self.service)

    def as_user(self, id, *claims):
        return Caller(self, id, self.token(f"sub={id}", *claims))

    def as_sub_account(self, email, *claims):
        return Caller(self, email, self.token("sub=login-1", f"email={email}", "account_type=sub-account", *claims))

    def verify(self, email):
        """Follows the link in the e-mail that was not sent."""
        ((code,),) = self.rows("SELECT code FROM api_verification WHERE email = ?", email)
        assert self.call("POST", "/sign-up/verify", None, {"email": email, "code": code})[0] == 204

    def rows(self, statement, *values):
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return database.execute(statement, values).fetchall()

    def write(self, statement, *values):
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement, values)


class Caller:
    """Somebody with a token."""

    def __init__(self, world, id, token):
        self.world, self.id, self.token = world, id, token

    def does(self, status, method, path, body=None, headers=None):
        """It is allowed and done, and the client is told of which state of the store a write has made."""
        found, content = self.world.call(method, path, self.token, body, headers)
        assert found == status, content
        if method != "GET":
            assert self.world.rows("SELECT * FROM tenancy_revision") == [(self.world.headers["Tenancy-Revision"],)]
        return content

    def denied(self, code, method, path, body=None, expected=403):
        """The gateway denies it, and the store is as it was."""
        before = self.world.rows("SELECT * FROM tenancy_revision")
        status, problem = self.world.call(method, path, self.token, body)
        assert (status, self.world.headers["X-Authz-Code"], problem["code"]) == (expected, code, code)
        assert self.world.rows("SELECT * FROM tenancy_revision") == before

    def fails(self, status, method, path, body=None):
        """It is allowed, but the service cannot do it; nothing of it is done."""
        before = self.world.rows("SELECT * FROM tenancy_revision")
        found, problem = self.world.call(method, path, self.token, body)
        assert (found, problem["status"], "code" in problem) == (status, status, False), problem
        assert self.world.rows("SELECT * FROM tenancy_revision") == before


@contextlib.contextmanager
def started():
    """A world of its own, on other ports than the README's."""
    temporary = directory()
    place = pathlib.Path(temporary.name, "tenancy-api")
    ports = dict(zip(("8080", "8180", "9000"), free_ports(3)))
    for example in ("tenancy-api", "envoy"):
        shutil.copytree(PROJECT / "examples" / example, place.with_name(example))
    with (place / "platform.ndjson").open("a") as file:
        file.writelines(f"{json.dumps(each)}\n" for each in OTHERS)

    def run(*command):
        return subprocess.run(command, cwd=place, check=True, stdout=subprocess.PIPE, text=True).stdout

    def elsewhere(text):
        assert re.search(r"\b(8080|8180|9000)\b", text)
        return re.sub(r"\b(8080|8180|9000)\b", lambda port: str(ports[port[0]]), text)

    (place / "jwks.json").write_text(run(sys.executable, "login.py", "keys"))
    (place / "sidecar.toml").write_text(elsewhere((place / "sidecar.toml").read_text()))
    (place / "envoy.yaml").write_text(elsewhere(run("sed", "-f", "envoy.sed", "../envoy/envoy-http.yaml")))

    def token(*claims):
        return run(sys.executable, "login.py", "token", *claims).strip()

    made = World(ports["8080"], ports["9000"], place / "tenancy.db", token)
    # Nothing of the machine's own settings.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PEPPOL_AUTHZ")}
    running = []

    def start(command, port, status, method, path):
        process = Process(pathlib.Path(command[0]).name, command, place, environment)
        running.append(process)

        def ready():
            process.lives()
            with contextlib.suppress(OSError, http.client.HTTPException):
                return made.call(method, path, None, to=port)[0] == status

        wait_until(ready, f"{process.name} is ready")

    service = [sys.executable, "-B", "server.py", "--listen", f"127.0.0.1:{made.service}"]
    service += ["--sidecar", f"http://127.0.0.1:{ports['8180']}"]
    envoy = ["envoy", "-c", "envoy.yaml", "--use-dynamic-base-id", "--concurrency", "1", "-l", "warning"]
    try:
        start([PROGRAM, "serve", "--config", "sidecar.toml"], ports["8180"], 200, "GET", "/readyz")
        start(service, made.service, 400, "POST", "/sign-up")
        start(envoy, made.gateway, 400, "POST", "/sign-up")
        yield made
    finally:
        for process in reversed(running):
            process.stop()
        temporary.cleanup()
