"""The arithmetic of the table: medians, multiples, bounds; and who runs when."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.benchmarks.chart import split_names
from tests.benchmarks.machine import Machine
from tests.benchmarks.model import Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.report import Report, as_markdown, read_report, shown, write_report
from tests.benchmarks.results import Result, outcome_of, summary_of
from tests.benchmarks.running import run_benchmark

MACHINE = Machine(processor="a processor", cores=2, load=0.5, python="3.11")


class Scripted:
    """A benchmark whose runs are given; it notes who ran."""

    def __init__(self, *, at_most: float = 0.5) -> None:
        self.order: list[str] = []
        self.left = {"botkit": [4.0, 2.0, 3.0], "peer": [9.0, 10.0, 8.0]}
        self.benchmark = Benchmark(
            id="R1",
            title="a row",
            measures=(Measure("time", "µs"), Measure("rate", "1/s")),
            targets=(
                Target(Figure("botkit", "time"), Figure("peer", "time"), at_most=at_most),
                Target(Figure("botkit", "rate"), at_least=20_000),
            ),
            contest=self.contest,
        )

    @contextmanager
    def contest(self, _size: Size) -> Iterator[Sequence[Contestant]]:
        yield [Contestant(name, lambda name=name: self.run(name)) for name in self.left]  # type: ignore[misc]

    def run(self, name: str) -> Figures:
        self.order.append(name)
        return {"time": self.left[name].pop(0), **({"rate": 20_000.0} if name == "botkit" else {})}

    def result(self) -> Result:
        return run_benchmark(self.benchmark, 3, Size.TINY)


def test_ratio_is_of_the_medians() -> None:
    result = Scripted().result()
    assert [one.median for one in result.summaries] == [3.0, 9.0, 20_000.0]
    first, second = result.outcomes
    assert (first.value, first.met, first.used) == (3.0 / 9.0, True, 3.0 / 9.0 / 0.5)
    assert (second.value, second.met, second.used) == (20_000.0, True, 1.0)


def test_target_that_is_missed_is_told() -> None:
    result = Scripted(at_most=0.3).result()
    assert not result.met
    text = as_markdown(Report(MACHINE, 3, (result,)))
    assert "| R1 | a row | time | 3 µs | peer: 9 µs | ≤ 0.3 × | 0.333 × | **no** |" in text
    assert "| R1 | a row | rate | 20,000 1/s | – | ≥ 20,000 | 20,000 | yes |" in text


def test_contestants_take_turns_in_alternating_order() -> None:
    scripted = Scripted()
    scripted.result()
    assert scripted.order == ["botkit", "peer", "peer", "botkit", "botkit", "peer"]


@pytest.mark.parametrize(("value", "met"), [(1.5, True), (1.5000001, False)])
def test_bound_is_inclusive(value: float, met: bool) -> None:
    of, to = Figure("a", "m"), Figure("b", "m")
    assert outcome_of(Target(of, to, at_most=1.5), {of: value, to: 1.0}).met is met
    assert outcome_of(Target(of, at_least=1.5), {of: 3.0 - value}).met is met


def test_target_without_its_figure_is_an_error() -> None:
    with pytest.raises(KeyError):
        outcome_of(Target(Figure("a", "m"), at_most=1), {})


def test_noise_is_the_middle_half_as_a_part_of_the_median() -> None:
    assert summary_of("a", "m", "s", [8.0, 9.0, 10.0, 11.0, 100.0]).noise == 0.2
    assert summary_of("a", "m", "s", [8.0]).noise == 0.0


def test_report_can_be_read_again(tmp_path: Path) -> None:
    report = Report(MACHINE, 3, (Scripted().result(),))
    write_report(report, tmp_path / "new" / "folder")
    assert read_report(tmp_path / "new" / "folder") == report


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123"), (12.345, "12.3"), (999.9, "1,000"), (20_000, "20,000")]
)
def test_numbers_are_shown_with_what_counts(value: float, text: str) -> None:
    assert shown(value) == text


def test_measures_of_a_curve_say_once_what_they_have_in_common() -> None:
    assert split_names(["p50, 10 sessions", "p50, 100 sessions"]) == ("p50", ["10 sessions", "100 sessions"])
    assert split_names(["p50, 10 sessions", "p99, 10 sessions"]) == ("", ["p50, 10 sessions", "p99, 10 sessions"])
    assert split_names(["p50", "p50"]) == ("", ["p50", "p50"])
