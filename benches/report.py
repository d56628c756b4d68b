"""Runs the benchmarks and writes what they measured: `make performance`.

    report.py run [NAME…]   runs all benchmarks, or those that are named, and keeps their figures
    report.py write         writes docs/performance.md, its plots, and the table of README.md
    report.py check         fails where a page is not the one that the figures make

The figures are docs/performance/figures.jsonl, lines that the benchmarks write: a benchmark that is run again
replaces its own. PROFILE is the profile of cargo that builds everything, `dist` without it.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import time

import performance

PROJECT = pathlib.Path(__file__).resolve().parents[1]
FIGURES = PROJECT / "docs/performance/figures.jsonl"
PAGE = PROJECT / "docs/performance.md"
README = PROJECT / "README.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

# Each with its arguments. A load that has its times needs a turn whenever it asks for one.
BENCHES = {
    "decide": [],
    "http": ["3"],
    "peers": ["3"],
    "latency": ["10"],
    "freshness": [],
    "search": [],
    "plan": [],
    "import": ["1000000"],
    "pressure": ["5"],
    "soak": ["120"],
    "gateways": [],
    "author": [],
}
# The commands of authors whose time is told.
COMMANDS = [["check"], ["test"], ["prove"], ["test", "--mutate"]]
FIRST = {"latency", "pressure"}


def figures():
    """All that was measured, as lines."""
    return [json.loads(line) for line in FIGURES.read_text().splitlines()]


def keep(lines):
    FIGURES.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT).stdout.strip()


def machine(name):
    """Where and by what a benchmark was run."""
    processor = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = int(open("/proc/meminfo").readline().split()[1]) // (1 << 20)
    return {
        "bench": name,
        "what": "run",
        "values": {
            "processor": processor,
            "processors": os.cpu_count(),
            "memory_gib": memory,
            "kernel": platform.release(),
            "rust": output("rustc", "--version"),
            "profile": profile(),
            "commit": output("git", "describe", "--always", "--dirty", "--exclude=*"),
            "date": output("date", "--utc", "+%Y-%m-%d"),
        },
    }


def profile():
    return os.environ.get("PROFILE", "dist")


def program():
    """The program that the profile builds."""
    target = os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")
    return pathlib.Path(target) / profile() / "peppol-authz"


def author(made):
    """Runs the commands of authors over the shipped set: their times, and the last line that each prints."""
    build = ["cargo", "build", "--profile", profile(), "--bin", "peppol-authz"]
    subprocess.run(build, check=True, cwd=PROJECT)
    with made.open("w") as file:
        for command in COMMANDS:
            started = time.monotonic()
            said = output(program(), *command).splitlines()[-1:]
            values = {"seconds": time.monotonic() - started, "said": "".join(said)}
            print(json.dumps({"bench": "author", "what": " ".join(command), "values": values}), file=file)


def run(names):
    FIGURES.parent.mkdir(exist_ok=True)
    for name in names:
        made = FIGURES.with_suffix(".new")
        made.unlink(missing_ok=True)
        environment = {**os.environ, "FIGURES": str(made)}
        print(f"== {name}", flush=True)
        if name == "author":
            author(made)
        else:
            command = ["cargo", "bench", "--profile", profile(), "--bench", name, "--", *BENCHES[name]]
            if name == "gateways":
                environment["PEPPOL_AUTHZ"] = str(program())
                command = [".ci/gateways", "bench"]
            if name in FIRST and os.geteuid() == 0:
                command = ["nice", "-n", "-15", *command]
            subprocess.run(command, check=True, cwd=PROJECT, env=environment)
        others = [line for line in figures() if line["bench"] != name] if FIGURES.exists() else []
        keep([*others, machine(name), *(json.loads(line) for line in made.read_text().splitlines())])
        made.unlink()


def readme():
    """README.md with the table that the figures make."""
    text = README.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{performance.table_of_readme(figures())}{END}{after}"


def main():
    match sys.argv[1:]:
        case ["run", *names]:
            if unknown := set(names) - BENCHES.keys():
                sys.exit(f"error: there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
            run(names or BENCHES)
        case ["write"]:
            import plots

            PAGE.write_text(performance.page(figures()))
            README.write_text(readme())
            plots.write(figures(), PAGE.parent / "performance")
        case ["check"]:
            for path, made in ((PAGE, performance.page(figures())), (README, readme())):
                if path.read_text() != made:
                    sys.exit(f"error: {path.name} is not what the figures make: `benches/report.py write` writes it")
        case _:
            sys.exit(__doc__)


main()
