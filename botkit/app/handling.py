"""The handler border: a handler is called, and whatever it does is its own affair.

What a handler raises is logged and counted, given to a handler of errors if one takes it, and goes no further; so does
``trio.Cancelled`` where nobody cancelled it, and anything else but what ends the process (``KeyboardInterrupt``,
``SystemExit``). One that takes longer than its timeout is cancelled. One that returns something is named, since
whoever wrote that expected something of it.
"""

import math
import reprlib
from collections.abc import Callable
from functools import partial
from typing import cast

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.causality import Cause, handling
from botkit.app.context import BotInfo, Context
from botkit.app.error_handlers import ERROR
from botkit.app.meters import AppMeters
from botkit.app.middleware import CALL_NEXT, CallNext
from botkit.app.signatures import Place
from botkit.app.targets import ErrorTarget, Target
from botkit.errors import HandlerTimeout
from botkit.events import Event
from botkit.observability.about import ABOUT
from botkit.routing.deadlines import Allowance, Deadlines
from botkit.routing.filters import Values
from botkit.routing.loops import LoopBreaker
from botkit.routing.table import Match, RouteNode

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

_NO_VALUES: Values = {}


class FailedLate(Exception):
    """What a handler raised when its allowance was spent. It is to be dealt with out of that scope: see ``overran``."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__(failure)
        self.failure = failure


class HandlerBorder:
    """Calls the handlers of one bot, and keeps their failures to themselves."""

    def __init__(self, bot: BotInfo, meters: AppMeters, loops: LoopBreaker, deadlines: Deadlines) -> None:
        self._bot, self._meters, self._loops, self._deadlines = bot, meters, loops, deadlines
        self._named: set[Place] = set()
        self._overdue = self._tell_overdue

    async def call(
        self,
        match: Match[Target],
        event: Event | None,
        context: Context,
        seconds: float | None,
        *,
        allowance: Allowance | None = None,
        now: float | None = None,
    ) -> bool:
        """Call a handler, for at most ``seconds``; False when it failed.

        Raises only what is not the handler's own: a cancel from outside, an exit. With an ``allowance``, which saves a
        timeout scope, also ``trio.Cancelled`` or ``FailedLate`` where that is spent: then ``overran`` is to be called,
        out of its scope. ``now``, on trio's clock, saves looking at it.
        """
        target, values = match
        token = ABOUT.set(self._cause(target.place, event, context))  # ``with handling(…)`` is 0.3 µs more
        try:
            if seconds is not None:
                if allowance is None:
                    result = await self._within(seconds, match, event, context)
                    return self._done(target, result)
                allowance.on_overdue, allowance.about = self._overdue, (target, event, seconds)
                allowance.begin(seconds, now)
            if target.direct is not None:
                result = await target.direct(event, context)
            else:
                result = await target.call(event, context, values or _NO_VALUES)
        except BaseException as error:  # noqa: BLE001 - the handler border: logged, counted, and the bot lives
            if allowance is not None:
                allowance.end()
                if allowance.spent and split_failure(error)[0] is None:
                    raise FailedLate(error) from None
            await self._failed(target, event, context, error)
            return False
        else:
            if allowance is not None:
                allowance.due = math.inf
                if allowance.spent:  # on its last steps: this scope is of no more use
                    await trio.lowlevel.checkpoint()
            return self._done(target, result) if result is not None else True
        finally:
            ABOUT.reset(token)

    async def overran(
        self, target: Target, event: Event, context: Context, failure: BaseException | None = None
    ) -> None:
        """Do what is to be done about a handler that took longer than its timeout, and was cancelled.

        ``failure`` is what it raised on that, if anything.
        """
        assert target.timeout is not None
        failure = failure or HandlerTimeout(target.place.name, target.timeout)
        with handling(self._cause(target.place, event, context)):
            await self._failed(target, event, context, failure)

    def filter_failed(self, whose: Target | RouteNode[Target], event: Event, error: Exception) -> None:
        """Log and count a filter that raised."""
        self._meters.filter_errors.add_for(self._bot.name)
        place = whose.place if isinstance(whose, Target) else Place(f"router {whose.name}", "<filter>", 0)
        self._log_failure("filter failed", place, event, error)

    async def _within(self, seconds: float, match: Match[Target], event: Event | None, context: Context) -> object:
        values, allowance = match.values or _NO_VALUES, self._deadlines.open()
        allowance.on_overdue, allowance.about = self._overdue, (match.target, event, seconds)
        begin = partial(allowance.begin, seconds)
        if match.target.goes_on:
            values = {**values, CALL_NEXT.key: _Untimed(allowance, begin, cast("CallNext", values[CALL_NEXT.key]))}
        try:
            with allowance.scope:
                begin()
                result = await match.target.call(event, context, values)
                if allowance.spent:
                    await trio.lowlevel.checkpoint()
                return result
        finally:
            self._deadlines.close(allowance)
        raise HandlerTimeout(match.target.place.name, seconds)

    def _cause(self, place: Place, event: Event | None, context: Context) -> Cause:
        return Cause(self._bot.name, place, event, context.event_number, self._loops)

    def _done(self, target: Target, result: object) -> bool:
        if result is not None:
            self._note_value(target, result)
        return True

    async def _failed(self, target: Target, event: Event | None, context: Context, error: BaseException) -> None:
        outside, own = split_failure(error)
        if own is not None:
            self._count(target.place)
            self._meters.handler_errors.add_for(self._bot.name)
            if isinstance(own, HandlerTimeout):
                self._meters.handler_timeouts.add_for(self._bot.name)
                self._log_failure("handler timed out", target.place, event, own)
        if outside is not None:
            if own is not None:
                self._log_failure("handler failed while it was stopped", target.place, event, own)
            raise outside
        assert own is not None
        taker = next((one for one in target.errors if one.handler.takes(own, event)), None)
        if taker is not None:
            await self._call_error_handler(taker, own, event, context)
            return
        self._meters.errors_unhandled.add_for(self._bot.name)
        if not isinstance(own, HandlerTimeout):
            self._log_failure("handler failed", target.place, event, own)

    async def _call_error_handler(
        self, taker: ErrorTarget, failure: BaseException, event: Event | None, context: Context
    ) -> None:
        place = taker.handler.signature.place
        try:
            with trio.fail_after(taker.timeout), handling(self._cause(place, event, context)):
                await taker.call(event, context, {ERROR.key: failure})
        except BaseException as error:  # noqa: BLE001 - the handler border
            outside, own = split_failure(error)
            if own is not None:
                self._count(place)
                self._meters.error_handler_errors.add_for(self._bot.name)
                self._log_failure("handler of errors failed", place, event, own, error_before=reprlib.repr(failure))
            if outside is not None:
                raise outside from None

    def _tell_overdue(self, target: Target, event: Event | None, seconds: float) -> None:
        self._meters.handlers_overdue.add_for(self._bot.name)
        _log.error(
            "handler does not let go",
            **self._who(target.place),
            event_type=_type_of(event),
            timeout=seconds,
            hint="it shields itself from its cancel, or waits for a thread: give that a timeout of its own",
        )

    def _note_value(self, target: Target, value: object) -> None:
        self._count(target.place)
        if target.place not in self._named:
            self._named.add(target.place)
            _log.warning(
                "handler returned a value, which nobody reads", **self._who(target.place), value=reprlib.repr(value)
            )

    def _count(self, place: Place) -> None:
        self._meters.handler_failures.add_for(f"{self._bot.name}.{place.name}")

    def _log_failure(self, what: str, place: Place, event: Event | None, error: BaseException, **facts: str) -> None:
        _log.error(what, **self._who(place), event_type=_type_of(event), **facts, exc_info=error)

    def _who(self, place: Place) -> dict[str, str | int]:
        bot = self._bot
        return {"bot": bot.name, "account": bot.account, "handler": place.name, "file": place.file, "line": place.line}


class _Untimed:
    """What an outer middleware goes around, which has timeouts of its own: the middleware's stands still meanwhile.

    It has its time before, and as much again after each time.
    """

    def __init__(self, allowance: Allowance, begin: Callable[[], None], call_next: CallNext) -> None:
        self._allowance, self._begin, self._call_next = allowance, begin, call_next
        self._inside = 0

    async def __call__(self) -> None:
        self._inside += 1
        self._allowance.end()
        try:
            await self._call_next()
        finally:
            self._inside -= 1
            if not self._inside:
                self._begin()


def _type_of(event: Event | None) -> str:
    return "beat" if event is None else type(event).__name__


def split_failure(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """What of an exception is not for its handler alone, and must go on; and what is its own failure.

    Not its own are the ends of the process, and a ``trio.Cancelled`` where somebody did cancel what is around it.
    """
    if isinstance(error, Exception):
        return None, error
    if isinstance(error, BaseExceptionGroup):
        return error.split(_is_from_outside)
    return (error, None) if _is_from_outside(error) else (None, error)


def _is_from_outside(error: BaseException) -> bool:
    if isinstance(error, trio.Cancelled):
        return trio.current_effective_deadline() == -math.inf
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)
