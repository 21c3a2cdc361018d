"""What waits to be sent to one peer, and the flush that sends it.

Frames queue up while a read, a timer or a commit is handled; one flush at the end hands each peer's bytes to
its socket in a single non-blocking send. Only a socket that was full gets a task, and a peer whose backlog grows
beyond its bound is cut. An outbox can also wait for the journal: what promises something leaves, in order, when the
store has made that durable.
"""

from collections import deque
from collections.abc import Callable

import trio

from botkit.errors import TransportClosed
from botkit.transport.links import Link

SENDS_PER_TURN = 200
"""How many peers are sent to before other tasks get a turn."""


class Flusher:
    """The outboxes that have something to send."""

    def __init__(self) -> None:
        self._dirty: deque[Outbox] = deque()

    def mark(self, outbox: "Outbox") -> None:
        """Remember that ``outbox`` has something to send."""
        self._dirty.append(outbox)

    async def flush(self) -> None:
        """Send to all that are marked. A cancel waits until that is done; it never takes longer than the sends."""
        sent = 0
        while self._dirty:
            self._dirty.popleft().send()
            sent += 1
            if sent % SENDS_PER_TURN == 0:
                await trio.lowlevel.cancel_shielded_checkpoint()


class Outbox:
    """The bytes on their way to one peer, at most ``limit`` of them.

    ``spawn`` starts the writer task of a peer whose socket was full; ``overflow`` and ``broken`` are called, once,
    when the bound is passed or the socket fails.
    """

    __slots__ = (
        "_broken",
        "_closed",
        "_flusher",
        "_held",
        "_later",
        "_limit",
        "_link",
        "_marked",
        "_overflow",
        "_overflowed",
        "_queue",
        "_rest",
        "_size",
        "_spawn",
        "_then_eof",
        "stuck_since",
    )

    def __init__(
        self,
        link: Link,
        flusher: Flusher,
        limit: int,
        *,
        spawn: Callable[["Outbox"], None],
        overflow: Callable[[], None],
        broken: Callable[[], None],
    ) -> None:
        self._link, self._flusher, self._limit = link, flusher, limit
        self._spawn, self._overflow, self._broken = spawn, overflow, broken
        self._queue: list[bytes] = []
        self._size = 0
        self._rest = b""
        self._marked = False
        self._closed = False
        self._overflowed = False
        self._then_eof = False
        self._held: deque[tuple[int, list[bytes]]] = deque()
        self._later: list[bytes] = []
        self.stuck_since: float | None = None
        """Since when the socket has taken nothing while a writer task waits for it; None when it is not full."""

    @property
    def backlog(self) -> int:
        """Bytes that wait."""
        return self._size + len(self._rest)

    def put(self, data: bytes, *, last: bool = False) -> None:
        """Queue ``data`` for the next flush. Dropped when the outbox is closed.

        Beyond the bound what waits is forgotten, and only the ``last`` words are taken: a peer that reads again is
        told why it was cut.
        """
        if self._closed or (self._overflowed and not last):
            return
        (self._later if self._held else self._queue).append(data)
        self._size += len(data)
        if self.backlog > self._limit and not last:
            self._overflowed = True
            self._forget()
            self._overflow()
        else:
            self._mark()

    def hold(self, position: int) -> None:
        """Let out what is queued now, and what comes behind it, when ``release`` says that ``position`` is durable.

        What waits for an earlier position does not wait for this one too: who is always told something new is still
        told what is durable.
        """
        if not self._held:
            self._held.append((position, self._queue))
            self._queue = []
        elif position > self._held[-1][0]:
            self._held.append((position, self._later))
            self._later = []

    def release(self, committed: int) -> bool:
        """Send what waited for a position up to ``committed``; False while something waits for a later one."""
        while self._held and self._held[0][0] <= committed:
            self._queue += self._held.popleft()[1]
        if not self._held:
            self._queue += self._later
            self._later = []
        if self._queue or self._then_eof:
            self._mark()
        return not self._held

    def finish(self) -> None:
        """Say end of stream once all that is queued has been sent."""
        self._then_eof = True
        self._mark()

    def close(self) -> None:
        """Forget what waits and take nothing more."""
        self._closed = True
        self._forget()

    def send(self) -> None:
        """Hand the queued bytes to the socket; what it does not take waits for a writer task."""
        self._marked = False
        if self._closed or self.stuck_since is not None:
            return
        data = self._take()
        try:
            taken = self._link.send_nowait(data) if data else 0
        except TransportClosed:
            self.close()
            self._broken()
            return
        if taken < len(data) or self._link.pending:
            self._rest = data[taken:]
            self.stuck_since = trio.current_time()
            self._spawn(self)
        elif self._then_eof and not self._held:
            self._end()

    async def drain(self) -> None:
        """The writer task: send the backlog as the socket takes it. Ends when there is none, or the peer is gone."""
        try:
            while (self._rest or self._link.pending) and not self._closed:
                await self._link.wait_writable()
                self.stuck_since = trio.current_time()
                if self._rest:
                    taken = self._link.send_nowait(self._rest)
                    self._rest = self._rest[taken:]
                if not self._rest:
                    self._rest = self._take()
            self.stuck_since = None
        except TransportClosed:
            self.close()
            self._broken()
        else:
            if self._then_eof and not self._held and not self._closed:
                self._end()

    def _forget(self) -> None:
        self._queue.clear()
        self._held.clear()
        self._later.clear()
        self._size = 0

    def _mark(self) -> None:
        if not self._marked and not self._closed:
            self._marked = True
            self._flusher.mark(self)

    def _take(self) -> bytes:
        data = self._queue[0] if len(self._queue) == 1 else b"".join(self._queue)
        self._queue.clear()
        self._size -= len(data)
        return data

    def _end(self) -> None:
        self.close()
        self._link.send_eof()
