"""From an event of a session or a feed to the bot's handlers: matched, put in order, called, kept apart."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.context import Context
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.signatures import BoundHandler, Handler, Injected
from botkit.events import (
    CallEvent,
    ChannelMessage,
    Event,
    EventsLost,
    FeedEvent,
    InstantMessage,
    UserJoined,
    UserLeft,
)
from botkit.routing.keys import is_lasting, key_of
from botkit.routing.router import Router
from botkit.routing.runner import KeyedRunner, RunnerLimits, RunnerStatistics
from botkit.signaling import Call, LoginSession

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class Target:
    """A handler as it is called: with what is injected filled in."""

    __slots__ = ("call", "handler")

    def __init__(self, handler: Handler, injected: Injected) -> None:
        self.handler = handler
        self.call: BoundHandler = handler.bind(injected)


class _Delivery(NamedTuple):
    """An event on its way to the handlers that want it; the event is None for losses, counted when they are told."""

    event: Event | None
    targets: Sequence[Target]
    session: LoginSession
    call: Call | None


class Dispatcher:
    """Calls one bot's handlers. ``run`` is the task that does it; ``dispatch`` and ``beat`` give it work."""

    def __init__(
        self, plan: BotPlan, injected: Injected, meters: AppMeters, limits: RunnerLimits | None = None
    ) -> None:
        self._plan, self._meters = plan, meters
        self._own_accounts = frozenset(plan.accounts) if plan.bot.ignore_self else ()
        self._router = Router[Target](self._filter_failed)
        for one in plan.bot.registrations:
            self._router.add(one.event_type, Target(one.handler, injected), one.filter)
        self._runner = KeyedRunner[_Delivery](self._deliver, limits)
        self._lost = 0

    async def run(self) -> None:
        """Call handlers until cancelled; then those that run are cancelled."""
        await self._runner.run()

    async def wait_all_done(self) -> None:
        """Wait until no handler runs or waits."""
        await self._runner.wait_all_done()

    def statistics(self) -> RunnerStatistics:
        """What runs and waits, now."""
        return self._runner.statistics()

    async def dispatch(self, event: Event, session: LoginSession) -> None:
        """Put the event in line for the handlers that want it. Waits while too many events wait in all."""
        if type(event) in _OF_OTHERS and self._is_ours(event):
            return
        name = self._plan.bot.name
        self._meters.events.add_for(name)
        targets = self._router.match(event)
        if not targets:
            self._meters.unhandled.add_for(name)
            return
        call = session.call(event.call) if isinstance(event, CallEvent) else None
        key = key_of(event) if isinstance(event, FeedEvent) else (session.account, *key_of(event))
        delivery = _Delivery(event, targets, session, call)
        if not await self._runner.submit(key, delivery, lasting=is_lasting(event)):
            self._note_lost(session)

    async def beat(self, target: Target, session: LoginSession) -> None:
        """Call a handler of ``every``."""
        await self._call([target], None, self._context(session))

    def _is_ours(self, event: Event) -> bool:
        """A message of the bot's own, or a session of a pool that comes or goes: nothing to tell the handlers."""
        if isinstance(event, UserJoined | UserLeft):
            return self._plan.info.is_service(event.account)
        return isinstance(event, ChannelMessage | InstantMessage) and event.account in self._own_accounts

    def _context(self, session: LoginSession, event: Event | None = None, call: Call | None = None) -> Context:
        plan = self._plan
        return Context(session=session, bot=plan.info, settings=plan.settings, event=event, call=call)

    async def _deliver(self, delivery: _Delivery) -> None:
        event, targets, session, call = delivery
        if event is None:
            event = self._take_lost()
            targets = self._router.match(event)
        begin = trio.current_time()
        await self._call(targets, event, self._context(session, event, call))
        self._meters.handling_seconds.observe(trio.current_time() - begin)

    async def _call(self, targets: Sequence[Target], event: Event | None, context: Context) -> None:
        for target in targets:
            try:
                await target.call(event, context)
            except Exception as error:  # noqa: BLE001 - the handler border: logged, counted, and the bot lives
                self._meters.handler_errors.add_for(self._plan.bot.name)
                self._log_failure("handler failed", target, event, error)
            if context.stopped:
                return

    def _filter_failed(self, target: Target, event: Event, error: Exception) -> None:
        self._meters.filter_errors.add_for(self._plan.bot.name)
        self._log_failure("filter failed", target, event, error)

    def _log_failure(self, what: str, target: Target, event: Event | None, error: Exception) -> None:
        place = target.handler.place
        _log.error(
            what,
            bot=self._plan.bot.name,
            account=self._plan.info.account,
            handler=place.name,
            file=place.file,
            line=place.line,
            event_type="beat" if event is None else type(event).__name__,
            exc_info=error,
        )

    def _note_lost(self, session: LoginSession) -> None:
        """Count an event that was dropped; all those until the handlers are told make one ``EventsLost``."""
        self._meters.dropped.add_for(self._plan.bot.name)
        self._lost += 1
        if self._lost == 1:
            self._runner.submit_nowait((session.account, "lost"), _Delivery(None, (), session, None))

    def _take_lost(self) -> EventsLost:
        event = EventsLost(cause="too many events of one channel, account or call waited", count=self._lost)
        self._lost = 0
        _log.warning("events dropped", bot=self._plan.bot.name, cause=event.cause, count=event.count)
        return event


_OF_OTHERS = frozenset({ChannelMessage, InstantMessage, UserJoined, UserLeft})
