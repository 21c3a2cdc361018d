"""R3: requests with their answers on one connection, 64 of them in flight: CPU time of the server by request."""

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from tests.benchmarks.crowd import connect
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import Server, gateway, node_server
from tests.benchmarks.wires import CHANNEL, HANDSHAKE, GatewayWire, read_until, text_frame

REQUEST = "request with its answer"
WS = "ws on Node"
IN_FLIGHT = 64
ANSWER = b"call2-ret"


def ask(server: Server, peer: socket.socket, request: Callable[[int], bytes], rounds: int) -> Figures:
    """Send requests, 64 at a time, and read their answers."""
    batches = [b"".join(request(number * IN_FLIGHT + one) for one in range(IN_FLIGHT)) for number in range(rounds)]
    begin = server.cpu_seconds()
    for batch in batches:
        peer.sendall(batch)
        left = IN_FLIGHT
        while left:
            left -= peer.recv(1 << 20).count(ANSWER)
    used = server.cpu_seconds() - begin
    return {REQUEST: used / (rounds * IN_FLIGHT) * 1e6}


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Both servers, with one connection each, are there the whole time."""
    rounds = 300 if size is Size.FULL else 2
    with ExitStack() as stack:
        ours, theirs = stack.enter_context(gateway()), stack.enter_context(node_server("server_ws"))
        wire, our_peer, their_peer = GatewayWire(), connect(ours.port), connect(theirs.port)
        stack.enter_context(our_peer)
        stack.enter_context(their_peer)
        wire.enter(our_peer, 0)
        their_peer.sendall(HANDSHAKE.format(path="/").encode())
        read_until(their_peer, b"\r\n\r\n")

        def our_request(call_id: int) -> bytes:
            return wire.call(0, "channel_query_num", call_id, name=CHANNEL)

        def their_request(call_id: int) -> bytes:
            return text_frame(
                json.dumps(["call2", ["channel_query_num", call_id, {"line": "x" * 24, "name": CHANNEL}]])
            )

        yield [
            Contestant(BOTKIT, partial(ask, ours, our_peer, our_request, rounds)),
            Contestant(WS, partial(ask, theirs, their_peer, their_request, rounds)),
        ]


BENCHMARK = Benchmark(
    id="R3",
    title="requests and answers on one connection, 64 in flight",
    measures=(Measure(REQUEST, "µs CPU"),),
    targets=(Target(Figure(BOTKIT, REQUEST), Figure(WS, REQUEST), at_most=1.0),),
    contest=contest,
)
