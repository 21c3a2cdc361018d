"""R6: how long the way of an event to the one handler of twenty that wants it takes, handler included.

discord.py does not filter: its ``Client.dispatch`` starts one task for the listener of an event's name.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.benchmarks.installing import peer_python
from tests.benchmarks.launching import run_program
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Measure, Size, Target

DISPATCH = "dispatch of an event"


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Each contestant is a process of its own."""
    python = peer_python()
    many, few = (50_000, 2000) if size is Size.FULL else (100, 10)
    yield [
        Contestant(BOTKIT, lambda: {DISPATCH: float(run_program("dispatch_botkit", many))}),
        Contestant("discord.py", lambda: {DISPATCH: float(run_program("dispatch_discord", many, python=python))}),
        Contestant("aiogram", lambda: {DISPATCH: float(run_program("dispatch_aiogram", few, python=python))}),
    ]


BENCHMARK = Benchmark(
    id="R6",
    title="an event, 20 handlers, the last one wants it",
    measures=(Measure(DISPATCH, "µs CPU"),),
    targets=(
        Target(Figure(BOTKIT, DISPATCH), Figure("aiogram", DISPATCH), at_most=1 / 100),
        Target(Figure(BOTKIT, DISPATCH), Figure("discord.py", DISPATCH), at_most=1.5),
    ),
    contest=contest,
)
