"""The page of performance, and the table of README.md, made of figures."""

import textwrap


class Figures:
    """What was measured, by benchmark and name."""

    def __init__(self, lines):
        self.lines = lines

    def of(self, bench, beginning=""):
        """Names and values of a benchmark, in the order in which they were measured."""
        return [
            (line["what"], line["values"])
            for line in self.lines
            if line["bench"] == bench and line["what"].startswith(beginning) and line["what"] != "run"
        ]

    def one(self, bench, what):
        """The values of one thing; `None` where it was not measured."""
        return next((values for name, values in self.of(bench) if name == what), None)

    def run(self, bench):
        """Where a benchmark was run; `None` where it was not."""
        return next(
            (line["values"] for line in self.lines if line["bench"] == bench and line["what"] == "run"), None
        )


def number(value):
    """Three digits that mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def time(microseconds):
    if microseconds < 1000:
        return f"{number(microseconds)} µs"
    return f"{number(microseconds / 1000)} ms" if microseconds < 1e6 else f"{number(microseconds / 1e6)} s"


def spread(middle, least, most):
    return f"{middle:.2f} ({least:.2f} to {most:.2f})"


def table(heads, rows):
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def run_of(figures, *benches):
    """The command and the build of a section's benchmarks."""
    lines = []
    for bench in benches:
        run = figures.run(bench)
        lines.append(f"`make performance` of `{bench}`: profile `{run['profile']}`, {run['date']}, commit {run['commit']}")
    return "; ".join(lines)


def machine(figures):
    """The machine of a run, and those of others where they differ."""
    runs = [line["values"] for line in figures.lines if line["what"] == "run"]
    names = ("processor", "processors", "memory_gib", "kernel", "rust")
    seen = {tuple(run[name] for name in names) for run in runs}
    told = [
        f"{processors} processors ({processor}), {memory} GiB, Linux {kernel}, {rust}"
        for processor, processors, memory, kernel, rust in sorted(seen)
    ]
    return "\n".join(f"- {each}" for each in told)


def throughput(figures):
    rows = [
        [
            name,
            number(values["decisions_per_second"]),
            spread(*values["rate"]),
            number(values["cpu_us"]),
            spread(*values["cpu"]),
            time(values["p50_us"]),
            time(values["p99_us"]),
        ]
        for name, values in figures.of("http")
        if values.get("beside") == "of_floor"
    ]
    heads = ["questions", "decisions/s", "of the floor's", "CPU µs of one", "times the floor's", "p50", "p99"]
    return table(heads, rows)


def peers(figures):
    rows = [
        [
            values["asked"],
            values["server"],
            values["version"],
            number(values["decisions_per_second"]),
            spread(*values["rate"]),
            number(values["cpu_us"]),
            spread(*values["cpu"]),
            time(values["p50_us"]),
            time(values["p99_us"]),
            f"{values['memory_kib'] / 1024:.0f} MiB",
        ]
        for _, values in figures.of("peers")
    ]
    heads = ["", "", "version", "decisions/s", "of the floor's", "CPU µs of one", "times the floor's", "p50", "p99", "memory"]
    return table(heads, rows)


def observed(figures):
    rows = [
        [name, number(values["decisions_per_second"]), spread(*values["rate"]), spread(*values["cpu"])]
        for name, values in figures.of("http")
        if values.get("beside") == "without"
    ]
    return table(["", "decisions/s", "of those without", "times the CPU without"], rows)


def latency(figures):
    rows = [
        [name, number(values["asked"]), time(values["p50_us"]), time(values["p99_us"])]
        for name, values in figures.of("latency")
    ]
    return table(["", "requests/s", "p50", "p99"], rows)


def pressure(figures):
    rows = [
        [
            name,
            number(values["asked"]),
            number(values["served"]),
            number(values["shed"]),
            time(values["p50_us"]),
            time(values["p99_us"]),
            time(values["late_us"]),
        ]
        for name, values in figures.of("pressure")
    ]
    return table(["", "asked/s", "answered/s", "refused/s", "p50", "p99", "late"], rows)


def growth(figures):
    rows = [
        [name, number(values["decide_us"]), number(values["cedar_us"]), f"{values['decide_us'] / values['cedar_us']:.2f}"]
        for name, values in figures.of("decide")
    ]
    return table(["", "CPU µs of a decision", "of Cedar's part", "ratio"], rows)


def parts(figures):
    rows = []
    for of in ("shipped policies", "ten policies"):
        alone = figures.one("decide", f"random, {of}")
        for asked in ("one by one", "batches"):
            values = figures.one("http", f"random, {of}, {asked}")
            floor, cedar, whole = values["cpu_us_of_floor"], alone["cedar_us"], values["cpu_us"]
            rows.append([f"{of}, {asked}", *map(number, (floor, cedar, whole, (floor + cedar) / floor, whole / floor))])
    heads = ["random questions", "the floor", "Cedar alone, ready", "the sidecar", "floor and Cedar, times the floor", "sidecar, times the floor"]
    return table(heads, rows)


def memory(figures):
    resident = figures.one("http", "resident memory")
    rows = [
        ["resident, idle; under load", "; ".join(f"{resident[name] / 1024:.0f} MiB" for name in ("idle_kib", "busy_kib"))]
    ]
    for name, values in figures.of("freshness"):
        if name.endswith(", an entity in memory"):
            of = name.removesuffix(", an entity in memory")
            rows.append([f"100,000 entities, {of}", f"{values['bytes'] * 100_000 / (1 << 20):.0f} MiB"])
    return table(["", ""], rows)


def freshness(figures):
    rows = [
        [name, time(values["p50_us"]), time(values["p99_us"])]
        for name, values in figures.of("freshness")
        if "p50_us" in values
    ]
    return table(["", "p50", "p99"], rows)


def searches(figures):
    rows = [
        [
            name,
            time(values["search_ms"] * 1000),
            number(values["search_ms"] / values["warm_ms"]),
            number(values["search_ms"] / values["cold_ms"]),
            number(values["all_ms"] / values["search_ms"]),
        ]
        for name, values in figures.of("search")
    ]
    heads = ["3 are allowed of so many", "search", "warm decisions", "cold decisions", "faster than to decide all"]
    return table(heads, rows)


def plans(figures):
    plan = figures.one("plan", "a plan")
    rows = [["a plan for the documents of 100 legal entities", time(plan["plan_ms"] * 1000), "a warm decision", f"{plan['plan_ms'] / plan['warm_ms']:.0f}"]]
    rows += [
        [f"1,000 rows found with it, {name}", time(values["with_ms"] * 1000), "a `SELECT` by hand", f"{values['with_ms'] / values['by_hand_ms']:.1f}"]
        for name, values in figures.of("plan")
        if name != "a plan"
    ]
    return table(["", "", "beside", "times"], rows)


def documents(figures):
    rows = [
        [
            name,
            f"{values['documents']:,}",
            number(values["per_second"]),
            number(values["times_parsing"]),
            f"{values['peak_kib'] / 1024:.0f} MiB",
        ]
        for name, values in figures.of("import")
        if "documents" in values
    ]
    start = figures.one("import", "start to first decision")
    heads = ["", "documents", "a second", "times to parse them", "peak memory"]
    return f"{table(heads, rows)}\n\nFrom the start of the program over them to its first decision: {start['ms']} ms."


def gateways(figures):
    rows = [
        [
            gateway,
            asks,
            number(values["requests_per_second"]),
            f"{values['requests_per_second'] / figures.one('gateways', f'{gateway}, a constant 200')['requests_per_second']:.2f}",
            time(values["p50_us"]),
            time(values["p99_us"]),
        ]
        for name, values in figures.of("gateways")
        for gateway, asks in [name.split(", ", 1)]
    ]
    return table(["gateway", "asks", "requests/s", "of those with a constant", "p50", "p99"], rows)


def author(figures):
    rows = [
        [f"`peppol-authz {name}`", time(values["seconds"] * 1e6), values["said"]]
        for name, values in figures.of("author")
    ]
    return table(["", "time", "it says"], rows)


def soak(figures):
    answers = figures.one("soak", "answers")
    return (
        f"{answers['allowed']:,} Allows and {answers['denied']:,} Denies were held against the history of the database: "
        f"{answers['allowed_wrong']} and {answers['denied_wrong']} were wrong."
    )


# Heading, text, the table or sentence, the plot, and the benchmarks that it is of.
SECTIONS = [
    (
        "Decisions a second",
        """
        A closed load: 16 connections for questions one by one and 4 for batches of 50, each of which asks again as soon as it is answered. Questions
        that *repeat* are eight actions, each of a thousand users who ask of what is theirs; their decisions are kept in memory. *Random* ones are of
        any user about any organisation, with denials and unknown users, and no decision of them is kept: each is decided anew. Ten policies with a
        hundred entities are the size of a set that other programs publish figures of. *Nothing kept* reads each entity for each question.
        """,
        throughput,
        "throughput",
        ("http",),
    ),
    (
        "Cedar's part of it",
        """
        CPU µs of one decision. *Cedar alone* is one call for a question whose entities and policies lie ready, in one thread with no other work beside it; the next call is of
        another question. The last column but one is what no sidecar around Cedar can be below. With the load beside it each step takes longer than alone, since it shares processors and their caches.
        """,
        parts,
        None,
        ("http", "decide"),
    ),
    (
        "Beside others",
        """
        The same ten policies and hundred entities, in the language of each: all of them gave the same decision to each of the 14,720 questions that there are
        before they were loaded. All were started in the same run, and loaded one after the other. `benches/peers/peers.py` installs and
        starts them by their own defaults; set are addresses, and the place of policies and data.

        - **Cerbos**, the binary of the npm package `@cerbos/cerbos-linux-x64`: rules in YAML with derived roles. It has no store, so each request brings the
          attributes of user and documents, and a caller must know them. Its usage data are off, and a batch is of 50 documents, the most that it takes by default.
        - **cedar-agent**, built from crates.io with the versions that it was released with: the same Cedar policies and entities, put into its
          stores over HTTP. It has no batches.
        - Both log each request by default, here to nowhere; *quiet* ones log errors alone (`--log-level error`).
        - **peppol-authz**: its refusal of too much is put off (`server.delay` is a second), since this load waits for its answers. By default it keeps decisions,
          some thousands of them, and there are more questions than that; *no decision kept* decides each anew.

        Answers differ: ours have reasons, codes, an id and revisions; those of cedar-agent the policies that decided; those of Cerbos the effect. Questions are random,
        each as likely as another; a batch is of one user. The floor parses our requests, and answers as many bytes as we do. One in nine questions is allowed.
        """,
        peers,
        "peers",
        ("peers",),
    ),
    (
        "Observers",
        "The same server with a decision log in a file, with the entities of each decision in it, and with the same policies as a shadow.",
        observed,
        None,
        ("http",),
    ),
    (
        "Latency",
        """
        An open load: each request has its time, and its latency counts from then. The server has one processor and the load another. It asks for half of the
        server's own capacity; the floor gets as much. Then policies are changed once a second, each time with a new set that is
        checked and taken; and then another program writes a thousand memberships a second.
        """,
        latency,
        "latency",
        ("latency",),
    ),
    (
        "More than it can answer",
        """
        The same kind of load over 400 connections, up to twice the capacity. Refusals are `503` with `Retry-After`. *Late* is the p99 of the time by which
        the load itself was late. Where that is about the p99 of the answers, the processor of the load is used up, and latencies are those of the load.
        """,
        pressure,
        None,
        ("pressure",),
    ),
    (
        "Growth",
        """
        One decision in process, whose entities are in memory; CPU of the thread. Beside it Cedar's own part, for the same policies and entities. The eight
        actions first, then their mean, random questions, each another than the one before, and the mean while everything around grows.
        """,
        growth,
        "growth",
        ("decide",),
    ),
    ("Memory", "", memory, None, ("http", "freshness")),
    (
        "From a write to the decision that knows it",
        """
        PostgreSQL. A membership is given or taken away by `psql`; from the return of its commit on, each sidecar is asked until it says so. Then
        one client asks questions over one connection: a warm one, and one that nobody asked before.
        """,
        freshness,
        None,
        ("freshness",),
    ),
    ("Searches", "", searches, None, ("search",)),
    ("Plans", "", plans, None, ("plan",)),
    ("Documents in and out", "SQLite.", documents, None, ("import",)),
    (
        "Behind gateways",
        """
        Each gateway with the configuration of its example, over 16 connections: it asks nobody, an nginx that answers a constant 200, or the sidecar.
        All programs share the processors.
        """,
        gateways,
        None,
        ("gateways",),
    ),
    ("The commands of authors", "Over the shipped schema, policies, suites and invariants.", author, None, ("author",)),
    (
        "Held against the history of a database",
        "Writers, reloads, restores of a dump and a failing network on three sidecars over one PostgreSQL.",
        soak,
        None,
        ("soak",),
    ),
]

BEGINNING = """\
# Performance

`make performance` measured all of this and wrote this page. An example of how to read it: *0.50 of the floor's* is half as many a second as by a server
that parses the same bytes and answers a constant. A figure is of one machine; a ratio to a yardstick of the same run holds on yours too.

{machine}

**The floor** is an axum server that parses the same body as JSON and answers a constant of the same size; for Envoy's gRPC, a tonic server that answers
a constant. Server, floor and load share the machine. The load takes turns between the two, three times; figures are medians, with
the least and the most of the three in brackets. CPU is that of the server's process, user and system.
"""


def page(lines):
    figures = Figures(lines)
    parts = [BEGINNING.format(machine=machine(figures))]
    for heading, text, told, plot, benches in SECTIONS:
        if not all(figures.run(bench) for bench in benches):
            continue
        text = textwrap.dedent(text).strip()
        parts.append(f"## {heading}\n")
        if text:
            parts.append(f"{text}\n")
        if plot:
            parts.append(f"![{heading}](performance/{plot}.svg)\n")
        parts.append(f"{told(figures)}\n")
        parts.append(f"{run_of(figures, *benches)}\n")
    return "\n".join(parts)


def table_of_readme(lines):
    """The figures that README.md has; each is one of the page."""
    figures = Figures(lines)
    rows = []

    def add(what, figure):
        rows.append([what, figure])

    if decided := figures.one("decide", "1,000 organisations, 10 relations"):
        add("a warm decision in process", f"{number(decided['decide_us'])} µs of CPU, {decided['decide_us'] / decided['cedar_us']:.1f} times what Cedar takes for its part")
        most = [figures.one("decide", name) for name in ("1000000 organisations", "10,000 organisations, 10,000 relations", "+ 3,000 policies for single organisations")]
        if all(most):
            times = "; ".join(f"{each['decide_us'] / decided['decide_us']:.1f}" for each in most)
            add("the same with 1,000,000 organisations; 10,000 relations of a user; 3,000 more policies", f"{times} times that")
    for name, what in (
        ("repeated, one by one", "decisions a second over HTTP, of questions that repeat"),
        ("random, shipped policies, one by one", "of random questions, each decided anew"),
        ("random, shipped policies, batches", "of those in batches of 50"),
    ):
        if values := figures.one("http", name):
            add(what, f"{number(values['decisions_per_second'])}, {values['rate'][0]:.2f} of a server that parses them and answers a constant")
    if values := figures.one("freshness", "commit to decision, the slowest of 1"):
        add("from a write to the first decision that knows it", f"{time(values['p50_us'])} (median)")
    if values := figures.one("search", "parties that a user may send for, SQLite, 1000000"):
        add("three parties that a user may send for, found among 1,000,000", time(values["search_ms"] * 1000))
    if values := figures.one("author", "prove"):
        add(values["said"].split(",")[0] + " proved for all requests", time(values["seconds"] * 1e6))
    if values := figures.one("http", "resident memory"):
        add("memory, idle; under load", "; ".join(f"{values[name] / 1024:.0f} MiB" for name in ("idle_kib", "busy_kib")))
    return table(["what", "figure"], rows) + "\n"
