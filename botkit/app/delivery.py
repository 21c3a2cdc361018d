"""An event on its way to its handlers, which may take several turns of a worker."""

import math
from collections.abc import Hashable, Sequence

import trio

from botkit.app.context import Context
from botkit.app.handling import FailedLate
from botkit.app.targets import Target
from botkit.app.version import Version
from botkit.app.walk import call_all
from botkit.events import Event
from botkit.routing.deadlines import Allowance
from botkit.routing.table import Match
from botkit.signaling import Call, LoginSession


class Delivery:
    """An event, where it came from, and how far it has come.

    The event is None for losses, until they are counted, when they are told. ``matching`` are the handlers of one
    router that want it, of which those from ``place`` on are still to be called, and ``at`` is where the routers behind
    are; nothing where they are found on the way (``late``). ``overran`` took longer than its timeout and was
    cancelled, and raised ``failure`` on that, if anything. ``version`` is the code that it was matched with, and meets
    once it has begun; ``began`` is when the first handler was called, on trio's clock.
    """

    __slots__ = (
        "at",
        "began",
        "call",
        "context",
        "event",
        "failure",
        "key",
        "late",
        "matching",
        "overran",
        "place",
        "session",
        "version",
    )

    def __init__(
        self,
        key: Hashable,
        event: Event | None,
        session: LoginSession,
        version: Version,
        call: Call | None = None,
    ) -> None:
        self.key, self.event, self.session, self.version, self.call = key, event, session, version, call
        self.matching: Sequence[Match[Target]] = ()
        self.place = self.at = 0
        self.late = False
        self.context: Context | None = None
        self.began = math.inf
        self.overran: Target | None = None
        self.failure: BaseException | None = None

    def cut_off(self) -> None:
        """The handler that was called last took longer than its timeout, and was cancelled."""
        self.overran = self.matching[self.place - 1].target


async def call_lasting(delivery: Delivery) -> None:
    """Call the handlers of an event that may take as long as they like."""
    version, event, context = delivery.version, delivery.event, delivery.context
    assert event is not None
    assert context is not None
    while delivery.matching and await call_all(version.border, delivery.matching, event, context):
        delivery.matching, delivery.at = version.table.match(event, delivery.at)


async def call_in_turn(delivery: Delivery, allowance: Allowance) -> None:
    """Call the handlers that are left, on an allowance. Where that is spent, ``trio.Cancelled`` is raised."""
    event, context, border = delivery.event, delivery.context, delivery.version.border
    assert event is not None
    assert context is not None
    if delivery.overran is not None:
        target, failure = delivery.overran, delivery.failure
        delivery.overran = delivery.failure = None
        await border.overran(target, event, context, failure)
    now = delivery.began if delivery.place == 0 else None
    while True:
        while delivery.place < len(delivery.matching):
            if context.stopped:
                return
            match = delivery.matching[delivery.place]
            delivery.place += 1
            try:
                await border.call(match, event, context, match.target.timeout, allowance=allowance, now=now)
            except FailedLate as late:
                delivery.failure = late.failure
                await trio.lowlevel.checkpoint()  # raises: the allowance is spent
            now = None
        if context.stopped or not context.propagated:
            return
        context.propagated = False
        delivery.matching, delivery.at = delivery.version.table.match(event, delivery.at)
        delivery.place = 0
