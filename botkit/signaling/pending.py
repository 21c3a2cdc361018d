"""Requests that wait for their answers, matched by call id."""

import itertools
import math
from collections.abc import Callable
from typing import Generic, Protocol, TypeAlias, TypeVar

import trio

from botkit.errors import ProtocolError
from botkit.wire.frames import CallResultBody
from botkit.wire.replies import Failure, Ok, decode_reply

ReplyT = TypeVar("ReplyT", bound=Ok)

OnAnswer: TypeAlias = Callable[[ReplyT | Failure | None], None]
"""Takes the answer in the reader; None when there will be none."""


class Slot(Generic[ReplyT]):
    """The place for one answer.

    ``on_answer`` is called by the reader the moment the answer is read, so that what it changes is in place before
    the next frame; it is called even when nobody waits any more, because the gateway has acted all the same. None says
    that there will be no answer: the connection was lost, or the request never went out.

    At ``deadline``, on trio's clock, whoever waits gives up; one task looks after that for all requests of a
    connection, since a timeout scope for each would be a fourth of what a request costs.
    """

    __slots__ = ("_on_answer", "_over", "_reply_type", "answer", "deadline", "known")

    def __init__(self, reply_type: type[ReplyT], on_answer: OnAnswer[ReplyT] | None = None) -> None:
        self._reply_type = reply_type
        self._on_answer = on_answer
        self._over = trio.Event()
        self.answer: ReplyT | Failure | None = None
        self.known = False
        """Whether there is an answer, or will never be one."""
        self.deadline = math.inf

    def settle(self, body: CallResultBody) -> None:
        """Take the answer. Raises ``ProtocolError`` when it is none of the expected kind."""
        answer = decode_reply(body, self._reply_type)
        if self._on_answer is not None:
            self._on_answer(answer)
        self.answer = answer
        self.known = True
        self._over.set()

    def lose(self) -> None:
        """There will be no answer. Once there is one, or it is known already, this does nothing."""
        if self.known:
            return
        self.known = True
        self._over.set()
        if self._on_answer is not None:
            self._on_answer(None)

    def disconnect(self) -> None:
        """The connection that the answer was to come by is gone: there will be none."""
        self.lose()

    def expire(self) -> None:
        """It has taken too long: nobody waits any more. ``on_answer`` still gets the answer, or its loss."""
        self.deadline = math.inf
        self._over.set()

    async def wait(self) -> ReplyT | Failure | None:
        """The answer; None when the connection was lost first, or the deadline is over.

        A cancel leaves the request under way.
        """
        await self._over.wait()
        return self.answer


class Answerable(Protocol):
    """A slot, whatever the kind of its answer."""

    deadline: float

    def settle(self, body: CallResultBody) -> None:
        """See ``Slot.settle``."""
        ...

    def lose(self) -> None:
        """See ``Slot.lose``."""
        ...

    def expire(self) -> None:
        """See ``Slot.expire``."""
        ...

    def disconnect(self) -> None:
        """See ``Slot.disconnect``."""
        ...


class PendingRequests:
    """The slots of one connection. Call ids count from 1, as the vendor's web SDK's do."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._slots: dict[int | str, Answerable] = {}
        self._look_at = math.inf
        self._sooner = trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: Answerable) -> int:
        """Keep ``slot`` and return its call id."""
        call_id = next(self._ids)
        self._slots[call_id] = slot
        if slot.deadline < self._look_at:
            self._look_at = slot.deadline
            self._sooner.unpark_all()
        return call_id

    def settle(self, body: CallResultBody) -> bool:
        """Hand an answer to its slot; False when nobody asked. Raises ``ProtocolError``."""
        slot = self._slots.pop(body.call_id, None)
        if slot is None:
            return False
        try:
            slot.settle(body)
        except ProtocolError:
            slot.lose()  # whoever waits for it must not wait for nothing
            raise
        return True

    async def watch_deadlines(self) -> None:
        """Let slots expire, until cancelled."""
        while True:
            self._look_at = min((slot.deadline for slot in self._slots.values()), default=math.inf)
            with trio.move_on_at(self._look_at):
                await self._sooner.park()
            now = trio.current_time()
            for slot in self._slots.values():
                if slot.deadline <= now:
                    slot.expire()

    def lose_all(self) -> None:
        """The connection is gone: nobody gets an answer any more."""
        slots, self._slots = self._slots, {}
        for slot in slots.values():
            slot.disconnect()
