"""The table: Markdown to read, JSON to compute with."""

from pathlib import Path

import msgspec

from tests.benchmarks.machine import Machine
from tests.benchmarks.results import Outcome, Result, Summary

MARKDOWN, JSON = "benchmarks.md", "benchmarks.json"


class Report(msgspec.Struct, frozen=True):
    """All results of one run on one machine."""

    machine: Machine
    runs: int
    results: tuple[Result, ...]


def write_report(report: Report, folder: Path) -> None:
    """Write both into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKDOWN).write_text(as_markdown(report))
    (folder / JSON).write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def read_report(folder: Path) -> Report:
    """What ``write_report`` wrote."""
    return msgspec.json.decode((folder / JSON).read_bytes(), type=Report)


def as_markdown(report: Report) -> str:
    """Two tables: what was asked for and what came of it; and all figures."""
    lines = [
        "# Benchmarks",
        "",
        f"{report.machine}. Medians of {report.runs} alternating runs; ± is the middle half of the runs.",
        "",
        "| id | work | figure | by itself | as a multiple of | target | found | met |",
        "|---|---|---|---:|---|---|---:|---|",
        *(_outcome_line(result, outcome) for result in report.results for outcome in result.outcomes),
        "",
        "| id | measure | contestant | median | ± |",
        "|---|---|---|---:|---:|",
        *(_summary_line(result, summary) for result in report.results for summary in result.summaries),
    ]
    return "\n".join(lines) + "\n"


def _outcome_line(result: Result, outcome: Outcome) -> str:
    mine = result.summary(outcome.of)
    other = "–"
    if outcome.to is not None:
        reference = result.summary(outcome.to)
        name = reference.contestant if reference.measure == mine.measure else reference.measure
        other = f"{name}: {shown(reference.median)} {reference.unit}"
    found = f"{shown(outcome.value)} ×" if outcome.to is not None else shown(outcome.value)
    cells = [
        result.id,
        result.title,
        f"{mine.measure}" if mine.contestant == "botkit" else f"{mine.contestant}: {mine.measure}",
        f"{shown(mine.median)} {mine.unit}",
        other,
        outcome.bound,
        found,
        "yes" if outcome.met else "**no**",
    ]
    return f"| {' | '.join(cells)} |"


def _summary_line(result: Result, summary: Summary) -> str:
    cells = [
        result.id,
        summary.measure,
        summary.contestant,
        f"{shown(summary.median)} {summary.unit}",
        f"{summary.noise / 2:.0%}",
    ]
    return f"| {' | '.join(cells)} |"


def shown(value: float) -> str:
    """A number with three digits that count, or all that it has before the point."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"
