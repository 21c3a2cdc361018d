"""Requests that wait for their answers, matched by call id."""

import itertools
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
    """

    __slots__ = ("_done", "_on_answer", "_reply_type", "answer")

    def __init__(self, reply_type: type[ReplyT], on_answer: OnAnswer[ReplyT] | None = None) -> None:
        self._reply_type = reply_type
        self._on_answer = on_answer
        self._done = trio.Event()
        self.answer: ReplyT | Failure | None = None

    def settle(self, body: CallResultBody) -> None:
        """Take the answer. Raises ``ProtocolError`` when it is none of the expected kind."""
        answer = decode_reply(body, self._reply_type)
        if self._on_answer is not None:
            self._on_answer(answer)
        self.answer = answer
        self._done.set()

    def lose(self) -> None:
        """There will be no answer. Once there is one, or it is known already, this does nothing."""
        if self._done.is_set():
            return
        self._done.set()
        if self._on_answer is not None:
            self._on_answer(None)

    def disconnect(self) -> None:
        """The connection that the answer was to come by is gone: there will be none."""
        self.lose()

    async def wait(self) -> ReplyT | Failure | None:
        """The answer; None when the connection was lost first. A cancel leaves the request under way."""
        await self._done.wait()
        return self.answer


class Answerable(Protocol):
    """A slot, whatever the kind of its answer."""

    def settle(self, body: CallResultBody) -> None:
        """See ``Slot.settle``."""
        ...

    def lose(self) -> None:
        """See ``Slot.lose``."""
        ...

    def disconnect(self) -> None:
        """See ``Slot.disconnect``."""
        ...


class PendingRequests:
    """The slots of one connection. Call ids count from 1, as the vendor's web SDK's do."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._slots: dict[int | str, Answerable] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: Answerable) -> int:
        """Keep ``slot`` and return its call id."""
        call_id = next(self._ids)
        self._slots[call_id] = slot
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

    def lose_all(self) -> None:
        """The connection is gone: nobody gets an answer any more."""
        slots, self._slots = self._slots, {}
        for slot in slots.values():
            slot.disconnect()
