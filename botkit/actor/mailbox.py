"""A bounded queue with a named policy for when it is full, and counters for what the policy did."""

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator
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


PUTS_PER_TURN = 16
"""Whoever puts messages lets other tasks run after so many."""

MESSAGES_PER_LOOK = 8
"""A reader that finds messages looks at the clock after so many."""

LOOKS_PER_TURN = 32
"""It lets other tasks run at the last of so many looks, or when the turn has had its time."""

TURN_SECONDS = 0.0001
"""The time of a turn, from its first look on."""

_puts = itertools.count(1)


class Mailbox(Generic[T]):
    """First in, first out; at most ``capacity`` messages (1 or more); ``policy`` decides when it is full.

    ``owner`` names the actor in errors; ``on_drop`` is called with each message that ``DROP_OLDEST`` drops. Not a
    memory channel: a hop through one costs 7 µs, and one through here 0.3 while there is something in it.
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
        self._dropped = self._refused = self._blocked = 0
        self._passed = 0  # messages that have left the queue, taken or pushed out by newer ones
        self._pushed_out = 0
        self._notices_taken = 0
        self._queue: deque[T] = deque()
        self._notices: deque[tuple[int, T]] = deque()  # those that found it full, and after how many it is their turn
        self._readers: dict[trio.lowlevel.Task, None] = {}  # those that wait for a message, in their order
        self._senders: dict[trio.lowlevel.Task, T] = {}  # those that wait for room, in their order, with their messages
        self._room = capacity  # for so many messages; none once it is closed
        self._crowded = math.inf if policy is OverflowPolicy.BLOCK else capacity / 2

    async def put(self, message: T) -> bool:
        """Put a message in; False when the policy dropped it.

        Under ``BLOCK`` it waits for room; a cancel while it waits leaves the message out. Raises ``ActorDead``
        once the mailbox is closed, and ``MailboxFull`` under ``FAIL``. Other tasks get a turn where it waits, each
        16th time that anybody puts something anywhere, and always where a mailbox that would lose something is half
        full: so its reader is never passed over for lack of a turn.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if len(self._queue) >= self._room > 0 and self.policy is OverflowPolicy.BLOCK:
            self._blocked += 1
            await self._wait_for_room(message)
            return True
        taken = self.put_nowait(message)
        if len(self._queue) >= self._crowded or next(_puts) % PUTS_PER_TURN == 0:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return taken

    async def _wait_for_room(self, message: T) -> None:
        """Return when whoever made room has put the message in."""
        task = trio.lowlevel.current_task()
        self._senders[task] = message

        def leave(_: object) -> trio.lowlevel.Abort:
            del self._senders[task]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    def put_nowait(self, message: T) -> bool:
        """Like ``put``, but under ``BLOCK`` a full mailbox raises ``trio.WouldBlock``."""
        queue = self._queue
        if len(queue) >= self._room:
            return self._overflow(message)
        queue.append(message)
        if self._readers:
            self._wake_reader()
        return True

    def _overflow(self, message: T) -> bool:
        if not self._room:
            raise ActorDead(self.owner)
        match self.policy:
            case OverflowPolicy.BLOCK:
                raise trio.WouldBlock
            case OverflowPolicy.FAIL:
                self._refused += 1
                raise MailboxFull(self.owner, self.capacity)
            case OverflowPolicy.DROP_OLDEST:
                oldest = self._queue.popleft()
                self._queue.append(message)
                self._passed += 1
                self._pushed_out += 1
                self._dropped += 1
                if self._on_drop is not None:
                    self._on_drop(oldest)
                return True
            case OverflowPolicy.DROP_NEWEST:
                self._dropped += 1
                return False

    def put_notice(self, message: T) -> None:
        """Put a message in although the mailbox is full; dropped when it is closed.

        For what its reader asked to be told once, so that there are no more of them than it asked for. It keeps its
        place: what was put in before comes before.
        """
        if not self._room:
            return
        if len(self._queue) < self._room:
            self._queue.append(message)
            if self._readers:
                self._wake_reader()
        else:
            self._notices.append((self._passed + len(self._queue), message))

    async def get(self) -> T:
        """The message that waited longest; waits for one. A cancel loses none.

        Raises ``trio.EndOfChannel`` once the mailbox is closed. Other tasks get a turn.
        """
        await self.wait()
        return self._take()

    async def wait(self) -> None:
        """Wait until there is a message. Raises ``trio.EndOfChannel`` once the mailbox is closed.

        Other tasks get a turn.
        """
        if self._queue or self._notices:
            await trio.lowlevel.checkpoint()
        while not self._queue and not self._notices:
            if not self._room:
                raise trio.EndOfChannel
            await self._wait_for_message()

    def at_hand(self) -> Iterator[T]:
        """The messages that are there, each taken when it is asked for, until there is none, or the turn is over.

        A turn is 256 messages, or fewer if they take longer than 0.1 ms: 16 of them at least. Then the reader is to let
        other tasks run, as ``wait`` does: to do so each 16th time would be 0.4 of 0.9 µs.
        """
        queue, notices, senders = self._queue, self._notices, self._senders
        end = math.inf
        for _ in range(LOOKS_PER_TURN):
            for _ in range(MESSAGES_PER_LOOK):
                if notices:
                    yield self._take()
                elif queue:  # as _take does; the call would be a tenth of a message's costs
                    self._passed += 1
                    message = queue.popleft()
                    if senders:
                        self._let_in()
                    yield message
                else:
                    return
            now = trio.current_time()
            if now >= end:
                return
            end = min(end, now + TURN_SECONDS)

    def _take(self) -> T:
        if self._notices and self._notices[0][0] <= self._passed:
            self._notices_taken += 1
            return self._notices.popleft()[1]
        self._passed += 1
        message = self._queue.popleft()
        if self._senders:
            self._let_in()
        return message

    async def _wait_for_message(self) -> None:
        task = trio.lowlevel.current_task()
        self._readers[task] = None

        def leave(_: object) -> trio.lowlevel.Abort:
            del self._readers[task]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    def _wake_reader(self) -> None:
        reader = next(iter(self._readers))
        del self._readers[reader]
        trio.lowlevel.reschedule(reader)

    def _let_in(self) -> None:
        sender = next(iter(self._senders))
        self._queue.append(self._senders.pop(sender))
        trio.lowlevel.reschedule(sender)

    def open(self) -> None:
        """Take messages again after ``close``; nothing happens when the mailbox is open."""
        self._room = self.capacity

    def close(self) -> list[T]:
        """Take no more messages. Gives back what nobody will read; a second time there is nothing.

        That of senders who wait for room is among it.
        """
        while self._senders:
            self._let_in()
        left = [*self._queue, *(message for _, message in self._notices)]
        self._queue.clear()
        self._notices.clear()
        self._dropped += len(left)
        self._room = 0
        while self._readers:
            self._wake_reader()
        return left

    def statistics(self) -> MailboxStatistics:
        """The counters, now."""
        return MailboxStatistics(
            capacity=self.capacity,
            waiting=len(self._queue) + len(self._notices),
            taken=self._passed - self._pushed_out + self._notices_taken,
            dropped=self._dropped,
            refused=self._refused,
            blocked=self._blocked,
        )
