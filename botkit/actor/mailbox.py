"""A bounded queue with a named policy for when it is full, and counters for what the policy did."""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

import trio
from msgspec import Struct

from botkit.errors import ActorDead, MailboxFull

T = TypeVar("T")


class OverflowPolicy(Enum):
    """What happens to a message that comes while the mailbox is full."""

    BLOCK = "block"
    """The sender waits."""
    DROP_OLDEST = "drop_oldest"
    """The message that waited longest goes, the new one is taken."""
    DROP_NEWEST = "drop_newest"
    """The new message is dropped."""
    FAIL = "fail"
    """The sender gets ``MailboxFull``."""


class MailboxStatistics(Struct, frozen=True, kw_only=True):
    """What went through a mailbox. ``taken`` + ``dropped`` + ``waiting`` is all that was ever put in.

    ``refused`` counts the senders that got ``MailboxFull``, ``blocked`` those that had to wait. ``waiting`` is above
    ``capacity`` while notices came on top.
    """

    capacity: int
    waiting: int
    taken: int
    dropped: int
    refused: int
    blocked: int


class Mailbox(Generic[T]):
    """First in, first out; at most ``capacity`` messages (1 or more); ``policy`` decides when it is full.

    ``owner`` names the actor in errors; ``on_drop`` is called with each message that ``DROP_OLDEST`` drops.
    """

    def __init__(
        self,
        owner: str,
        capacity: int = 1024,
        policy: OverflowPolicy = OverflowPolicy.BLOCK,
        *,
        on_drop: Callable[[T], None] | None = None,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"mailbox of {owner}: capacity of 1 or more expected, got {capacity}")
        self.owner, self.capacity, self.policy = owner, capacity, policy
        self._on_drop = on_drop
        self._taken = self._dropped = self._refused = self._blocked = 0
        self._passed = 0  # messages that have left the queue, whichever way
        self._notices: deque[tuple[int, T]] = deque()  # those that found it full, and after how many it is their turn
        self._closed = True
        self.open()

    async def put(self, message: T) -> bool:
        """Put a message in; False when the policy dropped it.

        Under ``BLOCK`` it waits for room; a cancel while it waits leaves the message out. Raises ``ActorDead``
        once the mailbox is closed, and ``MailboxFull`` under ``FAIL``.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            taken = self.put_nowait(message)
        except trio.WouldBlock:
            self._blocked += 1
            await self._wait_and_put(message)
            return True
        await trio.lowlevel.cancel_shielded_checkpoint()
        return taken

    async def _wait_and_put(self, message: T) -> None:
        try:
            await self._send.send(message)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise ActorDead(self.owner) from None

    def put_nowait(self, message: T) -> bool:
        """Like ``put``, but under ``BLOCK`` a full mailbox raises ``trio.WouldBlock``."""
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            return self._overflow(message)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise ActorDead(self.owner) from None
        return True

    def _overflow(self, message: T) -> bool:
        match self.policy:
            case OverflowPolicy.BLOCK:
                raise trio.WouldBlock
            case OverflowPolicy.FAIL:
                self._refused += 1
                raise MailboxFull(self.owner, self.capacity)
            case OverflowPolicy.DROP_OLDEST:
                self._drop_oldest()
                self._send.send_nowait(message)
                return True
            case OverflowPolicy.DROP_NEWEST:
                self._dropped += 1
                return False

    def put_notice(self, message: T) -> None:
        """Put a message in although the mailbox is full; dropped when it is closed.

        For what its reader asked to be told once, so that there are no more of them than it asked for. It keeps its
        place: what was put in before comes before.
        """
        if self._closed:
            return
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            self._notices.append((self._passed + self._queued, message))

    @property
    def _queued(self) -> int:
        return self._send.statistics().current_buffer_used

    def _drop_oldest(self) -> None:
        oldest = self._receive.receive_nowait()
        self._passed += 1
        self._dropped += 1
        if self._on_drop is not None:
            self._on_drop(oldest)

    async def get(self) -> T:
        """The message that waited longest; waits for one. A cancel loses none.

        Raises ``trio.EndOfChannel`` once the mailbox is closed.
        """
        if self._notices and self._notices[0][0] <= self._passed:
            await trio.lowlevel.checkpoint()
            if self._notices:  # else closed meanwhile
                self._taken += 1
                return self._notices.popleft()[1]
        try:
            message = await self._receive.receive()
        except trio.ClosedResourceError:
            raise trio.EndOfChannel from None
        self._passed += 1
        self._taken += 1
        return message

    def open(self) -> None:
        """Take messages again after ``close``; nothing happens when the mailbox is open."""
        if self._closed:
            self._send, self._receive = trio.open_memory_channel[T](self.capacity)
            self._closed = False

    def close(self) -> list[T]:
        """Take no more messages. Gives back what nobody will read; a second time there is nothing."""
        left: list[T] = []
        try:
            while True:
                left.append(self._receive.receive_nowait())
        except (trio.WouldBlock, trio.ClosedResourceError, trio.EndOfChannel):
            pass
        left += [message for _, message in self._notices]
        self._notices.clear()
        self._dropped += len(left)
        self._closed = True
        self._send.close()
        self._receive.close()
        return left

    def statistics(self) -> MailboxStatistics:
        """The counters, now."""
        return MailboxStatistics(
            capacity=self.capacity,
            waiting=self._queued + len(self._notices),
            taken=self._taken,
            dropped=self._dropped,
            refused=self._refused,
            blocked=self._blocked,
        )
