"""Links: the bytes under a gateway's connection, with a send that never waits.

trio's streams can only send by awaiting, and an await per delivery is what a fan-out cannot afford. A link
takes what the socket's buffer takes now, says how much that was, and lets the caller wait for room only when
there was too little. Receiving waits as usual.
"""

import socket
from collections.abc import Callable
from typing import Protocol

import trio
import trio.testing

from botkit.errors import TransportClosed
from botkit.transport.polling import Poller

RECEIVE_BYTES = 64 * 1024


class Link(Protocol):
    """One peer's bytes."""

    @property
    def peer(self) -> str:
        """Who is at the other end, for logs and limits: an address without the port."""
        ...

    @property
    def pending(self) -> int:
        """How many of the bytes that ``send_nowait`` took have not gone out: ``wait_writable`` sends them."""
        ...

    @property
    def direct_send(self) -> Callable[[bytes], int] | None:
        """``send_nowait`` without anything around it, for many sends in a row; None where there is more to be done.

        It raises ``BlockingIOError`` where nothing fits, and ``OSError`` or ``TransportClosed`` when the peer is gone.
        """
        ...

    async def receive(self) -> bytes:
        """The next bytes, ``b""`` at the end. Raises ``TransportClosed``; a cancel loses nothing."""
        ...

    def send_nowait(self, data: bytes | memoryview) -> int:
        """Hand over what fits now and return how many bytes that was. Raises ``TransportClosed``."""
        ...

    async def wait_writable(self) -> None:
        """Return when ``send_nowait`` would take something. Raises ``TransportClosed``."""
        ...

    def send_eof(self) -> None:
        """Say that nothing more will be sent; receiving goes on."""
        ...

    def close(self) -> None:
        """Let go of the peer at once. May be called twice."""
        ...


class SocketLink:
    """A link over a connected, non-blocking TCP socket."""

    __slots__ = ("_closed", "_peer", "_poller", "_socket", "direct_send")

    pending = 0
    """See ``Link.pending``: what a socket took is the system's."""

    def __init__(self, connected: socket.socket, peer: str) -> None:
        self._socket = connected
        self._peer = peer
        self._closed = False
        self._poller: Poller | None = None
        self.direct_send: Callable[[bytes], int] | None = connected.send

    @property
    def peer(self) -> str:
        """The peer's IP address."""
        return self._peer

    def fileno(self) -> int:
        """The number of the socket."""
        return self._socket.fileno()

    def watch(self, poller: Poller) -> None:
        """Be read by whoever waits for ``poller``, with ``receive_nowait``; it also tells when the link is closed.

        Raises ``OSError`` when the system has no more room for that.
        """
        poller.add(self)
        self._poller = poller

    @property
    def watched(self) -> bool:
        """Whether a poller watches it."""
        return self._poller is not None

    async def receive(self) -> bytes:
        """See ``Link.receive``."""
        while True:
            try:
                await trio.lowlevel.wait_readable(self._socket)
            except (OSError, trio.ClosedResourceError) as error:
                raise TransportClosed(reason=str(error)) from error
            data = self.receive_nowait()
            if data is not None:
                return data

    def receive_nowait(self) -> bytes | None:
        """What has come, ``b""`` at the end, None when there is nothing yet. Raises ``TransportClosed``."""
        if self._closed:
            raise TransportClosed(reason="closed here")
        try:
            return self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise TransportClosed(reason=str(error)) from error

    def send_nowait(self, data: bytes | memoryview) -> int:
        """See ``Link.send_nowait``."""
        if self._closed:
            raise TransportClosed(reason="closed here")
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise TransportClosed(reason=str(error)) from error

    async def wait_writable(self) -> None:
        """See ``Link.wait_writable``."""
        try:
            await trio.lowlevel.wait_writable(self._socket)
        except (OSError, trio.ClosedResourceError) as error:
            raise TransportClosed(reason=str(error)) from error

    def send_eof(self) -> None:
        """See ``Link.send_eof``."""
        if not self._closed:
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.close()  # the peer was gone first

    def close(self) -> None:
        """See ``Link.close``."""
        if not self._closed:
            self._closed = True
            if self._poller is not None:
                self._poller.remove(self)
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()


class MemoryLink:
    """The gateway's end of a connection in memory; the client's end is an ordinary trio stream.

    The client's stream takes everything at once, so ``send_nowait`` is never short unless ``stall`` says so.
    """

    pending = 0
    """See ``Link.pending``: what was taken is with the client."""

    def __init__(self, peer: str = "memory") -> None:
        self._peer = peer
        self._closed = False
        self.direct_send: Callable[[bytes], int] | None = self.send_nowait
        self._stalled = False
        self._writable = trio.Event()
        self._incoming = trio.testing.MemorySendStream()
        self._outgoing = trio.testing.MemoryReceiveStream()
        self.client_stream = trio.StapledStream(self._incoming, self._outgoing)

    @property
    def peer(self) -> str:
        """The name given at the start."""
        return self._peer

    def stall(self, stalled: bool = True) -> None:
        """Act like a peer that has stopped reading (or, with False, reads again)."""
        self._stalled = stalled
        if not stalled:
            self._writable.set()
            self._writable = trio.Event()

    async def receive(self) -> bytes:
        """See ``Link.receive``."""
        if self._closed:
            raise TransportClosed(reason="closed here")
        try:
            return bytes(await self._incoming.get_data())
        except trio.ClosedResourceError as error:
            raise TransportClosed(reason="closed") from error

    def send_nowait(self, data: bytes | memoryview) -> int:
        """See ``Link.send_nowait``."""
        if self._closed:
            raise TransportClosed(reason="closed here")
        if self._stalled:
            return 0
        try:
            self._outgoing.put_data(bytes(data))
        except trio.ClosedResourceError as error:
            raise TransportClosed(reason="the client is gone") from error
        return len(data)

    async def wait_writable(self) -> None:
        """See ``Link.wait_writable``."""
        while self._stalled and not self._closed:
            await self._writable.wait()
        if self._closed:
            raise TransportClosed(reason="closed here")

    def send_eof(self) -> None:
        """See ``Link.send_eof``."""
        try:
            self._outgoing.put_eof()
        except trio.ClosedResourceError:
            self._closed = True  # the client was gone first

    def close(self) -> None:
        """See ``Link.close``."""
        if not self._closed:
            self.send_eof()
            self._closed = True
            self._writable.set()
            self._incoming.close()
