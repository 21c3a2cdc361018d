"""What waits at the governor: messages, in the order in which their session sends them to one target."""

from bisect import bisect_left, insort
from collections.abc import Callable
from operator import attrgetter
from typing import Generic, NamedTuple, Protocol, TypeAlias

import trio

from botkit.errors import SignalingError
from botkit.signaling.effects import Lane
from botkit.signaling.governor_window import Window
from botkit.signaling.pending import OnAnswer, ReplyT, Slot
from botkit.signaling.requests import Asked, Requests
from botkit.wire.replies import Failure, Ok
from botkit.wire.request import Request

Answer: TypeAlias = Ok | Failure | None
Answered: TypeAlias = Callable[["Flow", "Job", Answer], bool]
"""Told the answer to a job of a flow; whether it is final. Otherwise the job waits for another turn."""


class Job(Protocol):
    """A message that waits for its turn, goes out, and perhaps waits once more."""

    number: int
    request: Request
    since: float
    refused_at: float | None
    given_up: bool

    def send(self, flow: "Flow", answered: Answered) -> None:
        """Its turn has come. Raises ``SignalingError`` when it cannot go out."""
        ...

    def fail(self, error: SignalingError) -> None:
        """Its turn will not come."""
        ...


class Send(Generic[ReplyT]):
    """A job, for whoever waits for its answer."""

    def __init__(
        self,
        number: int,
        request: Request,
        requests: Requests,
        *,
        reply_type: type[ReplyT],
        on_answer: OnAnswer[ReplyT] | None,
        since: float,
    ) -> None:
        self.number, self.request, self.since = number, request, since
        self.refused_at: float | None = None
        self.given_up = False
        self._requests, self._reply_type, self._on_answer = requests, reply_type, on_answer
        self._asked: Asked[ReplyT] | None = None
        self._error: SignalingError | None = None
        self._under_way = self._again = False
        self._turn = trio.Event()

    def send(self, flow: "Flow", answered: Answered) -> None:
        """See ``Job.send``."""

        def told(answer: ReplyT | Failure | None) -> None:
            if not self._under_way:
                return
            self._under_way = False
            if not answered(flow, self, answer):
                self._again, self._turn = True, trio.Event()
            elif self._on_answer is not None:
                self._on_answer(answer)

        self._asked = self._requests.begin(self.request, Slot(self._reply_type, told))
        self._under_way = True
        self._turn.set()

    def fail(self, error: SignalingError) -> None:
        """See ``Job.fail``."""
        self._error = error
        self._turn.set()

    async def wait(self) -> ReplyT:
        """The final answer; raises like ``Requests.finish``. A cancel takes back what has not gone out."""
        while True:
            if not self._turn.is_set():
                await self._wait_turn()
            if self._error is not None:
                raise self._error
            assert self._asked is not None
            try:
                return await self._requests.finish(self._asked)
            except SignalingError:
                if not self._again:
                    raise
                self._again = False

    async def _wait_turn(self) -> None:
        try:
            await self._turn.wait()
        except trio.Cancelled:
            if self._turn.is_set() and self._asked is not None:  # its turn came in the same moment
                self._requests.take_back(self._asked)
            raise


class FlowKey(NamedTuple):
    """What keeps the order: the target, and the lane."""

    target: tuple[str, ...]
    lane: Lane


class Flow:
    """The messages of one session to one target in one lane. ``windows`` are the limits that each of them needs.

    They are taken in this order, ``taken`` of them so far for the next message; ``parked`` says that the flow waits
    for the next one of them.
    """

    __slots__ = ("key", "parked", "taken", "under_way", "waiting", "windows")

    def __init__(self, key: FlowKey, windows: tuple[Window["Flow"], ...]) -> None:
        self.key, self.windows = key, windows
        self.waiting: list[Job] = []
        self.taken = self.under_way = 0
        self.parked = False

    @property
    def lane(self) -> Lane:
        """The lane."""
        return self.key.lane

    def put(self, job: Job) -> None:
        """Put a job in its place by number: one that was refused goes before those that came after it."""
        insort(self.waiting, job, key=_number)

    def remove(self, job: Job) -> bool:
        """Take a job out; False when it does not wait."""
        index = bisect_left(self.waiting, job.number, key=_number)
        if index == len(self.waiting) or self.waiting[index] is not job:
            return False
        del self.waiting[index]
        return True

    @property
    def over(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not (self.waiting or self.under_way or self.parked)


_number: Callable[[Job], int] = attrgetter("number")
