"""The commands, from the help of the binary itself."""

import collections
import re
import subprocess


def help_of(program, *arguments):
    """The parts of the text, which blank lines separate."""
    done = subprocess.run([program, *arguments, "--help"], capture_output=True, text=True, check=True)
    text = re.sub(r"[ \t]+$", "", done.stdout, flags=re.M).strip()
    # A default or a choice below an option belongs to it.
    return re.sub(r"\n\n {10,}", "\n          ", text).split("\n\n")


def own(part):
    """False for what every command has."""
    return not part.removeprefix("Options:\n").lstrip().startswith(("-h, --help", "-V, --version"))


def flag(part):
    found = re.match(r"(?:Options:\n)?\s+(?:-\w, )?(--[a-z-]+)", part)
    return found and found[1]


def table(program):
    whole = help_of(program)
    listed = next(part for part in whole if part.startswith("Commands:"))
    names = [name for name in re.findall(r"^  ([a-z]+) ", listed, re.M) if name != "help"]
    helps = {name: list(filter(own, help_of(program, name))) for name in names}
    # The flags that several commands have are explained once.
    count = collections.Counter(part.removeprefix("Options:\n") for parts in helps.values() for part in parts if flag(part))
    shared = [part for part, times in count.items() if times > 4]
    out = ["```text", "\n\n".join(filter(own, whole)), "```", ""]
    out += ["## Flags of several commands", "", "```text", "\n\n".join(sorted(shared)), "```", ""]
    for name, parts in helps.items():
        kept, left_out = [], []
        options = False
        for part in parts:
            if part.startswith("Options:\n"):
                options, part = True, part.removeprefix("Options:\n")
            if not own(part):
                continue
            if part in shared:
                left_out.append(flag(part))
                continue
            if options and flag(part):
                part, options = "Options:\n" + part, False
            kept.append(part)
        out += [f"## `{name}`", "", "```text", "\n\n".join(kept), "```", ""]
        if left_out:
            out += ["It has these [flags of several commands](#flags-of-several-commands) too: "
                    + ", ".join(f"`{name}`" for name in left_out) + ".", ""]
    return "\n".join(out)
