"""Runs a benchmark: contestants take turns, so that what disturbs the machine disturbs all of them."""

import time
from collections.abc import Callable

from tests.benchmarks.model import Benchmark, Figures, Size
from tests.benchmarks.results import Result, summed_up

Tell = Callable[[str], None]
"""Told of each step, in words."""


def run_benchmark(benchmark: Benchmark, runs: int, size: Size, tell: Tell = lambda _: None) -> Result:
    """Run a benchmark ``runs`` times with each contestant, in turns, every second time in the other order."""
    begin = time.monotonic()
    tell("getting ready")
    with benchmark.contest(size) as contestants:
        figures: dict[str, list[Figures]] = {one.name: [] for one in contestants}
        for number in range(runs):
            for contestant in contestants if number % 2 == 0 else reversed(contestants):
                tell(f"run {number + 1} of {runs}: {contestant.name}")
                figures[contestant.name].append(contestant.run())
        tell("putting away")
    return summed_up(benchmark, figures, time.monotonic() - begin)
