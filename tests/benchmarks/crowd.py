"""Many peers of one server, in one process that does as little as it can."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.servers import Server
from tests.benchmarks.wires import MARK, Disconnected, Wire

PATIENCE = 60.0
"""Seconds without a delivery, after which one is lost."""


class Lost(Exception):
    """Deliveries that did not come."""


class Crowd:
    """Peers that are in the same channel. Each message is delivered to every one of them."""

    def __init__(self, server: Server, wire: Wire, size: int) -> None:
        self.server, self.wire = server, wire
        self._epoll = select.epoll()
        self._peers: dict[int, socket.socket] = {}
        self.peers: list[socket.socket] = []
        for number in range(size):
            peer = connect(server.port)
            wire.enter(peer, number)
            self.peers.append(peer)
            self._peers[peer.fileno()] = peer
            self._epoll.register(peer, select.EPOLLIN)
        for peer in self.peers:
            peer.setblocking(False)

    def __len__(self) -> int:
        return len(self.peers)

    def say(self, number: int, data: bytes) -> None:
        """Send bytes of one peer; they fit into its buffer."""
        sent = self.peers[number].send(data)
        assert sent == len(data), "more than a socket takes at once"

    def receive(self, deliveries: int, mark: bytes = MARK) -> None:
        """Read until so many have come. Raises ``Lost``, and ``Disconnected``."""
        left = deliveries
        while left > 0:
            ready = self._epoll.poll(PATIENCE)
            if not ready:
                raise Lost(f"{left} of {deliveries} did not come")
            for number, _ in ready:
                left -= self._read(self._peers[number]).count(mark)

    def settle(self, seconds: float = 0.3) -> None:
        """Read whatever still comes, until nothing has for a while."""
        while ready := self._epoll.poll(seconds):
            for number, _ in ready:
                self._read(self._peers[number])

    def close(self) -> None:
        """Close all connections."""
        self._epoll.close()
        for peer in self.peers:
            peer.close()

    @staticmethod
    def _read(peer: socket.socket) -> bytes:
        data = peer.recv(1 << 18)
        if not data:
            raise Disconnected("in the middle of it")
        return data


@contextmanager
def open_crowd(server: Server, wire: Wire, size: int) -> Iterator[Crowd]:
    """A crowd in the channel, for the body."""
    crowd = Crowd(server, wire, size)
    try:
        crowd.settle()
        yield crowd
    finally:
        crowd.close()


def connect(port: int) -> socket.socket:
    """A connection to a server on this machine."""
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


class Pace:
    """Keeps what happens below a rate: the vendor's limits hold in a benchmark, too."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._next = time.monotonic()

    def wait(self) -> None:
        """Return when the next one may be."""
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + self._interval
