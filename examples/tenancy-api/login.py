"""In place of a login: keys, and tokens of whoever one would like to be.

python3 login.py keys > jwks.json
python3 login.py token sub=anna organisation=acme
"""

import base64
import json
import pathlib
import subprocess
import sys
import time

KEY = pathlib.Path("key.pem")
ISSUER, AUDIENCE = "https://login.example.com/", "peppol"


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, stdout=subprocess.PIPE, check=True).stdout


def text(content):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def keys():
    """Makes a key, and gives what others have to know of it."""
    KEY.write_bytes(openssl("genrsa", "2048"))
    KEY.chmod(0o600)
    modulus = openssl("rsa", "-in", KEY, "-noout", "-modulus").decode().strip().removeprefix("Modulus=")
    key = {"kty": "RSA", "kid": "example", "use": "sig", "alg": "RS256", "n": text(bytes.fromhex(modulus)), "e": "AQAB"}
    return json.dumps({"keys": [key]}, indent=2)


def token(claims):
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 3600} | claims
    if "email" in claims:
        # Without it the sidecar does not take an address.
        claims = {"email_verified": True} | claims
    signed = f"{text({'typ': 'JWT', 'alg': 'RS256', 'kid': 'example'})}.{text(claims)}"
    return f"{signed}.{text(openssl('dgst', '-sha256', '-sign', KEY, given=signed.encode()))}"


match sys.argv[1:]:
    case ["keys"]:
        print(keys())
    case ["token", *claims]:
        print(token(dict(claim.split("=", 1) for claim in claims)))
    case _:
        sys.exit(__doc__)
