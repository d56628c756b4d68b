"""The plots of the page of performance."""

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from performance import Figures  # noqa: E402

# The same bytes from the same figures, and letters that stay letters.
matplotlib.rcParams.update(
    {"svg.hashsalt": "peppol-authz", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
)
OURS, FLOOR = "#1f5fa8", "#b8b8b8"


def bars(axes, names, series, unit):
    """Horizontal bars in groups: `series` has a label, a colour and the values of each group."""
    height = 0.8 / len(series)
    for n, (label, colour, values) in enumerate(series):
        places = [place + n * height for place in range(len(names))]
        drawn = axes.barh(places, values, height, label=label, color=colour)
        axes.bar_label(drawn, [f"{value:,.3g}" if value < 1000 else f"{value:,.0f}" for value in values], padding=2, fontsize=7)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def throughput(figures):
    found = [(name, values) for name, values in figures.of("http") if values.get("beside") == "of_floor"]
    names = [name for name, _ in found]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 0.5 * len(names) + 1.5), sharey=True)
    rates = [values["decisions_per_second"] for _, values in found]
    floors = [values["decisions_per_second"] / values["rate"][0] for _, values in found]
    bars(left, names, [("the floor", FLOOR, floors), ("peppol-authz", OURS, rates)], "decisions a second")
    left.set_xscale("log")
    bars(
        right,
        names,
        [
            ("the floor", FLOOR, [values["cpu_us_of_floor"] for _, values in found]),
            ("peppol-authz", OURS, [values["cpu_us"] for _, values in found]),
        ],
        "µs of CPU for a decision",
    )
    right.set_xscale("log")
    right.legend(loc="lower right", frameon=False)
    return figure


def peers(figures):
    """A part for singles and one for batches: the rate and the CPU of each server."""
    asked = {}
    for _, values in figures.of("peers"):
        asked.setdefault(values["asked"], []).append(values)
    most = max(len(found) for found in asked.values())
    figure, axes = pyplot.subplots(len(asked), 2, figsize=(11, 0.35 * most * len(asked) + 2), squeeze=False)
    for row, (name, found) in zip(axes, asked.items()):
        names = [values["server"] for values in found]
        for place, value, unit in (
            (row[0], "decisions_per_second", f"decisions a second, {name}"),
            (row[1], "cpu_us", f"µs of CPU for a decision, {name}"),
        ):
            bars(place, names, [("", OURS, [values[value] for values in found])], unit)
            for drawn, each in zip(place.patches, names):
                drawn.set_color(OURS if each.startswith("peppol-authz") else FLOOR)
    figure.tight_layout()
    return figure


def pairs(found, series, unit, scale="linear"):
    """Two bars for each thing that was measured: `series` has a label, a colour and a value's name of each."""
    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(found) + 1.5))
    of_all = [(label, colour, [values[name] for _, values in found]) for label, colour, name in series]
    bars(axes, [name for name, _ in found], of_all, unit)
    axes.set_xscale(scale)
    axes.legend(loc="lower right", frameon=False)
    return figure


def latency(figures):
    series = [("p50", "#8fb4dc", "p50_us"), ("p99", OURS, "p99_us")]
    return pairs(figures.of("latency"), series, "µs, logarithmic", "log")


def growth(figures):
    series = [("Cedar's part", FLOOR, "cedar_us"), ("the whole decision", OURS, "decide_us")]
    return pairs(figures.of("decide"), series, "µs of CPU")


def write(lines, directory):
    """Writes the plots of the benchmarks that were run."""
    figures = Figures(lines)
    for plot, bench in ((throughput, "http"), (peers, "peers"), (latency, "latency"), (growth, "decide")):
        if figures.run(bench):
            drawn = plot(figures)
            path = directory / f"{plot.__name__}.svg"
            drawn.savefig(path, bbox_inches="tight", facecolor="white", metadata={"Date": None})
            pyplot.close(drawn)
            # Matplotlib ends lines with spaces.
            path.write_text("".join(f"{line.rstrip()}\n" for line in path.read_text().splitlines()))
