#!/usr/bin/env python3
"""Brings the code list of participant identifier schemes in peppol.cedarschema up to date.

    schema/participant-schemes.py "Peppol Code Lists - Participant identifier schemes v9.7.json"

The file is OpenPeppol's, of https://docs.peppol.eu/edelivery/codelists/ (its sources are at
https://github.com/OpenPEPPOL/edec-codelists). Codes that are deprecated or removed stay: identifiers
with them are in use. It is an error where a code of the list today is missing in the new one, or
has another name there: rows of the tenancy store would then mean another party.
"""

import json
import pathlib
import re
import sys

SCHEMA = pathlib.Path(__file__).with_name("peppol.cedarschema")
LIST = re.compile(r'@doc\("[^"]*"\)\n  @codes\("\n(?P<codes>[^"]*)  "\)\n  type ParticipantScheme')


def line(entry):
    until = entry.get("deprecation-release")
    since = f"since {entry['initial-release']}" + (f", until {until}" if until else "")
    return f"    {entry['iso6523']} {entry['schemeid']:<9} {entry['state']}, {since}\n"


def names(lines):
    return dict(line.split()[:2] for line in lines.splitlines())


def main(path):
    published = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    entries = sorted(published["values"], key=lambda entry: entry["iso6523"])
    codes = "".join(map(line, entries))
    schema = SCHEMA.read_text(encoding="utf-8")
    found = LIST.search(schema)
    if found is None:
        sys.exit(f"{SCHEMA}: no type ParticipantScheme with @doc and @codes")
    before, after = names(found["codes"]), names(codes)
    for code, name in before.items():
        if after.get(code) != name:
            sys.exit(f"{path}: {code} was {name}, and is {after.get(code, 'missing')}")
    version = published["version"]
    doc = f"Peppol Code Lists, Participant identifier schemes, version {version}: https://docs.peppol.eu/edelivery/codelists/"
    text = f'@doc("{doc}")\n  @codes("\n{codes}  ")\n  type ParticipantScheme'
    SCHEMA.write_text(schema[: found.start()] + text + schema[found.end() :], encoding="utf-8")
    new = [f"{code} {name}" for code, name in after.items() if code not in before]
    print(f"version {version}: {len(after)} codes, new: {', '.join(new) or 'none'}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
