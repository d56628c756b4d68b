"""Cerbos's clients and adapters, unmodified, over real tables: they find the rows that are allowed one by one."""

import json
import pathlib
import sqlite3
import subprocess
import sys

import pytest
import sqlalchemy
from cerbos.sdk.client import CerbosClient
from cerbos.sdk.model import CerbosRequestException, Principal, ResourceDesc
from cerbos_sqlalchemy import get_query

from postgres import Postgres
from sidecar import PATIENCE, PROJECT, Sidecar

FILES = PROJECT / "tests/clients/cerbos"

# id, owner, folder, pages, open, title, note, rank, room, labels. Columns are whatever they are in a real
# table: absent where an attribute is optional, and where it is not.
ROWS = [
    ("d-1", "ann", "f-1", 1, True, "t", "a", 1, "r", ["x"]),
    ("d-2", "bo", "f-2", 5, False, "T", "A", 2, "R", ["y"]),
    ("d-3", "ann", None, 10, False, "", None, None, "r", []),
    ("d-4", "Ann", "f-3", 11, True, "t ", "", 0, "r ", ["X"]),
    ("d-5", "bo", "f-4", 2, False, "t", "b", -2, "", ["x", "y"]),
    ("d-6", "cy", "F-1", 7, False, "ta", "ä", 3, "s", ["z"]),
    ("D-1", "ann", "", 3, True, "x' OR 1=1 --", "a ", 2, "r", ["x", "X"]),
    ("d-7", None, "f-1", 4, True, "t", "A", 1, "r", ["x"]),
    ("d-8", "ann", "f-1", None, True, "t", "A", 1, "r", ["y"]),
    ("d-9", "ann", "f-1", 6, None, "t", "A", 1, "r", []),
    ("d-10", "ann", "f-1", 6, True, None, "A", 1, "r", ["y"]),
]
NAMES = ["id", "owner", "folder", "pages", "open", "title", "note", "rank", "room"]

SAID = [
    "owned", "inOwnFolder", "short", "opened", "closed", "ofOthers", "noted", "notNoted", "otherwiseNoted",
    "notedOtherwise", "ranked", "inRoom", "labelled", "labelledAny", "notLabelled", "either", "forbidden", "one",
    "any", "none",
]  # fmt: skip
NOT_SAID = ["titled", "bare"]


@pytest.fixture(scope="module")
def rows():
    """A sidecar whose store knows no documents."""
    started = Sidecar(
        "--schema", FILES / "schema.cedarschema",
        "--policies", FILES / "policies",
        "--tenancy", f"entities:{FILES / 'entities.json'}",
    )  # fmt: skip
    yield started
    started.stop()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A table that no constraint keeps in order."""
    path = tmp_path_factory.mktemp("cerbos") / "docs.db"
    fill(sqlalchemy.create_engine(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request):
    """The same table in each database."""
    if request.param == "sqlite":
        yield sqlalchemy.create_engine(f"sqlite:///{request.getfixturevalue('database')}")
        return
    server = Postgres()
    fill(server.engine)
    yield server.engine
    server.stop()


def fill(engine):
    with engine.begin() as connection:
        types = {"pages": "INTEGER", "open": "BOOLEAN", "rank": "INTEGER"}
        columns = ", ".join(f"{name} {types.get(name, 'TEXT')}" for name in NAMES)
        connection.execute(sqlalchemy.text(f"CREATE TABLE docs ({columns})"))
        connection.execute(sqlalchemy.text("CREATE TABLE labels (doc TEXT, value TEXT)"))
        values = ", ".join(f":{name}" for name in NAMES)
        for *columns, labels in ROWS:
            connection.execute(sqlalchemy.text(f"INSERT INTO docs VALUES ({values})"), dict(zip(NAMES, columns)))
            for label in labels:
                label = {"doc": columns[0], "value": label}
                connection.execute(sqlalchemy.text("INSERT INTO labels VALUES (:doc, :value)"), label)


def described(row):
    """A row as the caller of a question describes it."""
    *columns, labels = row
    values = {name: value for name, value in zip(NAMES, columns) if value is not None}
    entities = {"owner": "User", "folder": "Folder"}
    attributes = {
        name: {"__entity": {"type": entities[name], "id": value}} if name in entities else value
        for name, value in values.items()
        if name not in ("id", "room")
    }
    attributes |= {"labels": labels, "place": {"room": values["room"]}}
    return {"uid": {"type": "Doc", "id": values["id"]}, "attrs": attributes, "parents": []}


def allowed(rows, action):
    """The ids of the rows that are allowed one by one. What is no entity is refused, and not allowed."""
    ids = []
    for row in ROWS:
        question = {
            "principal": 'User::"ann"',
            "action": f'Action::"{action}"',
            "resource": {"type": "Doc", "id": row[0]},
            "entities": [described(row)],
        }
        status, answer = rows.post("/v1/is_authorized", question)
        assert status in (200, 400), answer
        if answer.get("decision") == "Allow":
            ids.append(row[0])
    return sorted(ids)


def is_whole(row):
    return not any(row[NAMES.index(name)] is None for name in ("owner", "pages", "open", "title", "room"))


def plan(url, action, **changes):
    with CerbosClient(url) as client:
        principal = Principal('User::"ann"', roles={"user"}, attr={"open": True})
        answer = client.plan_resources(action, principal, ResourceDesc("Doc", **changes))
        return answer.raise_if_failed()


def found_by_sqlalchemy(url, engine, action):
    table = sqlalchemy.Table(
        "docs",
        sqlalchemy.MetaData(),
        *(sqlalchemy.Column(name, sqlalchemy.String) for name in ("id", "owner", "folder", "title", "note", "room")),
        *(sqlalchemy.Column(name, sqlalchemy.Integer) for name in ("pages", "rank")),
        sqlalchemy.Column("open", sqlalchemy.Boolean),
    )
    labels = sqlalchemy.table("labels", sqlalchemy.column("doc"), sqlalchemy.column("value"))
    columns = {f"request.resource.attr.{name}": table.c[name] for name in NAMES[1:-1]}
    columns |= {"request.resource.id": table.c.id, "request.resource.attr.place.room": table.c.room}
    # The adapter leaves sets to its user; the column says which row they are of.
    columns["request.resource.attr.labels"] = table.c.id

    def has_intersection(document, values):
        return sqlalchemy.exists().where(labels.c.doc == document, labels.c.value.in_(values))

    query = get_query(plan(url, action), table, columns, operator_override_fns={"hasIntersection": has_intersection})
    with engine.connect() as connection:
        return sorted(row.id for row in connection.execute(query.with_only_columns(table.c.id)))


def of_whole_rows(found):
    """A row that lacks what every entity has is no entity; but a plan looks at no more of it than the policies read."""
    whole = {row[0] for row in ROWS if is_whole(row)}
    return [id for id in found if id in whole]


@pytest.mark.parametrize("action", SAID)
def test_sqlalchemy_finds_what_is_allowed(rows, engine, action):
    assert of_whole_rows(found_by_sqlalchemy(rows.url, engine, action)) == allowed(rows, action)


@pytest.mark.parametrize("action", NOT_SAID)
def test_what_adapters_do_not_say_alike_is_an_error(rows, action):
    with pytest.raises(CerbosRequestException) as raised:
        plan(rows.url, action)
    assert raised.value.error.code == 9
    assert raised.value.error.message.startswith("PLAN_NOT_EXACT")


def test_a_row_without_what_the_policy_reads_is_not_found(rows, engine):
    assert "d-7" not in found_by_sqlalchemy(rows.url, engine, "opened")
    assert "d-9" not in found_by_sqlalchemy(rows.url, engine, "opened")
    assert "d-10" not in found_by_sqlalchemy(rows.url, engine, "either")
    assert "d-8" not in found_by_sqlalchemy(rows.url, engine, "forbidden")


def test_prisma_finds_what_is_allowed(rows, database):
    # See `.ci/clients`.
    environment = pathlib.Path(sys.prefix)
    command = [environment / "bin/node", environment / "cerbos/rows.mjs", rows.url, database, *SAID, *NOT_SAID]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=4 * PATIENCE, check=True)
    found = json.loads(done.stdout)
    for action in SAID:
        assert isinstance(found[action], list), (action, found[action])
        assert of_whole_rows(found[action]) == allowed(rows, action), action
    assert "d-10" not in found["either"] and "d-9" not in found["opened"]
    for action in NOT_SAID:
        assert found[action]["code"] == 9 and "PLAN_NOT_EXACT" in found[action]["error"], found[action]


def test_faults_are_errors_of_cerbos(rows, gone):
    with CerbosClient(rows.url) as client:
        answer = client.plan_resources("owned", Principal("ann", roles={"user"}), ResourceDesc("Doc"))
        assert answer.failed() and answer.status_code == 400
        assert answer.status_msg.code == 3 and "principal.id" in answer.status_msg.message
    with pytest.raises(CerbosRequestException):
        plan(rows.url, "owned", policy_version="v2")
    with pytest.raises(Exception):
        plan(gone, "owned")


DOCUMENTS = [("d-1", "le-acme"), ("d-2", "le-acme"), ("d-3", "le-globex"), ("d-4", "le-other"), ("d-5", "LE-acme")]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The shipped policies, over a store that knows the documents too."""
    path = tmp_path_factory.mktemp("shipped") / "documents.ndjson"
    organisations = {"le-acme": "acme", "le-other": "acme", "le-globex": "globex", "LE-acme": "globex"}
    lines = [{"type": "LEGAL_ENTITY", "id": id, "organisationId": of} for id, of in organisations.items()]
    sub_account = {"id": "sue", "email": "sue@acme.example", "organisationId": "acme", "fullAccess": False}
    lines += [{"type": "SUB_ACCOUNT", "legalEntityIds": ["le-other"], **sub_account}]
    lines += [{"type": "DOCUMENT", "id": id, "legalEntityId": of, "direction": "SENT"} for id, of in DOCUMENTS]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    started = Sidecar("--import", PROJECT / "examples/quickstart/tenancy.ndjson", "--import", path)
    yield started
    started.stop()


def test_the_shipped_policies(shipped, tmp_path):
    """Documents by their legal entities, as in an operator's own table; whatever role a caller says."""
    path = tmp_path / "documents.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE documents (id TEXT, legal_entity TEXT)")
    connection.executemany("INSERT INTO documents VALUES (?, ?)", DOCUMENTS)
    connection.commit()
    connection.close()
    columns = (sqlalchemy.Column(name, sqlalchemy.String) for name in ("id", "legal_entity"))
    table = sqlalchemy.Table("documents", sqlalchemy.MetaData(), *columns)
    columns = {"request.resource.id": table.c.id, "request.resource.attr.legalEntity": table.c.legal_entity}
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    found = {}
    for kind, id in (("User", "anna"), ("User", "mia"), ("User", "root"), ("SubAccount", "sue"), ("User", "nobody")):
        principal = f'Peppol::{kind}::"{id}"'
        with CerbosClient(shipped.url) as client:
            asked = Principal(principal, roles={"superadmin"}, attr={"superadmin": True})
            answer = client.plan_resources("viewDocument", asked, ResourceDesc("Peppol::Document")).raise_if_failed()
        with engine.connect() as connection:
            found[id] = {row.id for row in connection.execute(get_query(answer, table, columns))}
        for document, _ in DOCUMENTS:
            resource = {"type": "Peppol::Document", "id": document}
            question = {"principal": principal, "action": 'Peppol::Action::"viewDocument"', "resource": resource}
            status, decision = shipped.post("/v1/is_authorized", question)
            assert status == 200
            assert (decision["decision"] == "Allow") == (document in found[id]), (id, document)
    assert found["anna"] == {"d-1", "d-2", "d-4"} and found["sue"] == {"d-4"} and not found["nobody"], found
