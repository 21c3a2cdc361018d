"""R1: a channel message of 200 bytes to 500 members, one at a time: CPU time of the server by delivery.

The bare loop is what no server can be below in Python: ``socket.send`` of the same number of bytes, for each member.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from tests.benchmarks.crowd import Crowd, Pace, open_crowd
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import gateway, node_server, python_server
from tests.benchmarks.wires import BareWire, GatewayWire, SocketIoWire, text_of

DELIVERY = "delivery, one message at a time"
SOCKET_IO, BARE = "Socket.IO", "bare loop of send"
TEXT_BYTES = 200
FRAME_BYTES = 354
"""What the gateway sends for such a message."""
RATE = 190
"""Messages per second; the vendor's limit for a channel is 200, and that for one user is kept by taking turns."""


def fan_out(crowd: Crowd, messages: int) -> Figures:
    """Have one after the other say something, and wait each time until all have heard it."""
    text, pace = text_of(TEXT_BYTES), Pace(RATE)
    begin = crowd.server.cpu_seconds()
    for number in range(messages):
        pace.wait()
        speaker = number % len(crowd)
        crowd.say(speaker, crowd.wire.message(speaker, text))
        crowd.receive(len(crowd))
    used = crowd.server.cpu_seconds() - begin
    return {DELIVERY: used / (messages * len(crowd)) * 1e6}


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """All servers with their crowds are there the whole time; idle ones cost nothing."""
    members, messages = (500, 200) if size is Size.FULL else (5, 5)
    with ExitStack() as stack:
        ours = stack.enter_context(gateway())
        theirs = stack.enter_context(node_server("server_socketio"))
        bare = stack.enter_context(python_server("server_bare", members))
        crowds = {
            BOTKIT: stack.enter_context(open_crowd(ours, GatewayWire(), members)),
            SOCKET_IO: stack.enter_context(open_crowd(theirs, SocketIoWire(), members)),
            BARE: stack.enter_context(open_crowd(bare, BareWire(FRAME_BYTES), members)),
        }
        yield [Contestant(name, partial(fan_out, crowd, messages)) for name, crowd in crowds.items()]


BENCHMARK = Benchmark(
    id="R1",
    title="a message of 200 bytes to 500 members",
    measures=(Measure(DELIVERY, "µs CPU"),),
    targets=(
        Target(Figure(BOTKIT, DELIVERY), Figure(SOCKET_IO, DELIVERY), at_most=0.65),
        Target(Figure(BOTKIT, DELIVERY), Figure(BARE, DELIVERY), at_most=1.15),
    ),
    contest=contest,
)
