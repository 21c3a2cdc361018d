"""What a channel tells its members, kept once for all of them until the flush at the end of the tick.

To tell something costs the same for ten members and for ten thousand. The flush joins all that was told in a tick into
the bytes of one send (or two: for those that take several messages in one, and for the others), and hands the same
bytes to every member for which nothing else waits. A member that gets something of its own in between, or is behind,
catches up first: it then has its copies in its own queue, in order.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import trio

from botkit.errors import TransportClosed
from botkit.gateway.framing import compact_frame, is_worth_deflating, multi_frames, text_frame

SENDS_PER_TURN = 200
"""How many peers are sent to before other tasks get a turn."""


LOST = -1

SendNow: TypeAlias = Callable[[bytes], int]


class Listener(Protocol):
    """Who hears a fan-out: an outbox."""

    fanout: "Fanout | None"
    multi: bool
    """Whether it takes several messages in one."""
    compact: bool
    """Whether it takes long messages deflated."""
    ready: SendNow | None
    """Its link's ``direct_send``; None while something else waits. An attribute: it is read for every delivery."""

    def was_sent(self, data: bytes, taken: int) -> None:
        """``ready`` took less than all; ``LOST`` when the peer is gone."""
        ...

    def catch_up(self) -> None:
        """Put into its own queue what ``Fanout.news_for`` has for it."""
        ...


class Marks(Protocol):
    """Where fan-outs are remembered that have something to tell: a flusher."""

    def mark_fanout(self, fanout: "Fanout") -> None:
        """Remember it until the next flush."""
        ...


class _Message:
    """One message, framed; deflated as well once somebody takes it so."""

    __slots__ = ("_compact", "frame", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload, self.frame = payload, text_frame(payload)
        self._compact: bytes | None = None if is_worth_deflating(payload) else self.frame

    @property
    def deflatable(self) -> bool:
        return self._compact is not self.frame

    def compact(self) -> bytes:
        if self._compact is None:
            self._compact = compact_frame(self.payload)
        return self._compact


class Fanout:
    """All that one channel told since the last flush, and who hears it.

    Messages count from the beginning: ``_sent`` of them all listeners have, but for those in ``_apart``, who have
    another number of them, in their queues or sent.
    """

    __slots__ = ("_apart", "_listeners", "_marked", "_marks", "_sent", "news")

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._marked = False
        self._listeners: dict[Listener, None] = {}
        self._apart: dict[Listener, int] = {}
        self._sent = 0
        self.news: list[_Message] = []
        """What was told since the last flush. Who is sent something of its own catches up first, if there is any."""

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def _told(self) -> int:
        return self._sent + len(self.news)

    def add(self, listener: Listener) -> None:
        """Hear what is told from now on."""
        listener.fanout = self
        self._listeners[listener] = None
        if self.news:
            self._apart[listener] = self._told

    def remove(self, listener: Listener, *, gone: bool = False) -> None:
        """Hear nothing more; what was told before still comes, unless the listener is ``gone``."""
        if not gone:
            listener.catch_up()
        listener.fanout = None
        self._listeners.pop(listener, None)
        if self.news:
            self._apart[listener] = self._told

    def tell(self, payload: bytes) -> bytes:
        """Tell all listeners one message; returns its frame."""
        message = _Message(payload)
        if self._listeners:
            self.news.append(message)
            if not self._marked:
                self._marked = True
                self._marks.mark_fanout(self)
        return message.frame

    def news_for(self, listener: Listener, *, compact: bool) -> list[bytes]:
        """The frames that it has not had; it has them now."""
        if not self.news:
            return []  # nor is there a flush to come that would forget it
        heard = self._apart.get(listener, self._sent)
        self._apart[listener] = self._told
        missed = self.news[heard - self._sent :]
        return [message.compact() if compact else message.frame for message in missed]

    async def flush(self) -> None:
        """Send to all, or queue it for those that are behind. What is told meanwhile waits for the next flush.

        A cancel waits until that is done.
        """
        messages, end = self.news[:], self._told
        try:
            await self._send(messages, end)
        finally:
            del self.news[: len(messages)]
            self._sent = end
            self._apart = {listener: heard for listener, heard in self._apart.items() if heard > end}
            self._marked = bool(self.news)
            if self._marked:
                self._marks.mark_fanout(self)

    async def _send(self, messages: list[_Message], end: int) -> None:
        frames = [message.frame for message in messages]
        singly = together = b"".join(frames)
        if len(frames) > 1 and any(listener.multi for listener in self._listeners):
            together = multi_frames(frames)
        deflatable = any(message.deflatable for message in messages)
        listeners = list(self._listeners)
        while listeners:
            turn, listeners = listeners[:SENDS_PER_TURN], listeners[SENDS_PER_TURN:]
            ready = self._find_ready(turn, deflatable)
            if listeners:
                self._apart |= dict.fromkeys(ready, end)
            if together is singly:
                _send_to_ready(ready, singly)
            else:
                _send_to_ready([listener for listener in ready if not listener.multi], singly)
                _send_to_ready([listener for listener in ready if listener.multi], together)
            if listeners:
                await trio.lowlevel.cancel_shielded_checkpoint()

    def _find_ready(self, turn: list[Listener], deflatable: bool) -> list[Listener]:
        """Those that can be sent the same as all the others. The rest catches up, or has left."""
        apart = self._apart
        others = [
            listener
            for listener in turn
            if listener in apart or listener.ready is None or (deflatable and listener.compact)
        ]
        if not others:
            return turn
        for listener in others:
            if listener in self._listeners:
                listener.catch_up()
        left_out = set(others)
        return [listener for listener in turn if listener not in left_out]


def _send_to_ready(listeners: Sequence[Listener], data: bytes) -> None:
    taken = send_to_each([listener.ready for listener in listeners if listener.ready is not None], data)
    if taken.count(len(data)) == len(taken):
        return
    for listener, size in zip(listeners, taken, strict=True):
        if size != len(data):
            listener.was_sent(data, size)


def send_to_each(senders: Sequence[SendNow], data: bytes) -> list[int]:
    """Send the same to all; how much each took.

    Nothing else is in this loop: each system call drives the interpreter out of the processor's caches, so that what
    stands beside it costs several times as much as in a loop of its own.
    """
    taken: list[int] = []
    for send in senders:
        try:
            taken.append(send(data))
        except BlockingIOError:
            taken.append(0)
        except (OSError, TransportClosed):
            taken.append(LOST)
    return taken
