"""The program, with the variables and files that a pod of the chart has."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from conftest import HERE, objects, values_of

PROGRAM = os.environ["PEPPOL_AUTHZ"]
PROJECT = HERE.parent.parent
KEY = "authz_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
QUESTION = {
    "principal": 'Peppol::User::"anna"',
    "action": 'Peppol::Action::"getOrganisation"',
    "resource": 'Peppol::Organisation::"acme"',
}


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Pod:
    """A root with what the chart mounts, and the variables of its container."""

    def __init__(self, made, root):
        self.root = root
        self.config = made["ConfigMap"]["data"]
        spec = made["Deployment"]["spec"]["template"]["spec"]
        [self.container] = [c for c in spec.get("initContainers", []) + spec["containers"] if c["name"] == "peppol-authz"]
        self.job = made["Job"]["spec"]["template"]["spec"]["containers"][0] if "Job" in made else None
        for mount in self.container["volumeMounts"]:
            place = root / mount["mountPath"][1:]
            self.lay(mount["name"], place)
            [volume] = [volume for volume in spec["volumes"] if volume["name"] == mount["name"]]
            if "secret" in volume:
                for file in place.iterdir():
                    file.chmod(volume["secret"].get("defaultMode", 0o644))

    def lay(self, name, place):
        write = {
            "settings": self.settings, "tls": self.certificate, "clients": self.certificate, "callers": self.keys,
            "search": self.secret("token.key"), "decision-log": self.secret("key"), "state": pathlib.Path.mkdir,
            "policies": self.files("policies/*.cedar", "policies/rules.toml"), "schema": self.files("schema/peppol.cedarschema"),
            "routes": self.files("schema/routes.toml"), "documents": self.files("examples/quickstart/tenancy.ndjson"),
            "additions": lambda place: shutil.copytree(PROJECT / "schema/additions", place),
            "store-ca": self.certificate,
        }[name]
        place.parent.mkdir(parents=True, exist_ok=True)
        write(place)

    def settings(self, place):
        place.mkdir()
        for name, text in self.config.items():
            (place / name).write_text(text, "utf-8")

    def certificate(self, place):
        """One that is an authority for itself."""
        place.mkdir()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", place / "tls.key", "-out", place / "tls.crt")
        shutil.copy(place / "tls.crt", place / "ca.crt")

    def keys(self, place):
        place.mkdir()
        hashed = run(PROGRAM, "key", "--hash", "-", input=KEY).split()[-1]
        text = f'[[key]]\nname = "service"\nhash = "{hashed}"\nclaims = {{ roles = ["decide", "metrics"] }}\n'
        (place / "callers.toml").write_text(text, "utf-8")

    @staticmethod
    def secret(name):
        def write(place):
            place.mkdir()
            (place / name).write_text("0123456789abcdef" * 4, "utf-8")
        return write

    @staticmethod
    def files(*globs):
        """As Kubernetes mounts a ConfigMap: links into a directory that another link names."""
        def write(place):
            (place / "..2026").mkdir(parents=True)
            (place / "..data").symlink_to("..2026")
            for found in (path for glob in globs for path in PROJECT.glob(glob)):
                shutil.copy(found, place / "..2026" / found.name)
                (place / found.name).symlink_to(f"..data/{found.name}")
        return write

    def environment(self, container, **others):
        variables = {"PATH": os.environ["PATH"]}
        for variable in container["env"]:
            # A secret of PostgreSQL's: here of SQLite.
            value = variable.get("value", "sqlite:/var/lib/peppol-authz/tenancy.db")
            variables[variable["name"]] = value.replace("/etc/peppol-authz", f"{self.root}/etc/peppol-authz").replace(
                "/var/lib/peppol-authz", f"{self.root}/var/lib/peppol-authz")
        return {**variables, **others}

    def migrate(self):
        if self.job is not None:
            run(PROGRAM, *self.job["args"], env=self.environment(self.job))


def asked(port, path, *, tls=False, key=None, body=None):
    kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    # The kubelet does not look at certificates, either.
    options = {"context": ssl._create_unverified_context()} if tls else {}
    connection = kind("127.0.0.1", port, timeout=20, **options)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, text


def until(holds, process):
    for _ in range(600):
        assert process.poll() is None, "the program has ended"
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail("it never came")


def test_the_program_takes_what_the_chart_sets(case, tmp_path):
    pod = Pod(objects(values_of(case)), tmp_path)
    pod.migrate()
    run(PROGRAM, *pod.container["args"], "--check", env=pod.environment(pod.container))


def test_a_service_answers_until_nobody_asks_it(tmp_path):
    values = values_of("service")
    # Shorter than in a cluster, and far longer than questions are asked for below.
    values["drain"] = {"delaySeconds": 5}
    values["settings"] = ""
    pod = Pod(objects(values), tmp_path)
    pod.migrate()
    port, admin = free_port(), free_port()
    environment = pod.environment(
        pod.container, PEPPOL_AUTHZ_LISTEN=f"0.0.0.0:{port}", PEPPOL_AUTHZ_ADMIN__LISTEN=f"0.0.0.0:{admin}")
    run(PROGRAM, "import", PROJECT / "examples/quickstart/tenancy.ndjson", env=pod.environment(pod.job))
    process = subprocess.Popen([PROGRAM, *pod.container["args"]], env=environment, stderr=subprocess.DEVNULL)

    def probed(name):
        probe = pod.container[name]["httpGet"]
        assert (probe["port"], probe["scheme"]) == ("admin", "HTTPS")
        return asked(admin, probe["path"], tls=True)[0]

    def decided():
        status, text = asked(port, "/v1/is_authorized", tls=True, key=KEY, body=QUESTION)
        assert status == 200 and json.loads(text)["decision"] == "Allow", text

    try:
        until(lambda: probed("readinessProbe") == 200, process)
        assert probed("startupProbe") == probed("livenessProbe") == 200
        decided()
        assert asked(port, "/v1/is_authorized", tls=True, body=QUESTION)[0] == 401
        assert asked(admin, "/metrics", tls=True, key=KEY)[0] == 200
        process.send_signal(signal.SIGTERM)
        enough = time.monotonic() + 1.5
        # A balancer sends questions until it has seen this, and some more.
        until(lambda: decided() or probed("readinessProbe") == 503, process)
        while time.monotonic() < enough:
            decided()
        assert probed("livenessProbe") == 200, "it would be killed while it drains"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_a_sidecar_asks_itself(tmp_path):
    pod = Pod(objects(values_of("sidecar")), tmp_path)
    address = f"127.0.0.1:{free_port()}"
    environment = pod.environment(pod.container, PEPPOL_AUTHZ_LISTEN=address)

    def probed(name):
        program, *arguments = pod.container[name]["exec"]["command"]
        assert program == "/peppol-authz"
        arguments = [address if argument == "127.0.0.1:8180" else argument for argument in arguments]
        assert address in arguments
        return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True).returncode == 0

    assert not probed("startupProbe")
    process = subprocess.Popen([PROGRAM, *pod.container["args"]], env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: probed("startupProbe"), process)
        assert probed("readinessProbe") and probed("livenessProbe")
        status, text = asked(int(address.rpartition(":")[2]), "/v1/is_authorized", body=QUESTION)
        assert status == 200 and json.loads(text)["decision"] == "Allow", text
    finally:
        process.terminate()
        assert process.wait(60) == 0
