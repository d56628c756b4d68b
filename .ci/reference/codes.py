"""The codes of the rules, from `policies/`; and a look that the page explains each other code that the program has."""

import pathlib
import re
import sys
import tomllib

MESSAGE = re.compile(r'@code\("([^"]+)"\)\s*@message\("([^"]+)"\)')
CODE = re.compile(r'"([A-Z]+(?:_[A-Z]+)+|INTERNAL|OVERLOADED)"')
# Texts of the same form that are no codes of denials and problems.
OTHER = re.compile(r"PEPPOL_AUTHZ.*|CARGO_.*|KIND_.*|.*SERVICE.*|PORT_.*|NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*|"
                   r"CRITICAL_.*|SERVER__.*|OTEL_.*")


def told():
    """Every code that the program's sources have."""
    found = set()
    for path in [*pathlib.Path("crates/engine/src").rglob("*.rs"), *pathlib.Path("crates/server/src").rglob("*.rs")]:
        text = path.read_text("utf-8").split("#[cfg(test)]")[0]
        if "tests" in path.parts or path.name == "tests.rs":
            continue
        found |= {code for code in CODE.findall(text) if not OTHER.fullmatch(code)}
    return found


def table():
    rules = tomllib.loads(pathlib.Path("policies/rules.toml").read_text("utf-8"))["rules"]
    messages = {}
    for path in sorted(pathlib.Path("policies").glob("*.cedar")):
        for code, message in MESSAGE.findall(path.read_text("utf-8")):
            messages.setdefault(code, [])
            if message not in messages[code]:
                messages[code].append(message)
    rows = {}
    for rule, content in rules.items():
        for code in content["codes"]:
            rows.setdefault(code, []).append(rule)
    out = ["| code | rule | message |", "|---|---|---|"]
    for code in sorted(code for code in rows if code in messages):
        links = ", ".join(f"[{rule}](rules.md)" for rule in rows[code])
        out.append(f"| `{code}` | {links} | {'; '.join(messages[code])} |")
    page = pathlib.Path("docs/reference/codes.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `([A-Z_0-9-]+)`", page, re.M)) | set(messages)
    missing = sorted(told() - explained)
    if missing:
        sys.exit(f"docs/reference/codes.md does not explain {', '.join(missing)}")
    gone = sorted(explained - told() - set(rows))
    if gone:
        sys.exit(f"docs/reference/codes.md explains {', '.join(gone)}, which the program does not have")
    return "\n".join(out)
