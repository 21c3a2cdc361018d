"""What waits to be sent to one peer, and the flush that sends it.

Frames queue up while a read, a timer or a commit is handled; one flush at the end hands each peer's bytes to
its socket in a single non-blocking send. Only a socket that was full gets a task, and a peer whose backlog grows
beyond its bound is cut. An outbox can also wait for the journal: what promises something leaves, in order, when the
store has made that durable.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto

import trio

from botkit.errors import TransportClosed
from botkit.gateway.fanout import LOST, SENDS_PER_TURN, Fanout, SendNow
from botkit.gateway.framing import multi_frames
from botkit.transport.links import Link


class Cut(Enum):
    """Why a peer is cut: which bound was passed by what waits for it."""

    SLOW = auto()
    """It does not read."""

    STORE = auto()
    """The store has not made durable what its answers promise."""

    CROWD = auto()
    """All peers together have too much waiting, and it is one of those that have most."""


class Flusher:
    """The fan-outs and outboxes that have something to send, and what waits in all of these: at most ``limit`` bytes.

    Only what is left over from a flush is counted, so that the healthy path pays nothing for it. Beyond the limit those
    are cut that have most waiting, until an eighth of it is free.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._fanouts: deque[Fanout] = deque()
        self._dirty: deque[Outbox] = deque()
        self._behind: set[Outbox] = set()
        self.waiting = 0

    def mark(self, outbox: "Outbox") -> None:
        """Remember that ``outbox`` has something to send."""
        self._dirty.append(outbox)

    def mark_fanout(self, fanout: Fanout) -> None:
        """Remember that ``fanout`` has something to tell."""
        self._fanouts.append(fanout)

    def recount(self, outbox: "Outbox", before: int) -> None:
        """What waits in ``outbox`` was ``before`` bytes and is its backlog now."""
        self.waiting += outbox.backlog - before
        if outbox.backlog:
            self._behind.add(outbox)
        else:
            self._behind.discard(outbox)

    @property
    def is_long(self) -> bool:
        """Whether a flush would give other tasks a turn in between."""
        return sum(map(len, self._fanouts)) + len(self._dirty) > SENDS_PER_TURN

    async def flush(self) -> None:
        """Send to all that are marked. A cancel waits until that is done; it never takes longer than the sends."""
        sent = 0
        while self._fanouts or self._dirty:
            while self._fanouts:  # first: who is behind gets all in one send
                await self._fanouts.popleft().flush()
            if not self._dirty:
                break
            self._dirty.popleft().send()
            sent += 1
            if sent % SENDS_PER_TURN == 0:
                await trio.lowlevel.cancel_shielded_checkpoint()
        if self.waiting > self._limit:
            self._make_room()

    def _make_room(self) -> None:
        for outbox in sorted(self._behind, key=lambda outbox: outbox.backlog, reverse=True):
            if self.waiting <= self._limit - self._limit // 8:
                break
            outbox.cut(Cut.CROWD)


class Outbox:
    """The bytes on their way to one peer: at most ``limit`` for its socket, and as many again for the store.

    ``spawn`` starts the writer task of a peer whose socket was full; ``cut`` is called, once, when a bound is passed.
    All outboxes share these two. A link that fails is closed, so that whoever reads it hears of it. ``fanout`` is what
    its peer hears together with others; ``compact`` says that the peer takes deflated messages, ``multi`` that it
    takes several in one.
    """

    __slots__ = (
        "_closed",
        "_counted",
        "_cut",
        "_flusher",
        "_held",
        "_held_size",
        "_later",
        "_limit",
        "_marked",
        "_open",
        "_queue",
        "_queued",
        "_rest",
        "_send_shared",
        "_spawn",
        "_then_eof",
        "_unsent",
        "compact",
        "fanout",
        "link",
        "multi",
        "ready",
        "stuck_since",
    )

    def __init__(
        self,
        link: Link,
        flusher: Flusher,
        limit: int,
        *,
        spawn: Callable[["Outbox"], None],
        cut: Callable[["Outbox", Cut], None],
    ) -> None:
        self.link, self._flusher, self._limit = link, flusher, limit
        self._spawn, self._cut = spawn, cut
        self._queue: list[bytes] = []
        self._queued = 0
        self._rest = b""
        self._unsent = 0  # what the socket, or the link before it, has not taken of earlier sends
        self._held: list[tuple[int, list[bytes], int]] = []
        self._later: list[bytes] = []
        self._held_size = 0  # of these two
        self._counted = 0  # what the flusher knows of
        self._marked = False
        self._open = True  # takes more than last words
        self._closed = False
        self._then_eof = False
        self._send_shared = link.direct_send
        self.ready: SendNow | None = link.direct_send
        """See ``Listener.ready``: None while anything waits, for what all are told cannot be sent past it."""
        self.fanout: Fanout | None = None
        self.compact = self.multi = False
        self.stuck_since: float | None = None
        """Since when the socket has taken nothing while a writer task waits for it; None when it is not full."""

    @property
    def backlog(self) -> int:
        """Bytes that wait."""
        return self._queued + self._unsent + self._held_size

    def put(self, data: bytes, *, last: bool = False) -> None:
        """Queue ``data`` for the next flush. Dropped when the outbox is closed.

        Beyond a bound what waits is forgotten, and only the ``last`` words are taken: a peer that reads again is told
        why it was cut.
        """
        if self.fanout is not None and self.fanout.news:
            self.catch_up()
        self._put(data, last=last)

    def catch_up(self) -> None:
        """Queue what the others have been told and this peer has not."""
        if self.fanout is not None and self._open:
            for frame in self.fanout.news_for(self, compact=self.compact):
                self._put(frame)

    def _put(self, data: bytes, *, last: bool = False) -> None:
        if not self._open and (self._closed or not last):
            return
        self.ready = None
        if self._held:
            self._later.append(data)
            self._held_size += len(data)
            if self._held_size > self._limit and not last:
                self.cut(Cut.STORE)
                return
        else:
            self._queue.append(data)
            self._queued += len(data)
            if self._queued + self._unsent > self._limit and not last and self._is_slow():
                self.cut(Cut.SLOW)
                return
        if not self._marked:
            self._marked = True
            self._flusher.mark(self)

    def hold(self, position: int) -> None:
        """Let out what is queued now, and what comes behind it, when ``release`` says that ``position`` is durable.

        What waits for an earlier position does not wait for this one too: who is always told something new is still
        told what is durable.
        """
        self.catch_up()
        self.ready = None
        if not self._held:
            self._held.append((position, self._queue, self._queued))
            self._held_size += self._queued
            self._queue, self._queued = [], 0
        elif position > self._held[-1][0]:
            self._held.append((position, self._later, sum(map(len, self._later))))
            self._later = []

    def release(self, committed: int) -> bool:
        """Send what waited for a position up to ``committed``; False while something waits for a later one."""
        durable = [held for held in self._held if held[0] <= committed]
        del self._held[: len(durable)]
        for _, frames, size in durable:
            self._let_out(frames, size)
        if not self._held:
            self._let_out(self._later, self._held_size)
            self._later = []
        if self._queue or self._then_eof:
            self._mark()
        return not self._held

    def finish(self) -> None:
        """Say end of stream once all that is queued has been sent."""
        self._hear_no_more()
        self._then_eof = True
        self._mark()

    def close(self) -> None:
        """Forget what waits and take nothing more."""
        self._open, self._closed = False, True
        self._hear_no_more()
        self._rest, self._unsent = b"", 0
        self._forget()

    def abort(self) -> None:
        """Drop the peer: its link failed, or it is not waited for any more."""
        self.close()
        self.link.close()

    def cut(self, why: Cut) -> None:
        """Forget what waits, because a bound was passed, and take nothing more but last words.

        When it is all peers' bound, one that does not read is not waited for.
        """
        if not self._open:
            return
        self._open = False
        self._hear_no_more()
        self._forget()
        self._cut(self, why)
        if why is Cut.CROWD and self.stuck_since is not None:
            self.abort()

    def was_sent(self, data: bytes, taken: int) -> None:
        """See ``Listener.was_sent``."""
        if taken == LOST:
            self.abort()
        else:
            self._wait_for_room(data[taken:])
            self._recount()

    def send(self) -> None:
        """Hand the queued bytes to the socket; what it does not take waits for a writer task."""
        self._marked = False
        if self._closed:
            return
        if self.stuck_since is None:
            self._send_now()
        if self._unsent or self._held or self._counted:
            self._recount()
        if not self._held and self.stuck_since is None:
            self.ready = self._send_shared

    async def drain(self) -> None:
        """The writer task: send the backlog as the socket takes it. Ends when there is none, or the peer is gone."""
        try:
            while self._unsent and not self._closed:
                await self.link.wait_writable()
                self.stuck_since = trio.current_time()
                if self._rest:
                    taken = self.link.send_nowait(self._rest)
                    self._rest = self._rest[taken:]
                if not self._rest:
                    self._rest = self._take()
                self._unsent = len(self._rest) + self.link.pending
                self._recount()
            self.stuck_since = None
            if not self._held:
                self.ready = self._send_shared
        except TransportClosed:
            self.abort()
        else:
            if self._then_eof and not self._held and not self._closed:
                self._end()

    def _is_slow(self) -> bool:
        """Beyond the bound: a socket that is not full gets a chance first, up to twice as much (the store lets out)."""
        return self.stuck_since is not None or self._queued > 2 * self._limit

    def _send_now(self) -> None:
        data = self._take()
        try:
            taken = self.link.send_nowait(data) if data else 0
        except TransportClosed:
            self.abort()
            return
        if taken < len(data) or self.link.pending:
            self._wait_for_room(data[taken:])
        elif self._then_eof and not self._held:
            self._end()

    def _wait_for_room(self, rest: bytes) -> None:
        """The socket was full: its writer task begins."""
        self._rest, self.ready = rest, None
        self._unsent = len(rest) + self.link.pending
        self.stuck_since = trio.current_time()
        self._spawn(self)

    def _hear_no_more(self) -> None:
        if self.fanout is not None:
            self.fanout.remove(self)

    def _take(self) -> bytes:
        if len(self._queue) == 1:
            data = self._queue[0]
        else:
            data = multi_frames(self._queue) if self.multi else b"".join(self._queue)
        self._queue.clear()
        self._queued = 0
        return data

    def _let_out(self, frames: list[bytes], size: int) -> None:
        self._queue += frames
        self._queued += size
        self._held_size -= size

    def _forget(self) -> None:
        self._queue.clear()
        self._held.clear()
        self._later.clear()
        self._queued = self._held_size = 0
        self._recount()

    def _recount(self) -> None:
        if self.backlog != self._counted:
            self._flusher.recount(self, self._counted)
            self._counted = self.backlog

    def _mark(self) -> None:
        if not self._marked and not self._closed:
            self._marked = True
            self._flusher.mark(self)

    def _end(self) -> None:
        self.close()
        self.link.send_eof()
