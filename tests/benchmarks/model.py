"""What a benchmark is: contestants that take turns, what is measured of each, and what must come of it.

A benchmark is a module of this folder that is called ``bench_<id>_<name>.py`` and has a ``BENCHMARK``::

    BENCHMARK = Benchmark(
        id="D25",
        title="verdicts under load",
        measures=(Measure("verdict p99", "ms"),),
        targets=(Target(Figure("botkit", "verdict p99"), at_most=20),),
        contest=contest,
    )


    @contextmanager
    def contest(size: Size) -> Iterator[Sequence[Contestant]]:
        load = Load(messages=100 if size is Size.TINY else 10_000)
        yield [Contestant("botkit", lambda: {"verdict p99": load.run()})]

``contest`` starts what all runs share (servers, sockets) and yields the contestants; the runner calls each in turn, as
often as it was asked for, and takes the medians. ``botkit`` is what is measured against the others.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

BOTKIT = "botkit"
"""The name of the contestant that it is all about."""

Figures: TypeAlias = Mapping[str, float]
"""What one run measured, by the name of the measure."""


class Size(Enum):
    """How much work a run does."""

    FULL = auto()
    TINY = auto()
    """Just enough to see that the program works; its figures mean nothing."""


class Measure(NamedTuple):
    """One thing that is measured, and in what."""

    name: str
    unit: str


class Contestant(NamedTuple):
    """One that is measured. ``run`` does the work once; it may leave out a measure that does not concern it."""

    name: str
    run: Callable[[], Figures]


class Figure(NamedTuple):
    """One measure of one contestant."""

    contestant: str
    measure: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure has to be, taken as a multiple of another one (``to``), or by itself.

    ``at_most`` or ``at_least`` is given, not both: what is not is no bound.
    """

    of: Figure
    to: Figure | None = None
    at_most: float = float("inf")
    at_least: float = 0.0

    def met_by(self, value: float) -> bool:
        """Whether the figure, or the multiple, is within the bound."""
        return self.at_least <= value <= self.at_most

    def used_by(self, value: float) -> float:
        """Which part of what the bound allows that is: above 1 it is broken."""
        return value / self.at_most if self.at_most != float("inf") else self.at_least / value

    @property
    def bound(self) -> str:
        """The bound in words."""
        kind, limit = ("≤", self.at_most) if self.at_most != float("inf") else ("≥", self.at_least)
        return f"{kind} {limit:,.4g}{' ×' if self.to else ''}" if limit < 1000 else f"{kind} {limit:,.0f}"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One row of the table."""

    id: str
    title: str
    measures: tuple[Measure, ...]
    targets: tuple[Target, ...]
    contest: Callable[[Size], AbstractContextManager[Sequence[Contestant]]]
    slow: bool = True
    """Whether it takes more than a few seconds with next to no work, or installs something."""
    curves: tuple[tuple[str, ...], ...] = ()
    """Measures that belong into one line of a chart of their own, in the order of what is varied."""
