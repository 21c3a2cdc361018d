"""From an event of a session or a feed to the bot's handlers: matched, put in order, called, kept apart."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog
import trio
from msgspec import structs
from structlog.typing import FilteringBoundLogger

from botkit.app.commands.desk import CommandDesk
from botkit.app.context import Context
from botkit.app.conversations.current import current_desk
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.handling import HandlerBorder
from botkit.app.injection import Injected
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.targets import Target, TargetMaker
from botkit.app.walk import Walk, call_all
from botkit.errors import StoreError
from botkit.events import (
    CallEvent,
    ChannelMessage,
    CommandRefused,
    ConversationTimedOut,
    Event,
    EventsLost,
    InstantMessage,
    UserJoined,
    UserLeft,
)
from botkit.routing.keys import OrderKey, is_lasting, key_of
from botkit.routing.runner import KeyedRunner, RunnerLimits, RunnerStatistics
from botkit.routing.table import Match, RouteTable
from botkit.signaling import Call, LoginSession
from botkit.stores.conversations import ConversationKey
from botkit.types import Account

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class _Delivery(NamedTuple):
    """An event on its way to its handlers.

    The event is None for losses, which are counted when they are told. ``matching`` are the first handlers that want
    it, and ``at`` is where the routers behind them are; nothing where outer middlewares come before.
    """

    event: Event | None
    matching: Sequence[Match[Target]]
    at: int
    session: LoginSession
    call: Call | None


class Dispatcher:
    """Calls one bot's handlers. ``run`` is the task that does it; ``dispatch`` and ``beat`` give it work."""

    def __init__(
        self,
        plan: BotPlan,
        injected: Injected,
        meters: AppMeters,
        limits: RunnerLimits | None = None,
        *,
        desk: ConversationDesk | None = None,
    ) -> None:
        self._plan, self._meters, self._desk = plan, meters, desk
        self._own_accounts = frozenset(plan.accounts) if plan.bot.ignore_self else ()
        self._border = HandlerBorder(plan.info, meters)
        commands = CommandDesk(plan.bot.command_prefix, plan.roles, meters, self._tell_refused)
        targets = TargetMaker(injected, plan.bot.handler_timeout, commands)
        self._table = RouteTable[Target](targets.tree(plan.wiring.root), self._border.filter_failed)
        self.beats = targets.beats
        """The handlers of ``every``, with their seconds."""
        self._runner = KeyedRunner[_Delivery](self._deliver, limits or plan.limits)
        self._lost = 0
        if nobodys := plan.roles.nobodys(plan.bot.roles):
            _log.warning("there are commands that nobody may use: give their roles to somebody", roles=nobodys)

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
        matching: Sequence[Match[Target]] = ()
        at = 0
        if not self._table.way(type(event)).late:
            matching, at = self._table.match(event)
            if not matching:
                self._meters.unhandled.add_for(name)
                return
        call = session.call(event.call) if isinstance(event, CallEvent) else None
        delivery = _Delivery(event, matching, at, session, call)
        if not await self._runner.submit(_line_of(event, session), delivery, lasting=is_lasting(event)):
            self._note_lost(session)

    async def time_out(self, key: ConversationKey, session: LoginSession) -> None:
        """Tell that a conversation was not gone on with in time; it is closed when handlers have had their say.

        In its turn, it is looked at again: what was gone on with meanwhile is left alone.
        """
        event = ConversationTimedOut(kind=key.kind, account=Account(key.account), channel=key.channel)
        matching, at = ((), 0) if self._table.way(type(event)).late else self._table.match(event)
        delivery = _Delivery(event, matching, at, session, None)
        while not await self._runner.submit(_line_of(event, session), delivery):  # noqa: ASYNC110
            await trio.sleep(FULL_LINE_SECONDS)  # too many events of that place wait: those come first

    async def beat(self, target: Target, session: LoginSession) -> None:
        """Call a handler of ``every``."""
        await self._border.call(target, None, None, self._context(session), target.timeout)

    async def _tell_refused(self, refused: CommandRefused, context: Context) -> None:
        await Walk(self._table, self._border, refused, self._context(context.session, refused)).run()

    def _is_ours(self, event: Event) -> bool:
        """A message of the bot's own, or a session of a pool that comes or goes: nothing to tell the handlers."""
        if isinstance(event, UserJoined | UserLeft):
            return self._plan.info.is_service(event.account)
        return isinstance(event, ChannelMessage | InstantMessage) and event.account in self._own_accounts

    def _context(self, session: LoginSession, event: Event | None = None, call: Call | None = None) -> Context:
        plan = self._plan
        return Context(session=session, bot=plan.info, settings=plan.settings, event=event, call=call)

    async def _deliver(self, delivery: _Delivery) -> None:
        if self._desk is None:
            await self._handle(delivery)
            return
        current_desk.set(self._desk)  # for this task of the runner; the next event sets it anew
        if isinstance(delivery.event, ConversationTimedOut):
            await self._handle_time_out(delivery, delivery.event, self._desk)
        else:
            await self._handle(delivery)

    async def _handle_time_out(self, delivery: _Delivery, event: ConversationTimedOut, desk: ConversationDesk) -> None:
        key = ConversationKey(event.kind, event.account, event.channel)
        if not desk.is_due(key):
            return
        self._meters.conversations_timed_out.add_for(self._plan.bot.name)
        await self._handle(delivery)
        if desk.is_due(key):
            try:
                await desk.close(key)
            except StoreError as error:
                _log.error(
                    "a conversation that timed out may come back at a restart", **structs.asdict(key), error=str(error)
                )

    async def _handle(self, delivery: _Delivery) -> None:
        event, matching, at, session, call = delivery
        if event is None:
            event = self._take_lost()
            matching, at = self._table.match(event)
        begin = trio.current_time()
        context = self._context(session, event, call)
        if self._table.way(type(event)).late:
            walk = Walk(self._table, self._border, event, context)
            await walk.run()
            if not walk.wanted:
                self._meters.unhandled.add_for(self._plan.bot.name)
        else:
            while matching and await call_all(self._border, matching, event, context):
                matching, at = self._table.match(event, at)
        self._meters.handling_seconds.observe(trio.current_time() - begin)

    def _note_lost(self, session: LoginSession) -> None:
        """Count an event that was dropped; all those until the handlers are told make one ``EventsLost``."""
        self._meters.dropped.add_for(self._plan.bot.name)
        self._lost += 1
        if self._lost == 1:
            self._runner.submit_nowait((session.account, "lost"), _Delivery(None, (), 0, session, None))

    def _take_lost(self) -> EventsLost:
        event = EventsLost(cause="too many events of one channel, account or call waited", count=self._lost)
        self._lost = 0
        _log.warning("events dropped", bot=self._plan.bot.name, cause=event.cause, count=event.count)
        return event


def _line_of(event: Event, session: LoginSession) -> OrderKey:
    key = key_of(event)
    return key if key[0] in _OF_THE_BOT else (session.account, *key)


_OF_THE_BOT = frozenset({"account", "channel", "sender"})
"""Keys that hold for all sessions of the bot: a channel stays in order when another session takes it over, and so does
what one account tells several of them."""

FULL_LINE_SECONDS = 1.0
"""How long a time-out waits that finds its line full, before it tries again."""

_OF_OTHERS = frozenset({ChannelMessage, InstantMessage, UserJoined, UserLeft})
