"""Asking the gateway, over whichever connection the session has at the moment."""

from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple

import trio

from botkit.errors import SessionEnded
from botkit.signaling.connection import Connection
from botkit.signaling.failures import not_sent, refused, unanswered
from botkit.signaling.pending import Answerable, OnAnswer, ReplyT, Slot
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.wire.replies import Failure, Ok
from botkit.wire.request import Request


class _Waiting(NamedTuple):
    """A request that waits for a connection, the place for its answer, and what says that its waiting is over."""

    request: Request
    slot: Answerable
    over: trio.Event


class Asked(Generic[ReplyT]):
    """A request that is on its way, or waits for the connection to go out by."""

    __slots__ = ("deadline", "request", "slot", "waiting")

    def __init__(self, request: Request, slot: Slot[ReplyT], deadline: float) -> None:
        self.request, self.slot, self.deadline = request, slot, deadline
        self.waiting: _Waiting | None = None


class _Posted(Slot[Ok]):
    """The place for the answer to what was posted; without a connection it waits for the next, again and again."""

    __slots__ = ("_wait_for_next", "request")

    def __init__(self, request: Request, on_answer: OnAnswer[Ok] | None, wait_for_next: Callable[["_Posted"], None]):
        super().__init__(Ok, on_answer)
        self.request = request
        self._wait_for_next = wait_for_next

    def disconnect(self) -> None:
        self._wait_for_next(self)


class Requests:
    """Where a session's verbs hand in their requests; open while there is a connection that is logged in."""

    def __init__(self, settings: SignalSettings, counters: Counters) -> None:
        self._settings = settings
        self._counters = counters
        self._connection: Connection | None = None
        self._ended: SessionEnded | None = None
        self._row: deque[_Waiting] = deque()
        self._posted: deque[_Posted] = deque()

    @property
    def timeout(self) -> float:
        """Seconds that a request waits for its answer."""
        return self._settings.request_timeout

    @property
    def waiting(self) -> int:
        """How many requests wait for an answer."""
        return self._connection.requests_waiting if self._connection else 0

    def open(self, connection: Connection) -> None:
        """Requests go over ``connection`` from now on, those first that have waited for one, in their order."""
        self._connection = connection
        while self._row:
            waiting = self._row.popleft()
            connection.put(waiting.request, waiting.slot)
            waiting.over.set()

    def resume(self, connection: Connection) -> None:
        """The gateway has kept the session: what was posted and not answered goes out before all else."""
        posted, self._posted = self._posted, deque()
        for slot in posted:
            connection.put(slot.request, slot)

    def forget_posted(self) -> None:
        """The gateway has not kept the session: it would not know what was posted about."""
        posted, self._posted = self._posted, deque()
        for slot in posted:
            slot.lose()

    def close(self) -> None:
        """There is no connection: requests wait for the next."""
        self._connection = None

    def end(self, ended: SessionEnded) -> None:
        """There will be no connection any more: requests raise ``ended``."""
        self._connection = None
        self._ended = ended
        self.forget_posted()
        for waiting in self._row:
            waiting.over.set()
            waiting.slot.lose()

    def check_open(self) -> None:
        """Raises ``SessionEnded`` when the session is over."""
        if self._ended is not None:
            raise SessionEnded(self._ended.code, self._ended.reason)

    async def ask(
        self, request: Request, reply_type: type[ReplyT], on_answer: OnAnswer[ReplyT] | None = None
    ) -> ReplyT:
        """The answer to ``request``, within ``request_timeout``; while reconnecting it waits for the connection.

        Raises ``SessionEnded``, or the error of this kind of request: refused, not sent, or unanswered, when the
        request may have been carried out. A cancel takes a request back that has not gone out; after that ``on_answer``
        still gets the answer.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        return await self.finish(self.begin(request, Slot(reply_type, on_answer)))

    def begin(self, request: Request, slot: Slot[ReplyT]) -> Asked[ReplyT]:
        """Send ``request`` behind those before it. Without a connection it waits for one: ``finish`` must be called.

        Raises ``SessionEnded``, or the error of this kind of request when too many wait already: then ``slot`` hears
        nothing.
        """
        self.check_open()
        slot.deadline = trio.current_time() + self._settings.request_timeout
        asked = Asked(request, slot, slot.deadline)
        connection = self._open_connection()
        if connection is None:
            self._check_room(request, len(self._row))
            asked.waiting = _Waiting(request, slot, trio.Event())
            self._row.append(asked.waiting)
        else:
            self._check_room(request, connection.requests_waiting)
            connection.put(request, slot)
        return asked

    def take_back(self, asked: Asked[ReplyT]) -> None:
        """Nobody will call ``finish``: what has not gone out does not."""
        if asked.waiting is not None and asked.waiting in self._row:
            self._row.remove(asked.waiting)
            asked.slot.lose()

    async def finish(self, asked: Asked[ReplyT]) -> ReplyT:
        """The answer to what ``begin`` began; raises and cancels like ``ask``."""
        if asked.waiting is not None:
            await self._wait_sent(asked.waiting, asked.deadline)
        request, slot = asked.request, asked.slot
        if isinstance(slot, _Posted):
            with trio.move_on_at(asked.deadline):  # between two connections there is none to look after it
                await slot.wait()
        else:
            await slot.wait()
        answer = slot.answer
        if isinstance(answer, Failure):
            raise refused(request, answer)
        if answer is not None:
            return answer
        if slot.known:
            raise unanswered(request, "the connection was lost")
        self._counters.requests_timed_out += 1
        raise unanswered(request, f"no answer within {self._settings.request_timeout:g} s")

    def post(self, request: Request, on_answer: OnAnswer[Ok] | None = None) -> Asked[Ok] | None:
        """Send a request that concerns this session only, such as the end of its call, without waiting for its answer.

        While there is no connection it waits for the next: None. When the connection is lost before the answer came,
        it goes out once more with the next; so it should do no harm a second time. It is given up when the gateway has
        not kept the session.
        """
        slot, connection = _Posted(request, on_answer, self._wait_for_next), self._open_connection()
        if connection is None:
            slot.disconnect()
            return None
        connection.put(request, slot)
        return Asked(request, slot, trio.current_time() + self._settings.request_timeout)

    def _wait_for_next(self, slot: _Posted) -> None:
        if self._ended is None and self._has_room(len(self._posted)):
            self._posted.append(slot)
        else:
            slot.lose()

    async def _wait_sent(self, waiting: _Waiting, deadline: float) -> None:
        """Wait in the row until the request goes out; who gives up before that takes it back."""
        try:
            with trio.move_on_at(deadline):
                await waiting.over.wait()
        finally:
            never_sent = waiting in self._row
            if never_sent:
                self._row.remove(waiting)
                waiting.slot.lose()
        if not never_sent:
            return
        self.check_open()
        self._counters.requests_timed_out += 1
        raise not_sent(waiting.request, f"no connection for {self._settings.request_timeout:g} s")

    def _open_connection(self) -> Connection | None:
        return None if self._connection is None or self._connection.over else self._connection

    def _check_room(self, request: Request, present: int) -> None:
        if not self._has_room(present):
            raise not_sent(request, f"{self._settings.max_requests} requests wait for an answer")

    def _has_room(self, present: int) -> bool:
        if present < self._settings.max_requests:
            return True
        self._counters.requests_refused += 1
        return False
