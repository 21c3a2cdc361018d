"""From an event of a session or a feed to the bot's handlers: matched, put in order, called, kept apart."""

from collections.abc import Awaitable, Sequence
from typing import cast

import structlog
import trio
from msgspec import structs
from structlog.typing import FilteringBoundLogger

from botkit.app.arrivals import Arrival, arrival_of
from botkit.app.binding import Injected
from botkit.app.conversations.current import current_desk
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.delivery import Delivery, call_in_turn, call_lasting
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.targets import Target
from botkit.app.version import Version
from botkit.app.walk import Walk
from botkit.errors import StoreError
from botkit.events import (
    CallEvent,
    ChannelMessage,
    ConversationTimedOut,
    Event,
    EventsLost,
    InstantMessage,
    UserJoined,
    UserLeft,
)
from botkit.routing.deadlines import Allowance
from botkit.routing.keys import OrderKey
from botkit.routing.loops import LoopBreaker, Verdict
from botkit.routing.runner import KeyedRunner, RunnerLimits, RunnerStatistics
from botkit.routing.table import Match
from botkit.signaling import LoginSession
from botkit.stores.conversations import ConversationKey
from botkit.types import Account

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class Dispatcher:
    """Calls one bot's handlers. ``run`` is the task that does it; ``dispatch`` and ``beat`` give it work.

    ``become`` has another version of the bot's code be called, from the next event on.
    """

    def __init__(
        self,
        plan: BotPlan,
        injected: Injected,
        meters: AppMeters,
        limits: RunnerLimits | None = None,
        *,
        desk: ConversationDesk | None = None,
    ) -> None:
        self._name, self._meters, self._desk = plan.bot.name, meters, desk
        self._loops = LoopBreaker(plan.loops)
        self._runner = KeyedRunner[Delivery](self._deliver, limits or plan.limits)
        self.version = Version(plan, injected, meters, self._loops, self._runner.deadlines)
        """The code that the next event meets."""
        self._lost = 0
        self._warn_of_nobodys()

    def version_of(self, plan: BotPlan, injected: Injected) -> Version:
        """Another version of the code, for ``become``. Raises what building it raises, and changes nothing."""
        return Version(plan, injected, self._meters, self._loops, self._runner.deadlines)

    def become(self, version: Version, desk: ConversationDesk | None) -> None:
        """From now on, call this version with each event that no handler has begun with; what has begun goes on.

        Events that wait keep their places, and are matched anew when their turn comes. ``desk`` has the conversations.
        """
        before, self.version, self._desk = self.version, version, desk
        if version.nobodys != before.nobodys:
            self._warn_of_nobodys()
        self._loops.limits = version.plan.loops
        self._runner.limits = version.plan.limits

    async def run(self) -> None:
        """Call handlers until cancelled; then those that run are cancelled."""
        await self._runner.run()

    async def wait_all_done(self) -> None:
        """Wait until no handler runs or waits."""
        await self._runner.wait_all_done()

    def statistics(self) -> RunnerStatistics:
        """What runs and waits, now."""
        return self._runner.statistics()

    async def let_begin(self) -> None:
        """Let the handlers of what was dispatched begin, before something else can that comes later, for another key.

        They do not if they wait for other handlers that are at work.
        """
        if self._runner.piled_up:
            await self._runner.let_begin()

    async def dispatch(self, event: Event, session: LoginSession) -> None:
        """Put the event in line for the handlers that want it. No checkpoint, but for waiting while too many wait."""
        event_type = type(event)
        arrival = arrival_of(event_type)
        if (arrival.said or arrival.seen) and self._is_not_for_handlers(event, arrival):
            return
        version = self.version
        self._meters.events.add_for(self._name)
        if arrival.loss:
            assert isinstance(event, EventsLost)
            self._tell_of_loss("events lost", event)
        matching: Sequence[Match[Target]] = ()
        at = 0
        way = version.table.way(event_type)
        if not way.late:
            matching, at = version.table.match(event, 0, way)
            if not matching:
                self._meters.unhandled.add_for(self._name)
                return
        call = session.call(cast("CallEvent", event).call) if arrival.of_call else None
        delivery = Delivery(_line_of(event, session, arrival), event, session, version, call)
        delivery.late, delivery.matching, delivery.at = way.late, matching, at
        if self._runner.is_full:
            await self._runner.wait_for_room()
        if not self._runner.submit_nowait(delivery.key, delivery, lasting=arrival.lasting):
            self._note_lost(session)

    async def time_out(self, key: ConversationKey, session: LoginSession) -> None:
        """Tell that a conversation was not gone on with in time; it is closed when handlers have had their say.

        In its turn, it is looked at again: what was gone on with meanwhile is left alone.
        """
        event = ConversationTimedOut(kind=key.kind, account=Account(key.account), channel=key.channel)
        version = self.version
        delivery = Delivery(_line_of(event, session, arrival_of(type(event))), event, session, version)
        delivery.late = version.table.way(ConversationTimedOut).late
        if not delivery.late:
            delivery.matching, delivery.at = version.table.match(event)
        while not await self._runner.submit(delivery.key, delivery):  # noqa: ASYNC110
            await trio.sleep(FULL_LINE_SECONDS)  # too many events of that place wait: those come first

    async def beat(self, version: Version, target: Target, session: LoginSession) -> None:
        """Call a handler of ``every``, or of ``on_drain``."""
        version.enter()
        try:
            await version.border.call(Match(target, None), None, version.context(session), target.timeout)
        finally:
            version.leave()

    def _is_not_for_handlers(self, event: Event, arrival: Arrival) -> bool:
        """A message of the bot's own, or of a bot that it is in a loop with; a session of a pool comes or goes."""
        if arrival.seen:
            return self.version.plan.info.is_service(cast("UserJoined | UserLeft", event).account)
        message = cast("ChannelMessage | InstantMessage", event)
        return message.account in self.version.own_accounts or (len(self._loops) > 0 and self._is_of_a_loop(message))

    def _is_of_a_loop(self, message: ChannelMessage | InstantMessage) -> bool:
        verdict = self._loops.heard(message.account, trio.current_time())
        if verdict is Verdict.LISTEN:
            return False
        name, limits = self._name, self._loops.limits
        self._meters.loop_messages.add_for(name)
        if verdict is Verdict.BREAK:
            self._meters.loops_broken.add_for(name)
            _log.warning(
                "a loop is broken: the account answers as fast as bots do, and is not listened to for a while",
                bot=name,
                account=self.version.plan.info.account,
                loop_with=message.account,
                turns=limits.turns,
                pause_seconds=limits.pause_seconds,
            )
        return True

    def _deliver(self, delivery: Delivery, allowance: Allowance | None) -> Awaitable[None]:
        is_new = delivery.context is None
        if is_new:
            self._begin(delivery)
        if self._desk is None:
            return self._handle(delivery, allowance)
        current_desk.set(self._desk)  # for this task of the runner; the next event sets it anew
        if isinstance(delivery.event, ConversationTimedOut):
            return self._handle_time_out(delivery, delivery.event, allowance, self._desk, is_new=is_new)
        return self._handle(delivery, allowance)

    def _begin(self, delivery: Delivery) -> None:
        """The event meets the present version, also where another one was when it came."""
        version, event = self.version, delivery.event
        version.enter()
        if event is None:
            event = delivery.event = self._take_lost()
            delivery.matching, delivery.at = version.table.match(event)
            delivery.late = version.table.way(EventsLost).late
        elif version is not delivery.version:
            delivery.late = version.table.way(type(event)).late
            if not delivery.late:
                delivery.matching, delivery.at = version.table.match(event)
                if not delivery.matching:
                    self._meters.unhandled.add_for(self._name)
        delivery.version = version
        delivery.began = trio.current_time()
        delivery.context = version.context(delivery.session, event, delivery.call)

    async def _handle_time_out(
        self,
        delivery: Delivery,
        event: ConversationTimedOut,
        allowance: Allowance | None,
        desk: ConversationDesk,
        *,
        is_new: bool,
    ) -> None:
        key = ConversationKey(event.kind, event.account, event.channel)
        if is_new:
            if not desk.is_due(key):
                delivery.version.leave()
                return
            self._meters.conversations_timed_out.add_for(self._name)
        await self._handle(delivery, allowance)
        if desk.is_due(key):
            try:
                await desk.close(key)
            except StoreError as error:
                _log.error(
                    "a conversation that timed out may come back at a restart", **structs.asdict(key), error=str(error)
                )

    async def _handle(self, delivery: Delivery, allowance: Allowance | None) -> None:
        try:
            if delivery.late:
                await self._walk(delivery)
            elif allowance is None:
                await call_lasting(delivery)
            else:
                await call_in_turn(delivery, allowance)
            self._meters.handling_seconds.observe(trio.current_time() - delivery.began)
        except BaseException:
            if allowance is not None and allowance.spent:
                delivery.cut_off()
                self._runner.put_first(delivery.key, delivery)
            raise
        finally:
            if delivery.overran is None:  # else it comes back, and is still at work
                delivery.version.leave()

    async def _walk(self, delivery: Delivery) -> None:
        version, event, context = delivery.version, delivery.event, delivery.context
        assert event is not None
        assert context is not None
        walk = Walk(version.table, version.border, event, context)
        await walk.run()
        if not walk.wanted:
            self._meters.unhandled.add_for(self._name)

    def _warn_of_nobodys(self) -> None:
        if nobodys := self.version.nobodys:
            roles = sorted({role for name in nobodys for role in self.version.plan.bot.commands[name]})
            hint = "give one of these roles to somebody"
            _log.warning(
                "there are commands that nobody may use", bot=self._name, commands=nobodys, hint=hint, roles=roles
            )

    def _note_lost(self, session: LoginSession) -> None:
        """Count an event that was dropped; all those until the handlers are told make one ``EventsLost``."""
        self._meters.dropped.add_for(self._name)
        self._lost += 1
        if self._lost == 1:
            key = (session.account, "lost")
            self._runner.submit_nowait(key, Delivery(key, None, session, self.version))

    def _take_lost(self) -> EventsLost:
        event = EventsLost(cause="too many events of one channel, account or call waited", count=self._lost)
        self._lost = 0
        self._tell_of_loss("events dropped", event)
        return event

    def _tell_of_loss(self, what: str, event: EventsLost) -> None:
        """Whether or not a handler wants to know."""
        self._meters.losses.add_for(self._name)
        self._meters.events_lost.add_for(self._name, event.count or 0)
        _log.warning(what, bot=self._name, cause=event.cause, count=event.count)


def _line_of(event: Event, session: LoginSession, arrival: Arrival) -> OrderKey:
    key = arrival.keying.make(event)
    return key if arrival.keying.shared else (session.account, *key)


FULL_LINE_SECONDS = 1.0
"""How long a time-out waits that finds its line full, before it tries again."""
