"""The actions and types of the schema in force, and the documents of `import`."""

import json
import pathlib
import re

TYPE = re.compile(r'@key\("([^"]+)"\)\s*type (\w+) = \{(.*?)\n  \};', re.S)
MEMBER = re.compile(r"(?:@(\w+)\s+)?(\w+)(\??): ([^,]+|\w+<\{[^}]*\}>),?$")


def written(kind):
    """A type of Cedar's JSON, as an author writes it."""
    if kind["type"] == "Set":
        return f"Set<{written(kind['element'])}>"
    if kind["type"] == "Record":
        return "{ " + ", ".join(members(kind)) + " }"
    if kind["type"] in ("EntityOrCommon", "Entity"):
        return kind["name"].replace("__cedar::", "")
    return kind["type"]


def members(record):
    for name, kind in record.get("attributes", {}).items():
        yield f"{name}{'' if kind.get('required', True) else '?'}: {written(kind)}"


def cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def said(declared):
    return cell(declared.get("annotations", {}).get("doc", ""))


def actions(schema):
    """`schema` is the answer of `GET /v1/schema`."""
    namespace = schema["Peppol"]
    out = ["## Actions", "", "| action | who | on | context | does |", "|---|---|---|---|---|"]
    for name, action in namespace["actions"].items():
        applies = action.get("appliesTo", {})
        who, on = (", ".join(applies.get(side, [])) for side in ("principalTypes", "resourceTypes"))
        context = ", ".join(f"`{member}`" for member in members(applies.get("context", {})))
        out.append(f"| `{name}` | {who} | {on} | {cell(context)} | {said(action)} |")
    out += ["", "## Types", "", "| type | attributes | tags | is |", "|---|---|---|---|"]
    for name, kind in namespace["entityTypes"].items():
        if "enum" in kind:
            held = "one of " + ", ".join(f"`{value}`" for value in kind["enum"])
        else:
            held = ", ".join(f"`{member}`" for member in members(kind.get("shape", {})))
        tags = f"`{written(kind['tags'])}`" if "tags" in kind else ""
        out.append(f"| `{name}` | {cell(held)} | {tags} | {said(kind)} |")
    out += ["", "A `PartyPermissions` is `" + written(namespace["commonTypes"]["PartyPermissions"]) + "`."]
    return "\n".join(out)


def documents():
    text = pathlib.Path("schema/documents.cedarschema").read_text("utf-8")
    examples = {}
    for line in pathlib.Path("tests/policies/tenancy.ndjson").read_text("utf-8").splitlines():
        document = json.loads(line)
        examples.setdefault(document["type"], json.dumps(document, ensure_ascii=False))
    out = []
    for key, name, body in TYPE.findall(text):
        out += [f"## `{name}`", "", "```json", examples[name], "```", ""]
        out += [f"A later document with the same {key.replace(', ', ' and ')} takes its place." if "," in key else
                f"A later document with the same `{key}` takes its place.", "", "| member | is | |", "|---|---|---|"]
        for line in re.sub(r"(@\w+)\s*\n\s*", r"\1 ", body).strip().split("\n"):
            annotation, member, optional, kind = MEMBER.match(line.strip()).groups()
            may = {"nullable": "may be null, and has to be written"}.get(annotation, "may be left out or null" if optional else "")
            out.append(f"| `{member}` | `{kind.replace('Peppol::', '').strip()}` | {may} |")
        out.append("")
    return "\n".join(out)
