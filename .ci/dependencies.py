"""Holds the dependency tree to what it may be: licences, sources, exact pins.

The same end as `cargo deny check licenses sources bans`, without building that
program in every run. It needs nothing but Python and cargo. Advisories are not
looked at: their database is not among what a build machine may reach.
"""

import json
import re
import subprocess
import sys

# Licences that go into an Apache-2.0 program without a condition on it.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause",
    "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
}
# One of each, or two parts of the program mean different types by one name.
SINGLE = {"axum", "cedar-policy", "cedar-policy-core", "hyper", "http", "rusqlite", "serde", "serde_json", "tokio"}
# Their inner or experimental parts are used: a patch release may break it.
PINNED = {"cedar-policy", "cedar-policy-core", "cedar-policy-formatter"}


def acceptable(expression):
    """True if an SPDX expression can be met by allowed licences alone."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    words, i = [], 0
    while i < len(tokens):
        if i + 2 < len(tokens) and tokens[i + 1] == "WITH":
            words.append(repr(" ".join(tokens[i:i + 3]) in ALLOWED))
            i += 3
            continue
        token = tokens[i]
        words.append({"AND": "and", "OR": "or"}.get(token, token if token in "()" else repr(token in ALLOWED)))
        i += 1
    # Only True, False, and, or and brackets are left.
    return eval(" ".join(words), {"__builtins__": {}})


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in used]
    faults, versions, sources = [], {}, set()
    for package in packages:
        name = f"{package['name']} {package['version']}"
        versions.setdefault(package["name"], []).append(package["version"])
        if package["source"] is None:
            for dependency in package["dependencies"]:
                if dependency["name"] in PINNED and not dependency["req"].startswith("="):
                    faults.append(f"{dependency['name']}: `{dependency['req']}` is no exact version")
                if dependency["req"] == "*" and not dependency.get("path"):
                    faults.append(f"{dependency['name']}: any version")
            continue
        sources.add(package["source"])
        if not package["source"].startswith("registry+"):
            faults.append(f"{name}: from {package['source']}")
        if not acceptable(package["license"] or "none"):
            faults.append(f"{name}: licence {package['license']}")
    faults += [f"{name}: {', '.join(versions[name])}" for name in SINGLE if len(versions.get(name, [])) > 1]
    if len(sources) > 1:
        faults.append(f"several sources: {sorted(sources)}")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    print(f"{len(packages)} packages, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
