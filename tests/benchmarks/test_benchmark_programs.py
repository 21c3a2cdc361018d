"""Every benchmark program runs, on next to no work; what it measures then means nothing, and is not looked at."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from _pytest.mark.structures import ParameterSet
from typer.testing import CliRunner

from tests.benchmarks import __main__ as command
from tests.benchmarks.__main__ import app
from tests.benchmarks.finding import UnknownBenchmark, find_benchmarks
from tests.benchmarks.installing import CannotInstall
from tests.benchmarks.launching import ProgramFailed
from tests.benchmarks.model import Benchmark, Contestant, Figure, Measure, Size, Target
from tests.benchmarks.report import read_report
from tests.benchmarks.running import run_benchmark

ALL = find_benchmarks()

Bench: TypeAlias = Callable[..., tuple[int, str]]


def marked(benchmark: Benchmark) -> ParameterSet:
    return pytest.param(benchmark, id=benchmark.id, marks=[pytest.mark.slow] if benchmark.slow else [])


@pytest.mark.parametrize("benchmark", [marked(one) for one in ALL])
def test_program_runs(benchmark: Benchmark) -> None:
    result = run_benchmark(benchmark, 1, Size.TINY)
    assert {one.measure for one in result.summaries} == {measure.name for measure in benchmark.measures}
    assert all(one.median > 0 for one in result.summaries)
    assert len(result.outcomes) == len(benchmark.targets) > 0


def test_ids_are_in_the_order_of_the_table_and_told_apart_by_case_only() -> None:
    assert [one.id for one in find_benchmarks(["r7", "R6"])] == ["R6", "R7"]
    with pytest.raises(UnknownBenchmark, match=r"no benchmark R99; there are .*R6, R7"):
        find_benchmarks(["R6", "R99"])


def test_command_lists_what_there_is() -> None:
    result = CliRunner().invoke(app, ["--list", "r6"])
    assert result.exit_code == 0
    assert result.output.split() == ["R6", *find_benchmarks(["R6"])[0].title.split()]


def test_command_names_what_there_is_not() -> None:
    result = CliRunner().invoke(app, ["R99"])
    assert result.exit_code == 2
    assert "no benchmark R99" in result.output


@pytest.mark.slow
def test_command_writes_table_and_charts(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["R6", "--tiny", "--runs", "1", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert [one.id for one in read_report(tmp_path).results] == ["R6"]
    assert (tmp_path / "benchmarks.md").read_text().startswith("# Benchmarks\n")
    assert (tmp_path / "benchmarks.png").read_bytes().startswith(b"\x89PNG")


def one(id: str, run: Callable[[], float]) -> Benchmark:
    """A benchmark that takes so many seconds, of which it may take one."""

    @contextmanager
    def contest(_size: Size) -> Iterator[Sequence[Contestant]]:
        yield [Contestant("botkit", lambda: {"time": run()})]

    target = Target(Figure("botkit", "time"), at_most=1)
    return Benchmark(id, f"work {id}", (Measure("time", "s"),), (target,), contest)


def failing(error: BaseException) -> Benchmark:
    """A benchmark that comes to nothing."""

    def fail() -> float:
        raise error

    return one("X1", fail)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Runs the command with these benchmarks: its exit code, and what it printed."""

    def run(benchmarks: list[Benchmark], *options: str) -> tuple[int, str]:
        monkeypatch.setattr(command, "find_benchmarks", lambda _ids: benchmarks)
        done = CliRunner().invoke(app, ["--runs", "2", "--output", str(tmp_path), *options])
        return done.exit_code, done.output

    return run


@pytest.mark.parametrize(
    "error", [CannotInstall("npm is not installed"), ProgramFailed("x: it died"), KeyError("a bug"), TimeoutError()]
)
def test_one_that_fails_does_not_stop_the_rest_and_is_told(bench: Bench, tmp_path: Path, error: Exception) -> None:
    code, told = bench([failing(error), one("X2", lambda: 0.5)])
    assert code == 1
    assert f"X1 FAILED: {type(error).__name__}" in told
    report = read_report(tmp_path)
    assert [(failure.id, failure.problem) for failure in report.failures] == [("X1", str(error) or "TimeoutError")]
    assert [result.id for result in report.results] == ["X2"]
    table = (tmp_path / "benchmarks.md").read_text()
    assert "**X1 has failed** (work X1):" in table
    assert "| X2 | work X2 |" in table


def test_what_was_measured_before_an_end_is_kept(bench: Bench, tmp_path: Path) -> None:
    assert bench([one("X2", lambda: 0.5), failing(KeyboardInterrupt())])[0] == 130
    assert [result.id for result in read_report(tmp_path).results] == ["X2"]


def test_a_target_that_is_missed_makes_it_fail_unless_the_figures_mean_nothing(bench: Bench, tmp_path: Path) -> None:
    slow, table = one("X2", lambda: 2), tmp_path / "benchmarks.md"
    code, told = bench([slow])
    assert code == 1
    assert "X2 time: 2 (≤ 1), MISSED" in told
    assert "**no**" in table.read_text()
    assert bench([slow], "--tiny")[0] == 0
    assert "the figures mean nothing" in table.read_text()
    assert bench([one("X2", lambda: 0.5)])[0] == 0
    assert "mean nothing" not in table.read_text()
