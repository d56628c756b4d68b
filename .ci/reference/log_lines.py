"""The lines of the log, from the calls that write them."""

import pathlib
import re

CALL = re.compile(r"\b(?:tracing::)?(error|warn|info)!\(")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)


def inside(text, start):
    """The text between the parenthesis before `start` and its end."""
    depth, at = 1, start
    while depth:
        if text[at] == '"':
            at = TEXT.match(text, at).end()
            continue
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start:at - 1]


def parts(text):
    """The arguments of a call."""
    found, depth, begun, at = [], 0, 0, 0
    while at < len(text):
        if text[at] == '"':
            at = TEXT.match(text, at).end()
            continue
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[at], 0)
        if text[at] == "," and depth == 0:
            found.append(text[begun:at].strip())
            begun = at + 1
        at += 1
    found.append(text[begun:].strip())
    return [part for part in found if part]


def module(path):
    names = list(path.with_suffix("").parts)
    if names[0] == "crates":
        return "::".join([f"peppol_authz_{names[1]}", *names[3:]])
    return "::".join(["peppol_authz", *names[1:]])


def table():
    rows = set()
    for path in [*pathlib.Path("src").rglob("*.rs"), *pathlib.Path("crates").glob("*/src/**/*.rs")]:
        text = re.sub(r"^\s*//.*$", "", path.read_text("utf-8").split("#[cfg(test)]")[0], flags=re.M)
        for call in CALL.finditer(text):
            fields, message = [], None
            for part in parts(inside(text, call.end())):
                if part.startswith('"'):
                    message = re.sub(r"\\\s+", "", TEXT.match(part)[1]).replace('\\"', '"')
                elif message is None:
                    name = re.match(r"[?%]?([\w.]+)", part)
                    fields.append(name[1].rsplit(".", 1)[-1])
            if message and not re.fullmatch(r"\{\w+\}", message):
                message = re.sub(r"\{\w*(?::\?)?\}", "…", message).replace("|", "\\|")
                rows.add((call[1], message, ", ".join(f"`{f}`" for f in fields), module(path)))
    out = ["| level | line | fields | module |", "|---|---|---|---|"]
    for level in ["error", "warn", "info"]:
        out += [f"| {l} | {m} | {f} | `{p}` |" for l, m, f, p in sorted(rows, key=lambda row: row[1:]) if l == level]
    return "\n".join(out)
