"""R2: messages of 200 bytes to 500 members in bursts of 200: CPU time of the server by delivery."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks.crowd import Crowd, open_crowd
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import gateway, nats
from tests.benchmarks.wires import GatewayWire, NatsWire, text_of

DELIVERY = "delivery, in bursts"
NATS = "NATS"
TEXT_BYTES = 200
SPEAKERS = 5
"""Who share a burst: one user may say 60 messages per second."""
REST_SECONDS = 1.05
"""After a burst the channel's second must be over."""


def burst(crowd: Crowd, bursts: int, messages: int) -> Figures:
    """Have messages sent all at once, and wait until all have heard all of them."""
    text = text_of(TEXT_BYTES)
    used = 0.0
    for number in range(bursts):
        time.sleep(REST_SECONDS)
        begin = crowd.server.cpu_seconds()
        for turn in range(SPEAKERS):
            speaker = (number * SPEAKERS + turn) % len(crowd)
            crowd.say(speaker, crowd.wire.message(speaker, text) * (messages // SPEAKERS))
        crowd.receive(messages * len(crowd))
        used += crowd.server.cpu_seconds() - begin
    return {DELIVERY: used / (bursts * messages * len(crowd)) * 1e6}


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Both servers with their crowds are there the whole time."""
    members, messages, bursts = (500, 200, 4) if size is Size.FULL else (5, 10, 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(open_crowd(stack.enter_context(gateway()), GatewayWire(), members))
        theirs = stack.enter_context(open_crowd(stack.enter_context(nats(folder)), NatsWire(), members))
        yield [
            Contestant(BOTKIT, partial(burst, ours, bursts, messages)),
            Contestant(NATS, partial(burst, theirs, bursts, messages)),
        ]


BENCHMARK = Benchmark(
    id="R2",
    title="bursts of 200 messages of 200 bytes to 500 members",
    measures=(Measure(DELIVERY, "µs CPU"),),
    targets=(Target(Figure(BOTKIT, DELIVERY), Figure(NATS, DELIVERY), at_most=1.0),),
    contest=contest,
)
