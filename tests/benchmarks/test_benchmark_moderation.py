"""What the benchmarks of moderation measure is the real thing: all that is to be found is found."""

from pathlib import Path

import pytest

from tests.benchmarks.bench_d12_backtest import backtest, write_recording
from tests.benchmarks.bench_d25_verdicts import BENCHMARK, judge, waits
from tests.benchmarks.model import Size


@pytest.mark.row("D25")
def test_verdicts_under_load_are_the_right_ones() -> None:
    taken, hits = judge(2_000)
    assert (len(taken), hits) == (2_000, 10)
    with BENCHMARK.contest(Size.TINY) as contestants:
        figures = contestants[0].run()
    assert set(figures) == {measure.name for measure in BENCHMARK.measures}


def test_who_comes_meanwhile_waits() -> None:
    idle, busy = waits([0.001] * 1_000, 10), waits([0.1] * 1_000, 20)
    assert sorted(idle)[500] == pytest.approx(0.001)
    assert busy[-1] > 20  # twice as much as it can do: half of 1000 × 0.1 s are left at the end


def test_the_backtest_finds_the_difference(tmp_path: Path) -> None:
    write_recording(tmp_path / "r.jsonl", 2_000)
    _, differences = backtest(tmp_path / "r.jsonl")
    assert [(one.change, "buy now" in one.text) for one in differences] == [("lost", True)] * 2
