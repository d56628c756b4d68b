"""The cases of the wire, from tests/http: each is a request that a test sends to the real program, with its answer."""

import json
import pathlib
import tomllib


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def answer(expect):
    body = expect.get("exact") or expect.get("body") or "{}"
    try:
        body = json.loads(body)
    except ValueError:
        body = {}
    words = [str(expect["status"])]
    if isinstance(body, dict):
        for member in ("code", "decision"):
            if member in body:
                words.append(f"`{json.dumps(body[member]).strip(chr(34))}`")
        reasons = body.get("reasons", [])
        codes = [r["code"] for r in reasons if isinstance(r, dict) and "code" in r]
        context = body.get("context", {})
        codes += context.get("codes", []) if isinstance(context, dict) else []
        words += [f"`{code}`" for code in codes if f"`{code}`" not in words]
        several = next((body[m] for m in ("evaluations", "responses", "results") if isinstance(body.get(m), list)), [])
        decisions = [item["decision"] for item in several if isinstance(item, dict) and "decision" in item]
        words += ["`" + json.dumps(decision).strip('"') + "`" for decision in decisions]
        if several and not decisions:
            words.append(f"{len(several)} found")
    code = expect.get("headers", {}).get("x-authz-code")
    if code:
        words.append(f"`{code}`")
    return " ".join(words)


def table():
    out = []
    for path in sorted(pathlib.Path("tests/http").glob("*.toml")):
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
        comment = []
        for line in text.split("\n"):
            if not line.startswith("#"):
                break
            comment.append(line[2:])
        out += [f"## `{path.name}`", "", cell(" ".join(comment).strip()), "", "| case | request | answer |", "|---|---|---|"]
        for case in table["case"]:
            request = case.get("request")
            if request is None:
                method = case.get("method", "POST")
                request = f"{method} {case.get('path', table.get('path', '/v1/is_authorized'))}"
            request = request if len(request) <= 60 else request[:59] + "…"
            shown = cell(request).replace("`", "'")
            out.append(f"| {cell(case['name'])} | `{shown}` | {answer(case['expect'])} |")
        out.append("")
    return "\n".join(out)
