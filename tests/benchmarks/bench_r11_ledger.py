"""R11: the ledger in SQLite: events that are durable by second, and how long a start with a million of them takes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.benchmarks.launching import run_for_figures
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Measure, Size, Target

APPENDED, START = "events appended durably", "start with all events"


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Each run is a process of its own, with a file of its own."""
    events, all_events = (50_000, 1_000_000) if size is Size.FULL else (100, 200)
    yield [Contestant(BOTKIT, lambda: run_for_figures("ledger_botkit", events, all_events))]


BENCHMARK = Benchmark(
    id="R11",
    title="the ledger: 50,000 events appended, a start with 1,000,000",
    measures=(Measure(APPENDED, "1/s"), Measure(START, "s")),
    targets=(Target(Figure(BOTKIT, APPENDED), at_least=10_000), Target(Figure(BOTKIT, START), at_most=2.0)),
    contest=contest,
)
