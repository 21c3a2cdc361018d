"""R8: presence events on one core: told by a gateway, over the wire, through a feed's session, into a bot's handler."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.benchmarks.launching import run_program
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Measure, Size, Target

EVENTS = "presence events by second of CPU"


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Gateway, feed and bot are in one process."""
    events = 20_000 if size is Size.FULL else 200
    yield [Contestant(BOTKIT, lambda: {EVENTS: float(run_program("presence_botkit", events))})]


BENCHMARK = Benchmark(
    id="R8",
    title="presence events from the gateway into a handler",
    measures=(Measure(EVENTS, "1/s"),),
    targets=(Target(Figure(BOTKIT, EVENTS), at_least=20_000),),
    contest=contest,
    slow=False,
)
