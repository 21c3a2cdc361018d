"""One task for many sockets: it is told of all that have something, and of those that were closed here."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import trio

from botkit.errors import TransportClosed
from botkit.transport.links import SocketLink
from botkit.transport.polling import POLLING_WORKS, Poller

pytestmark = pytest.mark.skipif(not POLLING_WORKS, reason="only Linux has epoll")


class Peers:
    """Links that one poller watches, and the other ends of their sockets."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.poller = stack.enter_context(Poller())

    def connect(self) -> tuple[SocketLink, socket.socket]:
        here, there = socket.socketpair()
        self._stack.enter_context(here)
        self._stack.enter_context(there)
        here.setblocking(False)
        link = SocketLink(here, "peer")
        link.watch(self.poller)
        return link, there


@pytest.fixture
def peers() -> Iterator[Peers]:
    with ExitStack() as stack:
        yield Peers(stack)


def test_polling_is_there_where_it_should_be() -> None:
    assert (sys.platform == "linux") == POLLING_WORKS


async def test_all_that_have_something_are_told_together(peers: Peers) -> None:
    pairs = [peers.connect() for _ in range(100)]
    for number, (_, there) in enumerate(pairs):
        if number % 2:
            there.send(b"%d" % number)
    ready = await peers.poller.wait()
    assert set(ready) == {link for link, _ in pairs[1::2]}
    assert [link.receive_nowait() for link, _ in pairs[:4]] == [None, b"1", None, b"3"]


async def test_what_was_not_read_is_told_again_and_what_was_read_is_not(peers: Peers) -> None:
    (read, there), (unread, elsewhere) = peers.connect(), peers.connect()
    there.send(b"a")
    elsewhere.send(b"b")
    assert len(await peers.poller.wait()) == 2
    assert read.receive_nowait() == b"a"
    assert await peers.poller.wait() == [unread]


async def test_the_end_and_a_reset_are_told(peers: Peers) -> None:
    (link, there), (other, elsewhere) = peers.connect(), peers.connect()
    there.shutdown(socket.SHUT_WR)
    assert await peers.poller.wait() == [link]
    assert link.receive_nowait() == b""
    link.close()
    assert await peers.poller.wait() == [link]
    other.send_nowait(b"never read")
    elsewhere.close()
    assert await peers.poller.wait() == [other]
    with pytest.raises(TransportClosed):
        other.receive_nowait()


async def test_a_link_closed_here_is_told_once_whoever_waits(peers: Peers) -> None:
    (link, _), (other, there) = peers.connect(), peers.connect()
    told: list[object] = []

    async def wait() -> None:
        told.extend(await peers.poller.wait())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        link.close()
        link.close()
    assert told == [link]
    with pytest.raises(TransportClosed, match="closed here"):
        link.receive_nowait()
    there.send(b"x")
    assert await peers.poller.wait() == [other]


async def test_links_closed_one_after_the_other_before_anybody_waits_are_all_told(peers: Peers) -> None:
    links = [peers.connect()[0] for _ in range(3)]
    for link in links:
        link.close()
    assert await peers.poller.wait() == links


async def test_the_next_socket_of_a_number_is_another_link(peers: Peers) -> None:
    old, _ = peers.connect()
    number = old.fileno()
    old.close()
    new, there = peers.connect()
    assert new.fileno() == number
    there.send(b"new")
    ready = await peers.poller.wait()
    assert set(ready) == {old, new}
    assert new.receive_nowait() == b"new"


async def test_a_cancelled_wait_loses_nothing(peers: Peers) -> None:
    (link, there), (closed, _) = peers.connect(), peers.connect()
    there.send(b"x")
    closed.close()
    with trio.CancelScope() as scope:
        scope.cancel()
        await peers.poller.wait()
    assert scope.cancelled_caught
    assert set(await peers.poller.wait()) == {link, closed}


async def test_a_link_may_outlive_its_poller() -> None:
    here, there = socket.socketpair()
    link = SocketLink(here, "peer")
    with there:
        with Poller() as poller:
            link.watch(poller)
        link.close()
        assert there.recv(1) == b""


async def test_no_room_for_another_is_told_and_leaves_it_alone(peers: Peers) -> None:
    here, there = socket.socketpair()
    with here, there:
        link = SocketLink(here, "peer")
        link.watch(peers.poller)
        with pytest.raises(OSError, match="exists"):
            link.watch(peers.poller)
        there.send(b"x")
        assert await peers.poller.wait() == [link]
