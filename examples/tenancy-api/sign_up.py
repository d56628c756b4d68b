"""Before there is anybody to ask about: these two are let through by the gateway unasked."""

import hmac
import secrets
import uuid

from request import Problem, address, text


def register(database, id, email):
    """A new user, whose address is not verified."""
    database.execute("INSERT INTO registered_user (id, email_verified, superadmin) VALUES (?, 0, 0)", (id,))
    database.execute("INSERT INTO account (email, user_id) VALUES (?, ?)", (email, id))
    # A real service sends an e-mail here.
    database.execute(
        "INSERT INTO api_verification (email, code) VALUES (?, ?) "
        "ON CONFLICT (email) DO UPDATE SET code = excluded.code",
        (email, secrets.token_urlsafe(32)),
    )


def sign_up(database, request):
    id, email = str(uuid.uuid4()), address(text(request.body(), "email"))
    register(database, id, email)
    return 201, {"id": id, "email": email, "emailVerified": False}


def verify(database, request):
    body = request.body()
    email, code = address(text(body, "email")), text(body, "code")
    sent = database.execute("SELECT code FROM api_verification WHERE email = ?", (email,)).fetchone()
    if not sent or not hmac.compare_digest(sent["code"].encode(), code.encode()):
        raise Problem(400, "that is not the code that was sent to this address")
    database.execute("DELETE FROM api_verification WHERE email = ?", (email,))
    database.execute(
        "UPDATE registered_user SET email_verified = 1 WHERE id = (SELECT user_id FROM account WHERE email = ?)",
        (email,),
    )
    return 204, None


ENDPOINTS = [
    ("POST", "/sign-up", sign_up),
    ("POST", "/sign-up/verify", verify),
]
