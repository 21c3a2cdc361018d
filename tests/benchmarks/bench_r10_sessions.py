"""R10: what a message costs the gateway, and how long it takes, with ever more sessions and the same rate of messages.

Sessions are in channels of ten; somebody speaks 100 times a second, and everybody in that channel hears it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median, quantiles

from tests.benchmarks.crowd import Pace, open_crowd
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import gateway
from tests.benchmarks.wires import GatewayWire, text_of

SESSIONS = (10, 100, 1000, 10_000)
MEMBERS, RATE = 10, 100
"""Half of what one channel may hear in a second: ten sessions are all in one."""


def cost(sessions: int) -> str:
    """The name of a measure."""
    return f"CPU by message, {sessions} sessions"


def half(sessions: int) -> str:
    """The name of a measure."""
    return f"p50, {sessions} sessions"


def slowest(sessions: int) -> str:
    """The name of a measure."""
    return f"p99, {sessions} sessions"


class SmallChannels(GatewayWire):
    """Ten peers in each channel, in the order of their numbers."""

    def join(self, number: int, channel: str | None = None) -> bytes:
        """A request to join one's own channel."""
        return super().join(number, channel or self._home(number))

    def message(self, number: int, text: str) -> bytes:
        """A message to one's own channel."""
        return self.call(number, "channel_sendmsg", name=self._home(number), msg=text)

    def _home(self, number: int) -> str:
        return f"channel-{number // MEMBERS}"


def measure(sessions: int, messages: int) -> Figures:
    """Fill a new gateway, and have somebody else speak each time."""
    text = text_of(200)
    with gateway() as server, open_crowd(server, SmallChannels(), sessions) as crowd:
        pace, seconds = Pace(RATE), []
        begin = server.cpu_seconds()
        for number in range(messages):
            pace.wait()
            speaker = number * 7919 % sessions
            sent = time.perf_counter()
            crowd.say(speaker, crowd.wire.message(speaker, text))
            crowd.receive(min(MEMBERS, sessions))
            seconds.append(time.perf_counter() - sent)
        used = server.cpu_seconds() - begin
    return {
        cost(sessions): used / messages * 1e6,
        half(sessions): median(seconds) * 1000,
        slowest(sessions): quantiles(seconds, n=100)[98] * 1000,
    }


def measure_all(sizes: Sequence[int], messages: int) -> Figures:
    """One gateway after the other."""
    figures: dict[str, float] = {}
    for sessions in sizes:
        figures |= measure(sessions, messages)
    return figures


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """With the tiny size, all are ten sessions, by the names of the larger ones."""
    if size is Size.FULL:
        yield [Contestant(BOTKIT, partial(measure_all, SESSIONS, 1000))]
    else:
        yield [Contestant(BOTKIT, _measure_tiny)]


def _measure_tiny() -> Figures:
    tiny = measure(10, 10)
    return {name(one): tiny[name(10)] for name in (cost, half, slowest) for one in SESSIONS}


BENCHMARK = Benchmark(
    id="R10",
    title="a fixed rate of messages with ever more sessions",
    measures=(
        *(Measure(cost(one), "µs CPU") for one in SESSIONS),
        *(Measure(half(one), "ms") for one in SESSIONS),
        *(Measure(slowest(one), "ms") for one in SESSIONS),
    ),
    targets=(Target(Figure(BOTKIT, cost(10_000)), Figure(BOTKIT, cost(100)), at_most=1.5),),
    contest=contest,
    curves=(
        tuple(cost(one) for one in SESSIONS),
        tuple(half(one) for one in SESSIONS),
        tuple(slowest(one) for one in SESSIONS),
    ),
)
