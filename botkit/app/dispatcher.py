"""From an event of a session or a feed to the bot's handlers: matched, put in order, called, kept apart."""

from collections.abc import Sequence

import structlog
import trio
from msgspec import structs
from structlog.typing import FilteringBoundLogger

from botkit.app.binding import Injected
from botkit.app.causality import next_number
from botkit.app.commands.desk import CommandDesk
from botkit.app.context import Context
from botkit.app.conversations.current import current_desk
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.delivery import Delivery, call_in_turn
from botkit.app.handling import HandlerBorder
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
from botkit.routing.deadlines import Allowance
from botkit.routing.keys import OrderKey, is_lasting, key_of
from botkit.routing.loops import LoopBreaker, Verdict
from botkit.routing.runner import KeyedRunner, RunnerLimits, RunnerStatistics
from botkit.routing.table import Match, RouteTable
from botkit.signaling import Call, LoginSession
from botkit.stores.conversations import ConversationKey
from botkit.types import Account

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


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
        self._loops = LoopBreaker(plan.loops)
        self._border = HandlerBorder(plan.info, meters, self._loops)
        commands = CommandDesk(plan.bot.command_prefix, plan.roles, meters, self._tell_refused)
        targets = TargetMaker(injected, plan.bot.handler_timeout, commands)
        self._table = RouteTable[Target](targets.tree(plan.wiring.root), self._border.filter_failed)
        self.beats = targets.beats
        """The handlers of ``every``, with their seconds."""
        self._runner = KeyedRunner[Delivery](self._deliver, limits or plan.limits)
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
        if type(event) in _OF_OTHERS and self._is_not_for_handlers(event):
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
        delivery = Delivery(_line_of(event, session), event, session, call)
        delivery.matching, delivery.at = matching, at
        if not await self._runner.submit(delivery.key, delivery, lasting=is_lasting(event)):
            self._note_lost(session)

    async def time_out(self, key: ConversationKey, session: LoginSession) -> None:
        """Tell that a conversation was not gone on with in time; it is closed when handlers have had their say.

        In its turn, it is looked at again: what was gone on with meanwhile is left alone.
        """
        event = ConversationTimedOut(kind=key.kind, account=Account(key.account), channel=key.channel)
        delivery = Delivery(_line_of(event, session), event, session)
        if not self._table.way(type(event)).late:
            delivery.matching, delivery.at = self._table.match(event)
        while not await self._runner.submit(delivery.key, delivery):  # noqa: ASYNC110
            await trio.sleep(FULL_LINE_SECONDS)  # too many events of that place wait: those come first

    async def beat(self, target: Target, session: LoginSession) -> None:
        """Call a handler of ``every``."""
        await self._border.call(Match(target, None), None, self._context(session), target.timeout)

    async def _tell_refused(self, refused: CommandRefused, context: Context) -> None:
        await Walk(self._table, self._border, refused, self._context(context.session, refused)).run()

    def _is_not_for_handlers(self, event: Event) -> bool:
        """A message of the bot's own, or of a bot that it is in a loop with; a session of a pool comes or goes."""
        if isinstance(event, UserJoined | UserLeft):
            return self._plan.info.is_service(event.account)
        assert isinstance(event, ChannelMessage | InstantMessage)
        return event.account in self._own_accounts or (len(self._loops) > 0 and self._is_of_a_loop(event))

    def _is_of_a_loop(self, message: ChannelMessage | InstantMessage) -> bool:
        verdict = self._loops.heard(message.account, trio.current_time())
        if verdict is Verdict.LISTEN:
            return False
        name, limits = self._plan.bot.name, self._plan.loops
        self._meters.loop_messages.add_for(name)
        if verdict is Verdict.BREAK:
            self._meters.loops_broken.add_for(name)
            _log.warning(
                "a loop is broken: the account answers as fast as bots do, and is not listened to for a while",
                bot=name,
                account=self._plan.info.account,
                loop_with=message.account,
                turns=limits.turns,
                pause_seconds=limits.pause_seconds,
            )
        return True

    def _context(self, session: LoginSession, event: Event | None = None, call: Call | None = None) -> Context:
        plan = self._plan
        return Context(
            session=session, bot=plan.info, settings=plan.settings, event=event, call=call, number=next_number()
        )

    async def _deliver(self, delivery: Delivery, allowance: Allowance | None) -> None:
        if self._desk is None:
            await self._handle(delivery, allowance)
            return
        current_desk.set(self._desk)  # for this task of the runner; the next event sets it anew
        if isinstance(delivery.event, ConversationTimedOut):
            await self._handle_time_out(delivery, delivery.event, allowance, self._desk)
        else:
            await self._handle(delivery, allowance)

    async def _handle_time_out(
        self, delivery: Delivery, event: ConversationTimedOut, allowance: Allowance | None, desk: ConversationDesk
    ) -> None:
        key = ConversationKey(event.kind, event.account, event.channel)
        if delivery.context is None:
            if not desk.is_due(key):
                return
            self._meters.conversations_timed_out.add_for(self._plan.bot.name)
        await self._handle(delivery, allowance)
        if desk.is_due(key):
            try:
                await desk.close(key)
            except StoreError as error:
                _log.error(
                    "a conversation that timed out may come back at a restart", **structs.asdict(key), error=str(error)
                )

    async def _handle(self, delivery: Delivery, allowance: Allowance | None) -> None:
        event = delivery.event
        if event is None:
            event = delivery.event = self._take_lost()
            delivery.matching, delivery.at = self._table.match(event)
        begin = trio.current_time()
        context = delivery.context
        if context is None:
            context = delivery.context = self._context(delivery.session, event, delivery.call)
        if self._table.way(type(event)).late:
            walk = Walk(self._table, self._border, event, context)
            await walk.run()
            if not walk.wanted:
                self._meters.unhandled.add_for(self._plan.bot.name)
        elif allowance is None:
            while delivery.matching and await call_all(self._border, delivery.matching, event, context):
                delivery.matching, delivery.at = self._table.match(event, delivery.at)
        else:
            await self._call_in_turn(delivery, event, allowance)
        self._meters.handling_seconds.observe(trio.current_time() - begin)

    async def _call_in_turn(self, delivery: Delivery, event: Event, allowance: Allowance) -> None:
        try:
            await call_in_turn(delivery, self._table, self._border, event, allowance)
        except BaseException:
            if allowance.spent:
                delivery.cut_off()
                self._runner.put_first(delivery.key, delivery)
            raise

    def _note_lost(self, session: LoginSession) -> None:
        """Count an event that was dropped; all those until the handlers are told make one ``EventsLost``."""
        self._meters.dropped.add_for(self._plan.bot.name)
        self._lost += 1
        if self._lost == 1:
            key = (session.account, "lost")
            self._runner.submit_nowait(key, Delivery(key, None, session))

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
