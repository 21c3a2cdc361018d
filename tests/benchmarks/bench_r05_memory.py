"""R5: memory that a session takes that is logged in and says nothing, in no channel. Each run starts servers anew."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from tests.benchmarks.cpu import resident_bytes
from tests.benchmarks.crowd import open_crowd
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import Server, gateway, node_server
from tests.benchmarks.wires import GatewayWire, SocketIoWire, Wire

MEMORY = "memory by idle session"
SOCKET_IO = "Socket.IO"
FIRST = 10
"""Sessions before the measured ones: what is loaded at the first use is not theirs."""


def fill(
    open_server: Callable[[], AbstractContextManager[Server]],
    make_wire: Callable[[], Wire],
    settle: Callable[[Server], None],
    sessions: int,
) -> Figures:
    """Start a server, log everybody in, and see how much it has grown."""
    with open_server() as server, open_crowd(server, make_wire(), FIRST):
        settle(server)
        before = resident_bytes(server.process.pid)
        wire = _Shifted(make_wire(), FIRST)
        with open_crowd(server, wire, sessions):
            settle(server)
            return {MEMORY: (resident_bytes(server.process.pid) - before) / sessions / 1024}


class _Shifted:
    """A wire whose peers have other numbers."""

    def __init__(self, wire: Wire, by: int) -> None:
        self._wire, self._by = wire, by

    def enter(self, peer: socket.socket, number: int) -> None:
        """Come in."""
        self._wire.enter(peer, number + self._by)

    def message(self, number: int, text: str) -> bytes:
        """A message to the channel."""
        return self._wire.message(number + self._by, text)


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Node collects its garbage before it is looked at; Python has none that waits."""
    sessions = 5000 if size is Size.FULL else 20
    yield [
        Contestant(BOTKIT, partial(fill, gateway, lambda: GatewayWire(""), lambda _: None, sessions)),
        Contestant(
            SOCKET_IO,
            partial(
                fill,
                lambda: node_server("server_socketio"),
                lambda: SocketIoWire(""),
                lambda server: server.write_line("collect"),
                sessions,
            ),
        ),
    ]


BENCHMARK = Benchmark(
    id="R5",
    title="memory of 5,000 idle sessions",
    measures=(Measure(MEMORY, "KiB"),),
    targets=(Target(Figure(BOTKIT, MEMORY), Figure(SOCKET_IO, MEMORY), at_most=0.5),),
    contest=contest,
)
