"""D25: how long a message waits for its verdict, with 200 messages a second in each of 50 channels.

One core of its own is assumed: each verdict is timed by CPU, and messages that come at random moments queue for it.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bots.moderation.rules import RuleSet, RuleState
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.traffic import all_rules, messages

CHANNELS, PER_CHANNEL = 50, 200
MEDIAN, P99, LOAD = "verdict p50", "verdict p99", "load of the core"


def waits(seconds: Sequence[float], per_second: float) -> list[float]:
    """From arrival to verdict, for each: ``seconds`` is what each takes, and who comes meanwhile waits."""
    draw = random.Random("arrivals")
    now = free = 0.0
    found = []
    for needed in seconds:
        now += draw.expovariate(per_second)
        free = max(now, free) + needed
        found.append(free - now)
    return found


def judge(count: int) -> tuple[list[float], int]:
    """Judge so many messages: the CPU seconds of each, and how many were objected to."""
    rules, state = RuleSet(all_rules()), RuleState()
    rate = float(CHANNELS * PER_CHANNEL)
    taken, hits = [], 0
    for message in messages(count, channels=CHANNELS, per_second=rate):
        began = time.thread_time()
        judged = rules.judge(message, state)
        taken.append(time.thread_time() - began)
        assert not judged.failures
        hits += bool(judged.verdicts)
    return taken, hits


def measure(count: int) -> Figures:
    """One run."""
    taken, _ = judge(count)
    rate = float(CHANNELS * PER_CHANNEL)
    ranked = sorted(waits(taken, rate))
    load = 100 * sum(taken) / (count / rate)
    return {MEDIAN: 1000 * ranked[count // 2], P99: 1000 * ranked[int(count * 0.99)], LOAD: load}


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Ten seconds of traffic."""
    count = 100_000 if size is Size.FULL else 400
    yield [Contestant(BOTKIT, lambda: measure(count))]


BENCHMARK = Benchmark(
    id="D25",
    title="verdicts at 50 × 200 messages/s",
    measures=(Measure(MEDIAN, "ms"), Measure(P99, "ms"), Measure(LOAD, "%")),
    targets=(Target(Figure(BOTKIT, P99), at_most=20.0),),
    contest=contest,
    slow=False,
)


def main() -> None:
    """Print the figures of one run."""
    for name, value in measure(100_000).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
