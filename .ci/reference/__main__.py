"""Keeps the pages of docs/reference/ that are made from the program and its files.

    python3 .ci/reference             ends with 1 if a page is not what the program says
    python3 .ci/reference --update    writes the pages

A page has a part between `<!-- made -->` and `<!-- /made -->`, which is written here, and words around it, which are not.
The binary is the one in `target/release`, or the one that PEPPOL_AUTHZ names.
"""

import difflib
import os
import pathlib
import sys

import codes
import commands
import log_lines
import running
import schema
import settings
import wire_cases

START, END = "<!-- made -->\n", "<!-- /made -->"
PAGES = pathlib.Path("docs/reference")


def binary():
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    found = pathlib.Path(os.environ.get("PEPPOL_AUTHZ", f"{target}/release/peppol-authz")).resolve()
    if not found.exists():
        sys.exit(f"there is no {found}: `cargo build --release` makes it, or PEPPOL_AUTHZ names another")
    return found


def main():
    update = sys.argv[1:] == ["--update"]
    program = binary()
    made = {
        "settings": settings.table(pathlib.Path("config.default.toml")),
        "codes": codes.table(),
        "log-lines": log_lines.table(),
        "wire-cases": wire_cases.table(),
        "commands": commands.table(program),
        "documents": schema.documents(),
    }
    with running.Sidecar(program) as sidecar:
        made["http"] = sidecar.endpoints()
        made["metrics"] = sidecar.metrics()
        made["actions"] = schema.actions(sidecar.schema())
    stale = []
    for name, text in made.items():
        page = PAGES / f"{name}.md"
        found = page.read_text("utf-8")
        before, rest = found.split(START)
        _, after = rest.split(END)
        wanted = f"{before}{START}\n{text.strip()}\n\n{END}{after}"
        if wanted != found and update:
            page.write_text(wanted, "utf-8")
        elif wanted != found:
            stale.append(page)
            sys.stderr.writelines(difflib.unified_diff(
                found.splitlines(True), wanted.splitlines(True), str(page), "the program", n=1))
    if stale:
        sys.exit("these pages are not what the program says; `python3 .ci/reference --update` writes them")


main()
