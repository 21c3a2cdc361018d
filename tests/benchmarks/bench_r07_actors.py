"""R7: messages between actors in one process. Pykka's actors are threads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.benchmarks.installing import peer_python
from tests.benchmarks.launching import run_for_figures
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Measure, Size, Target

PYKKA = "Pykka"
TELL, TELL_MANY, ASK = "tell to 1 actor", "tell to many actors", "ask"


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Each contestant is a process of its own."""
    python = peer_python()
    messages, actors = (50_000, 1000) if size is Size.FULL else (100, 10)
    yield [
        Contestant(BOTKIT, lambda: run_for_figures("actors_botkit", messages, actors)),
        Contestant(PYKKA, lambda: run_for_figures("actors_pykka", messages, actors, python=python)),
    ]


def _faster(measure: str, times: float) -> Target:
    return Target(Figure(BOTKIT, measure), Figure(PYKKA, measure), at_most=1 / times)


BENCHMARK = Benchmark(
    id="R7",
    title="messages to 1 and to 1,000 actors, and questions",
    measures=(Measure(TELL, "µs CPU"), Measure(TELL_MANY, "µs CPU"), Measure(ASK, "µs CPU")),
    targets=(_faster(TELL, 4), _faster(TELL_MANY, 100), _faster(ASK, 1.5)),
    contest=contest,
)
