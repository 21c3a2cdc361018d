"""The chart: how far every target was met; and a curve for each benchmark that varies something."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from tests.benchmarks.model import Benchmark
from tests.benchmarks.report import Report, shown
from tests.benchmarks.results import Result

TARGETS, CURVES = "benchmarks.png", "curves.png"


def draw_charts(report: Report, benchmarks: Sequence[Benchmark], folder: Path) -> None:
    """Draw the chart of targets, and one of curves if there are any, into ``folder``."""
    draw_targets(report, folder / TARGETS)
    lines = [(result, one) for result in report.results for one in benchmarks if one.id == result.id and one.curves]
    if lines:
        draw_curves(lines, folder / CURVES)


def draw_targets(report: Report, path: Path) -> None:
    """Bars on a logarithmic scale: at 1 a target is just met, to the left of it there is room to spare."""
    bars = [
        (f"{result.id} {outcome.of.measure}" + (f" : {outcome.to.contestant}" if outcome.to else ""), outcome)
        for result in report.results
        for outcome in result.outcomes
    ]
    drawing = Drawing(figsize=(10, 1 + 0.35 * len(bars)), layout="constrained")
    axes: Axes = drawing.subplots()
    for place, (_, outcome) in enumerate(bars):
        axes.barh(place, outcome.used, color="tab:green" if outcome.met else "tab:red")
        axes.text(outcome.used, place, f" {shown(outcome.value)} ({outcome.bound})", va="center", fontsize=8)
    axes.set_yticks(range(len(bars)), [label for label, _ in bars], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("part of what the target allows (1: just met)")
    axes.margins(x=0.3)
    drawing.savefig(path, dpi=120)


def draw_curves(lines: Sequence[tuple[Result, Benchmark]], path: Path) -> None:
    """One panel for each curve, with a line for each contestant."""
    panels = [(result, names) for result, benchmark in lines for names in benchmark.curves]
    drawing = Drawing(figsize=(8, 3.5 * len(panels)), layout="constrained")
    for number, (result, names) in enumerate(panels, start=1):
        axes: Axes = drawing.add_subplot(len(panels), 1, number)
        found = [one for one in result.summaries if one.measure in names]
        what, labels = split_names(names)
        for contestant in dict.fromkeys(one.contestant for one in found):
            points = {one.measure: one.median for one in found if one.contestant == contestant}
            axes.plot(
                [label for name, label in zip(names, labels, strict=True) if name in points],
                [points[name] for name in names if name in points],
                marker="o",
                label=contestant,
            )
        axes.set_ylim(bottom=0)
        axes.set_ylabel(", ".join(filter(None, (what, found[0].unit if found else ""))))
        axes.set_title(f"{result.id} {result.title}", fontsize=9)
        axes.legend()
    drawing.savefig(path, dpi=120)


def split_names(names: Sequence[str]) -> tuple[str, list[str]]:
    """What measures called ``what, how much`` have in common, and the rest of each: together they fit under an axis."""
    parts = [name.split(", ", 1) for name in names]
    if len({part[0] for part in parts}) == 1 and all(len(part) == 2 for part in parts):
        return parts[0][0], [part[1] for part in parts]
    return "", list(names)
