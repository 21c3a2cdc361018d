"""What came of the runs: medians, how far runs differed, and what that is as a multiple of the others."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from msgspec import Struct

from tests.benchmarks.model import Benchmark, Figure, Figures, Target


class Summary(Struct, frozen=True):
    """One figure over all runs. ``noise`` is the middle half of the runs, as a part of the median."""

    contestant: str
    measure: str
    unit: str
    median: float
    noise: float
    runs: tuple[float, ...]


class Outcome(Struct, frozen=True):
    """What a target asked for, and what there was: ``value`` is a multiple of ``to``, or the figure if that is None."""

    of: Figure
    to: Figure | None
    bound: str
    value: float
    met: bool
    used: float
    """Which part of what the target allows: up to 1 it is met, and the less the better."""


class Result(Struct, frozen=True):
    """One benchmark's row of the table."""

    id: str
    title: str
    summaries: tuple[Summary, ...]
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def met(self) -> bool:
        """Whether all targets are met."""
        return all(outcome.met for outcome in self.outcomes)

    def summary(self, figure: Figure) -> Summary:
        """One figure's summary. Raises ``KeyError``."""
        for one in self.summaries:
            if (one.contestant, one.measure) == figure:
                return one
        raise KeyError(figure)


Runs = Mapping[str, Sequence[Figures]]
"""By contestant, what each run measured."""


def summed_up(benchmark: Benchmark, runs: Runs, seconds: float) -> Result:
    """The medians of all runs, and what they make of the targets. Raises ``KeyError`` where a target lacks a figure."""
    units = dict(benchmark.measures)
    summaries = [
        summary_of(contestant, measure, unit, values)
        for measure, unit in units.items()
        for contestant, figures in runs.items()
        if (values := [one[measure] for one in figures if measure in one])
    ]
    medians = {Figure(one.contestant, one.measure): one.median for one in summaries}
    outcomes = tuple(outcome_of(target, medians) for target in benchmark.targets)
    return Result(benchmark.id, benchmark.title, tuple(summaries), outcomes, seconds)


def summary_of(contestant: str, measure: str, unit: str, values: Sequence[float]) -> Summary:
    """Median and noise of one figure."""
    middle = median(values)
    noise = 0.0
    if len(values) > 1 and middle:
        first, _, third = quantiles(values, n=4, method="inclusive")
        noise = (third - first) / abs(middle)
    return Summary(contestant, measure, unit, middle, noise, tuple(values))


def outcome_of(target: Target, medians: Mapping[Figure, float]) -> Outcome:
    """What a target has come to."""
    value = medians[target.of]
    if target.to is not None:
        value /= medians[target.to]
    return Outcome(target.of, target.to, target.bound, value, target.met_by(value), target.used_by(value))
