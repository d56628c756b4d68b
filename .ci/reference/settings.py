"""The settings, from `config.default.toml`: a setting is explained by the comment before it."""

import re

SETTING = re.compile(r"(#?)([a-z_]+) = (.*)")
SECTION = re.compile(r"\[([a-z_]+)\]")


def variable(key):
    return "PEPPOL_AUTHZ_" + key.upper().replace(".", "__")


def paragraphs(comment):
    """Lines of a comment as Markdown. Deeper lines are an example."""
    text, example = [], []

    def end():
        if example:
            text.append("```toml\n" + "\n".join(example) + "\n```")
            example.clear()

    for line in comment:
        if line.startswith("  "):
            example.append(line[2:])
        elif example and not line:
            example.append("")
        else:
            end()
            if text and not text[-1].startswith("```") and line:
                text[-1] += "\n" + line
            else:
                text.append(line)
    end()
    return "\n\n".join(part for part in text if part)


def table(path):
    out, section, comment, keys = ["## General\n"], "", [], []

    def close():
        """Writes the settings that one comment explains."""
        if not keys:
            return
        out.append("### " + ", ".join(f"`{key}`" for key, _, _ in keys) + "\n")
        explained = paragraphs(comment)
        if explained:
            out.append(explained + "\n")
        out.append("```toml")
        for key, bare, value in keys:
            name = key.rsplit(".", 1)[-1]
            out.append(f"# no default, for example\n{name} = {value}" if bare else f"{name} = {value}")
        out.append("```\n")
        out.append("As " + ("a variable" if len(keys) == 1 else "variables") + ": "
                   + ", ".join(f"`{variable(key)}`" for key, _, _ in keys) + ".\n")
        keys.clear()
        comment.clear()

    lines = path.read_text("utf-8").split("\n")
    # The head of the file is the page's own introduction.
    for line in lines[lines.index("") + 1:]:
        setting, opened = SETTING.fullmatch(line), SECTION.fullmatch(line)
        if setting:
            bare, name, value = setting.groups()
            keys.append((f"{section}.{name}" if section else name, bool(bare), value))
        elif opened:
            close()
            section = opened[1]
            out.append(f"## `[{section}]`\n")
        elif line.startswith("#"):
            if keys:
                close()
            comment.append(line[2:])
        elif not line:
            close()
            comment.clear()
        else:
            raise SystemExit(f"{path}: not understood: {line}")
    close()
    return "\n".join(out)
