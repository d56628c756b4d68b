"""A running sidecar, and its own word on its endpoints and metrics."""

import json
import pathlib
import subprocess
import tempfile
import time

TAGS = {
    "questions": "Questions",
    "authzen": "AuthZEN",
    "gateways": "Gateways",
    "operations": "Operation",
}
METHODS = ["get", "post", "put", "delete", "patch", "head", "options"]


def sentence(text):
    """One line of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


class Sidecar:
    """A program over the tenancy of the quickstart, at a socket."""

    def __init__(self, program):
        self._program = program

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        place = self._directory.name
        self._socket = f"{place}/sidecar.sock"
        documents = pathlib.Path("examples/quickstart/tenancy.ndjson").resolve()
        # What most settings add is in the metrics.
        pathlib.Path(f"{place}/keys.json").write_text('{"keys": []}')
        arguments = ["serve", "--listen", f"unix:{self._socket}", "--tenancy", f"sqlite:{place}/tenancy.db",
                     "--import", documents, "--shadow", pathlib.Path("policies").resolve(),
                     "--decision-log", f"file:{place}/decisions.log"]
        self._process = subprocess.Popen([self._program, *arguments], cwd=place, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, env={"PEPPOL_AUTHZ_CALLERS__RATE": "1000"})
        for _ in range(600):
            if subprocess.run(self._curl("/readyz"), capture_output=True).returncode == 0:
                return self
            time.sleep(0.1)
        raise SystemExit("the sidecar did not become ready")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._directory.cleanup()

    def _curl(self, path, *arguments):
        return ["curl", "-sf", "--unix-socket", self._socket, *arguments, f"http://sidecar{path}"]

    def _get(self, path):
        return subprocess.run(self._curl(path), capture_output=True, text=True, check=True).stdout

    def _ask(self):
        """Some requests of each kind, so that the metrics have their labels."""
        anna = 'Peppol::User::"anna"'
        for resource in ['Peppol::Organisation::"acme"', 'Peppol::Organisation::"globex"', 7]:
            question = {"principal": anna, "action": 'Peppol::Action::"getOrganisation"', "resource": resource}
            self._send("/v1/is_authorized", "-d", json.dumps(question))
        open_part = {"principal": anna, "action": 'Peppol::Action::"getOrganisation"', "resource": {"type": "Peppol::Organisation"}}
        self._send("/v1/search", "-d", json.dumps(open_part))
        self._send("/v1/plan", "-d", json.dumps(open_part))
        self._send("/authz/nginx", "-H", "X-Original-Method: GET", "-H", "X-Original-URI: /orgs/acme")
        self._send("/authz/nginx", "-H", "X-Original-Method: GET", "-H", "X-Original-URI: /orgs/acme",
                   "-H", "Authorization: Bearer no-key-of-anybody-is-this-one-here")
        # The shadow is behind.
        for _ in range(100):
            if "shadow_decisions_total{" in self._get("/metrics"):
                return
            time.sleep(0.1)

    def _send(self, path, *arguments):
        subprocess.run([word for word in self._curl(path, *arguments) if word != "-sf"] + ["-s"], capture_output=True, check=True)

    def schema(self):
        return json.loads(self._get("/v1/schema"))

    def endpoints(self):
        paths = json.loads(self._get("/openapi.json"))["paths"]
        out = []
        for tag, title in TAGS.items():
            out += [f"## {title}", "", "| endpoint | does |", "|---|---|"]
            for path, methods in paths.items():
                for method, operation in methods.items():
                    if method in METHODS and tag in operation["tags"]:
                        told = f"{operation['summary']} {operation.get('description') or ''}"
                        out.append(f"| `{method.upper()} {path}` | {sentence(told)} |")
            out.append("")
        statuses = {}
        for methods in paths.values():
            for method, operation in methods.items():
                for status, answer in operation.get("responses", {}).items() if method in METHODS else ():
                    statuses.setdefault(status, {}).setdefault(sentence(answer["description"]), None)
        out += ["## Statuses", "", "| status, other than `200` | says |", "|---|---|"]
        out += [f"| `{status}` | {'; or: '.join(said)} |" for status, said in sorted(statuses.items()) if status != "200"]
        return "\n".join(out)

    def metrics(self):
        self._ask()
        told, labels = {}, {}
        for line in self._get("/metrics").splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                _, what, name, text = line.split(" ", 3)
                told.setdefault(name, {})[what] = text
            elif not line.startswith("#"):
                name, _, rest = line.partition("{")
                for label in rest.partition("}")[0].split(","):
                    key = label.partition("=")[0]
                    owner = max((n for n in told if name.split(" ")[0].startswith(n)), key=len, default=None)
                    if key and key != "le" and owner:
                        labels.setdefault(owner, {})[key] = None
        out = ["| metric | kind | labels | says |", "|---|---|---|---|"]
        for name, parts in told.items():
            shown = ", ".join(f"`{label}`" for label in labels.get(name, ()))
            suffix = "_total" if parts["TYPE"] == "counter" else ""
            out.append(f"| `{name}{suffix}` | {parts['TYPE']} | {shown} | {sentence(parts['HELP'])} |")
        return "\n".join(out)
