"""A request, read once and strictly, and the entities that the sidecar has decided on."""

import http
import json
import math
import re
import urllib.parse


class Problem(Exception):
    """An answer that is none: a status and what is wrong."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status, self.detail = status, detail

    def answer(self):
        title = http.HTTPStatus(self.status).phrase
        return self.status, {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}, {}


def segments(path):
    return path.removeprefix("/").split("/")


def decoded(text):
    """Percent-decoded, once."""
    if not text.isascii() or re.search("%(?![0-9A-Fa-f]{2})", text):
        raise Problem(400, "the path or the query cannot be read")
    try:
        plain = urllib.parse.unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Problem(400, "the path or the query cannot be read") from None
    if not plain.isprintable():
        raise Problem(400, "the path or the query cannot be read")
    return plain


def readable(target):
    """The segments of the path, decoded one by one, and the query."""
    path, _, query = target.partition("?")
    parts = [decoded(part) for part in segments(path)]
    if any("/" in part or part in ("", ".", "..") for part in parts):
        raise Problem(400, "the path or the query cannot be read")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return parts, [(decoded(name.replace("+", " ")), decoded(value.replace("+", " "))) for name, _, value in pairs]


def members(pairs):
    """A JSON object. One that says something twice says nothing."""
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a member is there twice")
    return read


def no_number(text):
    raise ValueError(f"{text} is no number")


def number(text):
    value = float(text)
    return value if math.isfinite(value) else no_number(text)


def strict_json(content):
    return json.loads(content.decode(), object_pairs_hook=members, parse_float=number, parse_constant=no_number)


UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# An entity as the gateway tells it, and in a context its name before it.
ENTITY = re.compile('(?:([^=",; ]+)=)?([A-Za-z0-9_:]+)::"([^",; ]*)"')


def entities(text):
    """The entities that were decided on: of each question the resource and the entities of its context, as type and id."""
    questions = []
    for item in text.split(", ") if text else []:
        parts = [ENTITY.fullmatch(part) for part in item.split("; ")]
        if not all(parts) or [part for part in parts if part[1] is None] != parts[:1]:
            raise Problem(500, "the gateway has to set `X-Authz-Resource` as the sidecar has sent it")
        (_, kind, id), *context = (part.groups() for part in parts)
        questions.append(((kind, decoded(id)), {name: (kind, decoded(id)) for name, kind, id in context}))
    return questions


class Request:
    """A request, as an endpoint needs it."""

    def __init__(self, path, query, headers, body, sidecar):
        self.path, self._query, self._headers, self.content = path, query, headers, body
        self.sidecar = sidecar
        self.subject, self.obligations, self.decided = None, set(), []

    def _header(self, name):
        values = self._headers.get_all(name, [])
        if len(values) != 1:
            raise Problem(500, f"the gateway has to set `{name}`, once")
        return values[0]

    def by_gateway(self):
        """Takes what the sidecar has told the gateway."""
        if not self._header("X-Authz-Decision-Id"):
            raise Problem(500, "the gateway sent no decision")
        self.subject = (self._header("X-Authz-Subject-Type"), decoded(self._header("X-Authz-Subject")))
        self.decided = entities(self._header("X-Authz-Resource"))
        self.obligations = {name.strip() for name in self._header("X-Authz-Obligations").split(",")} - {""}

    def owes(self, obligation):
        """True if the permit obliges to this. The endpoint that asks has to do it: it is owed no longer."""
        owed = obligation in self.obligations
        self.obligations.discard(obligation)
        return owed

    def plan(self):
        """The condition on the rows of a list, and its parameters, as the sidecar has made them for who asks."""
        text, id = self._header("X-Authz-Plan"), self._header("X-Authz-Plan-Id")
        if not text and not UUID.fullmatch(id):
            raise Problem(500, "the gateway has to hand on the plan of a list")
        plan = strict_json(decoded(text).encode()) if text else self.sidecar.plan(id)
        if plan.get("obligations") or plan["sql"]["dialect"] != "sqlite":
            raise Problem(500, "the plan is not for this service")
        return plan["sql"]["where"], plan["sql"]["parameters"]

    def user(self):
        """The id of the user who asks."""
        kind, id = self.subject
        if kind != "Peppol::User":
            raise Problem(500, "only a user can be meant here")
        return id

    def resources(self, kind):
        """The ids of all resources of a type, in the order of the questions. Only of these may the request be."""
        found = dict.fromkeys(id for (its, id), _ in self.decided if its == f"Peppol::{kind}")
        if not found:
            raise Problem(500, f"the gateway did not say which {kind} was decided on")
        return list(found)

    def resource(self, kind):
        """The same where it can be one only."""
        first, *others = self.resources(kind)
        if others:
            raise Problem(400, f"this is about one {kind}, and the request names several")
        return first

    def named(self, member):
        """The id of an entity in the context of a question; none where it was not asked about."""
        found = {context[member][1] for _, context in self.decided if member in context}
        if len(found) > 1:
            raise Problem(400, f"`{member}` is not one alone")
        return found.pop() if found else None

    def query(self, name):
        values = [value for key, value in self._query if key == name]
        if len(values) > 1:
            raise Problem(400, f"`{name}` is there twice")
        return values[0] if values else None

    def body(self):
        """The body, which has to be a JSON object."""
        try:
            body = strict_json(self.content)
        except (ValueError, RecursionError):
            raise Problem(400, "the body is no JSON") from None
        if not isinstance(body, dict):
            raise Problem(400, "the body has to be a JSON object")
        return body


def text(body, name):
    """A member that has to be there, with something in it."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Problem(400, f"`{name}` has to be text")
    return value


def one_of(body, name, meanings):
    """A member with one of some values, and what that means."""
    value = body.get(name)
    if not isinstance(value, str) or value not in meanings:
        raise Problem(400, f"`{name}` has to be one of {', '.join(meanings)}")
    return meanings[value]


def ids(body):
    """The array `ids`, of text."""
    found = body.get("ids")
    if not isinstance(found, list) or not found or not all(isinstance(id, str) for id in found):
        raise Problem(400, "`ids` has to be an array of ids")
    return list(dict.fromkeys(found))


ENVIRONMENTS = {"TEST": "TEST", "PROD": "PRODUCTION", "PRODUCTION": "PRODUCTION"}


def address(spelling):
    """An e-mail address in the one spelling that is stored, of somebody who signs up."""
    if not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", spelling):
        raise Problem(400, "that is no e-mail address")
    return spelling.lower()


def receiver_id(spelling):
    """The participant that a document is for, with its scheme, and the value in lower case. Nothing is decided on it:
    of all others the sidecar says the one spelling."""
    scheme, separator, value = spelling.partition("::")
    if not separator:
        scheme, value = "iso6523-actorid-upis", spelling
    if not re.fullmatch("[!-~]+", scheme) or not re.fullmatch("[!-~]+", value):
        raise Problem(400, "that is no participant identifier")
    return f"{scheme}::{value.lower()}"
