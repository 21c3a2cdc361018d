"""Asking the gateway, over whichever connection the session has at the moment."""

from collections import deque
from collections.abc import Callable

import trio

from botkit.errors import SessionEnded
from botkit.signaling.connection import Connection
from botkit.signaling.failures import not_sent, refused, unanswered
from botkit.signaling.pending import ReplyT, Slot
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.wire.replies import Failure, Ok
from botkit.wire.request import Request


class Requests:
    """Where a session's verbs hand in their requests; open while there is a connection that is logged in."""

    def __init__(self, settings: SignalSettings, counters: Counters) -> None:
        self._settings = settings
        self._counters = counters
        self._connection: Connection | None = None
        self._changed = trio.Event()
        self._ended: SessionEnded | None = None
        self._deferred: deque[Request] = deque(maxlen=settings.max_requests)

    @property
    def timeout(self) -> float:
        """Seconds that a request waits for its answer."""
        return self._settings.request_timeout

    @property
    def waiting(self) -> int:
        """How many requests wait for an answer."""
        return self._connection.requests_waiting if self._connection else 0

    def open(self, connection: Connection) -> None:
        """Requests go over ``connection`` from now on, also those that waited for one."""
        self._connection = connection
        self._changed.set()
        while self._deferred:
            connection.post(self._deferred.popleft(), Ok)

    def close(self) -> None:
        """There is no connection: requests wait for the next."""
        self._connection = None
        if self._changed.is_set():
            self._changed = trio.Event()

    def end(self, ended: SessionEnded) -> None:
        """There will be no connection any more: requests raise ``ended``."""
        self._connection = None
        self._ended = ended
        self._deferred.clear()
        self._changed.set()

    async def ask(
        self,
        request: Request,
        reply_type: type[ReplyT],
        on_answer: Callable[[ReplyT | Failure], None] | None = None,
    ) -> ReplyT:
        """The answer to ``request``, within ``request_timeout``; while reconnecting it waits for the connection.

        Raises ``SessionEnded``, or the error of this kind of request: refused, not sent, or unanswered, when the
        request may have been carried out. A cancel may come after the request went out, which is not taken back;
        ``on_answer`` still gets the answer.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        deadline = trio.current_time() + self._settings.request_timeout
        connection = await self._wait_open(request, deadline)
        if connection.requests_waiting >= self._settings.max_requests:
            self._counters.requests_refused += 1
            raise not_sent(request, f"{self._settings.max_requests} requests wait for an answer")
        return await self.answer(request, connection.post(request, reply_type, on_answer), deadline)

    async def answer(self, request: Request, slot: Slot[ReplyT], deadline: float) -> ReplyT:
        """What ``slot`` gets until ``deadline``, for a ``request`` that is on its way; raises like ``ask``."""
        with trio.move_on_at(deadline):
            match await slot.wait():
                case None:
                    raise unanswered(request, "the connection was lost")
                case Failure() as failure:
                    raise refused(request, failure)
                case answer:
                    return answer
        self._counters.requests_timed_out += 1
        raise unanswered(request, f"no answer within {self._settings.request_timeout:g} s")

    def post(self, request: Request) -> Slot[Ok] | None:
        """Send a request without waiting for its answer. While there is no connection it waits for the next: None."""
        if self._connection is not None:
            return self._connection.post(request, Ok)
        if self._ended is None:
            self._deferred.append(request)
        return None

    async def _wait_open(self, request: Request, deadline: float) -> Connection:
        if self._connection is None:
            with trio.move_on_at(deadline):
                await self._changed.wait()
        if self._ended is not None:
            raise SessionEnded(self._ended.code, self._ended.reason)
        if self._connection is None:
            self._counters.requests_timed_out += 1
            raise not_sent(request, f"no connection for {self._settings.request_timeout:g} s")
        return self._connection
