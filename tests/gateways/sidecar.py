"""The program under test, and the tokens that it takes."""

import json
import os
import shutil
import signal
import time
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from processes import PROJECT, Process, directory, free_ports, wait_until

# The binary under test, see `.ci/gateways`.
PROGRAM = os.environ["PEPPOL_AUTHZ"]

ISSUER = "https://login.example.com/"
AUDIENCE = "peppol"

KEYS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
}
# One of nobody's, under a name that is known.
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def token(subject, algorithm="RS256", key=None, **changes):
    """A token of the login, or with `changes` one that is none."""
    now = int(time.time())
    claims = {"sub": subject, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 3600} | changes
    return jwt.encode(claims, key or KEYS[algorithm], algorithm, headers={"kid": algorithm})


def bearer(subject, **changes):
    return ("Authorization", f"Bearer {token(subject, **changes)}")


def key_set():
    writers = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm}
    keys = []
    for algorithm, key in KEYS.items():
        members = json.loads(writers[algorithm].to_jwk(key.public_key()))
        keys.append({**members, "kid": algorithm, "alg": algorithm, "use": "sig"})
    return {"keys": keys}


class Sidecar:
    """`peppol-authz serve` on ports that stay the same when it is stopped and started again."""

    def __init__(self):
        self.port, self.grpc_port = free_ports(2)
        self._directory = directory()
        place = self._directory.name
        self.policies = shutil.copytree(PROJECT / "policies", f"{place}/policies")
        with open(f"{place}/jwks.json", "w", encoding="utf-8") as file:
            json.dump(key_set(), file)
        documents = [PROJECT / "examples/quickstart/tenancy.ndjson", PROJECT / "tests/gateways/tenancy.ndjson"]
        # Strings and arrays of them are written in TOML as in JSON.
        with open(f"{place}/config.toml", "w", encoding="utf-8") as file:
            file.write(
                f'listen = "127.0.0.1:{self.port}"\n'
                f"policies = {json.dumps(self.policies)}\n"
                f"import = {json.dumps([str(path) for path in documents])}\n"
                f'[gateway]\nenvoy_grpc_listen = "127.0.0.1:{self.grpc_port}"\n'
                f'[jwt]\njwks = "jwks.json"\nissuer = ["{ISSUER}"]\naudience = ["{AUDIENCE}"]\n'
            )
        self._process = None
        self.start()

    def start(self):
        # Nothing of the machine's own settings.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PEPPOL_AUTHZ")}
        command = [PROGRAM, "serve", "--config", "config.toml"]
        self._process = Process("peppol-authz", command, self._directory.name, environment)
        wait_until(self._ready, "the sidecar is ready")

    def _ready(self):
        self._process.lives()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def pause(self):
        self._process.pause()

    def resume(self):
        self._process.send(signal.SIGCONT)

    def stop(self):
        self._process.stop()

    def change_policy(self, name, old, new):
        """Replaces one text of a policy file, as an editor does: the file as a whole."""
        path = f"{self.policies}/{name}"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))
        os.rename(f"{path}.new", path)
        return text

    def write_policy(self, name, text):
        path = f"{self.policies}/{name}"
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(f"{path}.new", path)
