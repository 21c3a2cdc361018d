"""R9: whole lives of 5,000 sessions: connect, log in, join, talk, log out. 50 of them side by side."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count

from tests.benchmarks.crowd import connect
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import Server, gateway, node_server
from tests.benchmarks.wires import HANDSHAKE, MARK, GatewayWire, read_until, text_frame, text_of

CPU, RATE = "CPU by session", "sessions"
SOCKET_IO = "Socket.IO"
AT_ONCE = 50
TEXT = text_of(200)

Step = tuple[Callable[[int], bytes], Callable[[int, bytes], None], tuple[bytes, ...]]
"""What a session says, what is done with the answer, and what that ends with."""

_numbers = count()


def nothing(_number: int, _answer: bytes) -> None:
    """The answer is of no interest."""


def gateway_steps() -> list[Step]:
    """A session of the gateway; each has a channel of its own."""
    wire = GatewayWire()

    def say(number: int) -> bytes:
        return wire.call(number, "channel_sendmsg", 2, name=f"channel-{number}", msg=TEXT)

    return [
        (lambda _: HANDSHAKE.format(path="/").encode(), nothing, (b"\r\n\r\n",)),
        (wire.login, wire.logged_in, (b"login_ret", b"line")),
        (lambda number: wire.join(number, f"channel-{number}"), nothing, (b"attrs",)),
        (say, nothing, (MARK, b"[2,")),
        (lambda number: wire.call(number, "user_logout", 3), nothing, (b"[3,",)),
    ]


def socket_io_steps() -> list[Step]:
    """A session of Socket.IO; each has a room of its own."""
    path = "/socket.io/?EIO=4&transport=websocket"
    return [
        (lambda _: HANDSHAKE.format(path=path).encode(), nothing, (b"pingTimeout",)),
        (lambda _: text_frame("40"), nothing, (b"40{",)),
        (lambda number: text_frame(f'420["join","room-{number}"]'), nothing, (b"430[",)),
        (lambda _: text_frame(f'42["message","{TEXT}"]'), nothing, (MARK,)),
        (lambda _: text_frame("41"), nothing, ()),
    ]


def live(server: Server, steps: Sequence[Step], sessions: int) -> Figures:
    """Take sessions through their lives, 50 at a time, in step."""
    begin, cpu = time.perf_counter(), server.cpu_seconds()
    for _ in range(0, sessions, AT_ONCE):
        peers: list[tuple[int, socket.socket]] = [
            (next(_numbers), connect(server.port)) for _ in range(min(sessions, AT_ONCE))
        ]
        for say, take, marks in steps:
            for number, peer in peers:
                peer.sendall(say(number))
            for number, peer in peers:
                take(number, read_until(peer, *marks) if marks else b"")
        for _, peer in peers:
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(1 << 16):
                pass
            peer.close()
    used, took = server.cpu_seconds() - cpu, time.perf_counter() - begin
    return {CPU: used / sessions * 1e6, RATE: sessions / took}


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Both servers are there the whole time."""
    sessions = 5000 if size is Size.FULL else 5
    with ExitStack() as stack:
        ours, theirs = stack.enter_context(gateway()), stack.enter_context(node_server("server_socketio"))
        yield [
            Contestant(BOTKIT, partial(live, ours, gateway_steps(), sessions)),
            Contestant(SOCKET_IO, partial(live, theirs, socket_io_steps(), sessions)),
        ]


BENCHMARK = Benchmark(
    id="R9",
    title="the lives of 5,000 sessions: login, join, message, logout",
    measures=(Measure(CPU, "µs CPU"), Measure(RATE, "1/s")),
    targets=(Target(Figure(BOTKIT, CPU), Figure(SOCKET_IO, CPU), at_most=1.5),),
    contest=contest,
)
