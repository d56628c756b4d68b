"""The members of an organisation, and the invitations to become one."""

import uuid

from request import Problem, one_of

ROLES = {role: role for role in ("orgadmin", "orgmember")}


def roles(database, user, organisation):
    rows = database.execute(
        "SELECT member_role FROM membership WHERE user_id = ? AND organisation_id = ? ORDER BY member_role",
        (user, organisation),
    )
    return [row["member_role"] for row in rows]


def show(database, user, organisation):
    return {"userId": user, "memberRoles": roles(database, user, organisation)}


def list_all(database, request):
    organisation = request.resource("Organisation")
    rows = database.execute(
        "SELECT DISTINCT user_id FROM membership WHERE organisation_id = ? ORDER BY user_id", (organisation,)
    ).fetchall()
    return 200, [show(database, row["user_id"], organisation) for row in rows]


def add(database, user, organisation, role):
    database.execute(
        "INSERT INTO membership (user_id, organisation_id, member_role) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (user, organisation, role),
    )


def take(database, user, organisation, *taken):
    """Takes roles of a member away: these, or all."""
    held = roles(database, user, organisation)
    for role in held:
        if not taken or role in taken:
            database.execute(
                "DELETE FROM membership WHERE user_id = ? AND organisation_id = ? AND member_role = ?",
                (user, organisation, role),
            )
    return held


def grant(database, request):
    user, organisation = request.named("user"), request.resource("Organisation")
    add(database, user, organisation, one_of(request.body(), "memberRole", ROLES))
    return 201, show(database, user, organisation)


def change(database, request):
    """The one role of the two in place of the other."""
    user, organisation = request.named("user"), request.resource("Organisation")
    role = one_of(request.body(), "memberRole", ROLES)
    if not set(roles(database, user, organisation)) & set(ROLES):
        raise Problem(404, "the organisation has no such member")
    take(database, user, organisation, *ROLES)
    add(database, user, organisation, role)
    return 200, show(database, user, organisation)


def revoke(database, request):
    if not take(database, request.named("user"), request.resource("Organisation")):
        raise Problem(404, "the organisation has no such member")
    return 204, None


def leave(database, request):
    take(database, request.user(), request.resource("Organisation"))
    return 204, None


def grant_ap_manager(database, request):
    user, organisation = request.named("user"), request.resource("Organisation")
    add(database, user, organisation, "ApManager")
    return 200, show(database, user, organisation)


def revoke_ap_manager(database, request):
    user, organisation = request.named("user"), request.resource("Organisation")
    if "ApManager" not in take(database, user, organisation, "ApManager"):
        raise Problem(404, "the organisation has no such ApManager")
    return 204, None


def show_invitation(row):
    return {"id": row["id"], "orgId": row["organisation_id"], "email": row["email"], "memberRole": row["member_role"]}


def find_invitation(database, id):
    row = database.execute("SELECT * FROM invitation WHERE id = ?", (id,)).fetchone()
    if not row:
        raise Problem(404, "there is no such invitation")
    return row


def list_invitations(database, request):
    rows = database.execute(
        "SELECT * FROM invitation WHERE organisation_id = ? ORDER BY id", (request.resource("Organisation"),)
    )
    return 200, [show_invitation(row) for row in rows]


def invite(database, request):
    """A real service sends an e-mail here."""
    id, role = str(uuid.uuid4()), one_of(request.body(), "memberRole", ROLES)
    database.execute(
        "INSERT INTO invitation (id, organisation_id, email, member_role) VALUES (?, ?, ?, ?)",
        (id, request.resource("Organisation"), request.named("email"), role),
    )
    return 201, show_invitation(find_invitation(database, id))


def withdraw(database, request):
    found = find_invitation(database, request.resource("Invitation"))
    database.execute("DELETE FROM invitation WHERE id = ?", (found["id"],))
    return 204, None


def accept(database, request):
    found = find_invitation(database, request.resource("Invitation"))
    if request.owes("GRANT_MEMBERSHIP"):
        add(database, request.user(), found["organisation_id"], found["member_role"])
    database.execute("DELETE FROM invitation WHERE id = ?", (found["id"],))
    return 200, show(database, request.user(), found["organisation_id"])


ENDPOINTS = [
    ("GET", "/orgs/{orgId}/members", list_all),
    ("POST", "/orgs/{orgId}/members", grant),
    ("PUT", "/orgs/{orgId}/members/{userId}", change),
    ("DELETE", "/orgs/{orgId}/members/{userId}", revoke),
    ("POST", "/orgs/{orgId}/leave", leave),
    ("PUT", "/orgs/{orgId}/members/{userId}/ap-manager", grant_ap_manager),
    ("DELETE", "/orgs/{orgId}/members/{userId}/ap-manager", revoke_ap_manager),
    ("GET", "/orgs/{orgId}/invitations", list_invitations),
    ("POST", "/orgs/{orgId}/invitations", invite),
    ("DELETE", "/orgs/{orgId}/invitations/{invitationId}", withdraw),
    ("POST", "/invitations/{invitationId}/accept", accept),
]
