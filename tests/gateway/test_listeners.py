"""Accepting: what befalls one connection, or a moment without file descriptors, does not end it."""

import errno
import socket

import pytest
import trio

from botkit.gateway.listeners import accept_links
from botkit.observability.metrics import Counter, Meters
from botkit.transport.links import Link


class Flaky(socket.socket):
    """A listener whose ``accept`` first fails as it is told to."""

    failures: list[int]

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            raise OSError(self.failures.pop(0), "told to")
        return super().accept()


@pytest.fixture
def listener() -> Flaky:
    flaky = Flaky()
    flaky.failures = []
    flaky.setblocking(False)
    flaky.bind(("127.0.0.1", 0))
    flaky.listen()
    return flaky


async def first_link(listener: Flaky, failed: Counter) -> Link:
    """The first connection that is accepted; those that fail before it are counted."""
    links: list[Link] = []
    arrived = trio.Event()

    def accepted(link: Link) -> None:
        links.append(link)
        arrived.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_links, listener, accepted, failed)
        await arrived.wait()
        nursery.cancel_scope.cancel()
    return links[0]


@pytest.mark.row("G14")
@pytest.mark.parametrize("name", ["EMFILE", "ENOMEM", "EPERM", "EPROTO", "ECONNABORTED", "ENETUNREACH", "EAGAIN"])
async def test_accepting_goes_on(name: str, listener: Flaky) -> None:
    with listener, socket.create_connection(listener.getsockname()) as client:
        listener.failures = [getattr(errno, name)]
        failed = Meters().counter("failed_accepts_total", "failed")
        link = await first_link(listener, failed)
        assert listener.failures == []
        assert failed.value == (name != "EAGAIN")
        assert link.peer == "127.0.0.1"
        client.sendall(b"hello")
        assert await link.receive() == b"hello"
        link.close()


async def test_a_listener_that_is_no_more_is_an_error(listener: Flaky) -> None:
    with listener, socket.create_connection(listener.getsockname()):
        listener.failures = [errno.EBADF]
        with pytest.RaisesGroup(OSError):
            await first_link(listener, Meters().counter("failed_accepts_total", "failed"))
