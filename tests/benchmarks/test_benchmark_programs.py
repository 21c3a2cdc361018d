"""Every benchmark program runs, on next to no work; what it measures then means nothing, and is not looked at."""

from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet
from typer.testing import CliRunner

from tests.benchmarks.__main__ import app
from tests.benchmarks.finding import UnknownBenchmark, find_benchmarks
from tests.benchmarks.model import Benchmark, Size
from tests.benchmarks.report import read_report
from tests.benchmarks.running import run_benchmark

ALL = find_benchmarks()


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
