"""The table: Markdown to read, JSON to compute with."""

from pathlib import Path

import msgspec

from tests.benchmarks.machine import Machine
from tests.benchmarks.results import Outcome, Result, Summary

MARKDOWN, JSON = "benchmarks.md", "benchmarks.json"


class Failure(msgspec.Struct, frozen=True):
    """A benchmark that came to no result."""

    id: str
    title: str
    problem: str


class Report(msgspec.Struct, frozen=True):
    """All results of one run on one machine; they mean something unless next to no work was done."""

    machine: Machine
    runs: int
    results: tuple[Result, ...] = ()
    failures: tuple[Failure, ...] = ()
    means_something: bool = True

    def with_one_more(self, found: Result | Failure) -> "Report":
        """The same, and what came of a further benchmark."""
        if isinstance(found, Failure):
            return msgspec.structs.replace(self, failures=(*self.failures, found))
        return msgspec.structs.replace(self, results=(*self.results, found))


def write_report(report: Report, folder: Path) -> None:
    """Write both into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKDOWN).write_text(as_markdown(report))
    (folder / JSON).write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def read_report(folder: Path) -> Report:
    """What ``write_report`` wrote."""
    return msgspec.json.decode((folder / JSON).read_bytes(), type=Report)


def as_markdown(report: Report) -> str:
    """What failed; and two tables: what was asked for and what came of it, and all figures."""
    lines = [
        "# Benchmarks",
        "",
        f"{report.machine}. Medians of {report.runs} alternating runs; ± is the middle half of the runs.",
        "",
        *(["Next to no work was done: the figures mean nothing.", ""] if not report.means_something else []),
        *(line for failure in report.failures for line in _failure_lines(failure)),
        "| id | work | figure | by itself | as a multiple of | target | found | met |",
        "|---|---|---|---:|---|---|---:|---|",
        *(_outcome_line(result, outcome) for result in report.results for outcome in result.outcomes),
        "",
        "| id | measure | contestant | median | ± |",
        "|---|---|---|---:|---:|",
        *(_summary_line(result, summary) for result in report.results for summary in result.summaries),
    ]
    return "\n".join(lines) + "\n"


def _failure_lines(failure: Failure) -> list[str]:
    return [f"**{failure.id} has failed** ({failure.title}):", "", *_indented(failure.problem), ""]


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.strip().splitlines()]


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
