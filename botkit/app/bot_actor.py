"""A bot as it runs: one actor that holds its resources, its sessions and pool, its timers and its dispatcher.

Feed events come through the actor's mailbox; what its sessions are told goes to the dispatcher directly. On a
stop the handlers end first, then the sessions log out, then the resources are closed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog
import trio
from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from botkit.actor.actor import Actor
from botkit.actor.exits import Exit
from botkit.actor.registry import Registry
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.actor.tree import TreeNode
from botkit.app.beats import Timers
from botkit.app.binding import Injected
from botkit.app.canary import Canary
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.conversations.injecting import DESK
from botkit.app.dispatcher import Dispatcher
from botkit.app.holdings import Holdings, Opened
from botkit.app.injection import Offer
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.pool import Pool, Pooling
from botkit.app.report import SessionStatus
from botkit.app.sessions import SessionChild, SessionOpener
from botkit.app.subscriber import Subscriber
from botkit.app.targets import Target
from botkit.app.version import Version
from botkit.app.wiring import BOT_INFO, METERS, REGISTRY
from botkit.errors import ActorError
from botkit.events import Event, InstantMessage, MemberJoined, MemberLeft
from botkit.signaling import LoginSession
from botkit.stores.conversations import ConversationStore, MemoryConversationStore, Owner
from botkit.types import ChannelName
from botkit.wire.states import LoginStatus

LAST_HANDLERS_SECONDS = 2.0
"""How long handlers may go on once all sessions of their bot are over."""


_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class Prepared(NamedTuple):
    """Another version of a bot's code, with all that it needs, open."""

    actor: "BotActor"
    plan: BotPlan
    desk: ConversationDesk | None
    opened: Opened
    version: Version


class BotActor(Actor[Event]):
    """One life of a bot. Its code can be exchanged meanwhile: see ``prepare``."""

    def __init__(
        self,
        plan: BotPlan,
        opener: SessionOpener,
        meters: AppMeters,
        *,
        subscriber: Subscriber,
        registry: Registry,
        pooling: Pooling | None = None,
        canary: Canary | None = None,
        conversations: ConversationStore | None = None,
        app_id: str = "",
    ) -> None:
        self.plan, self.meters = plan, meters
        self._canary, self._registry = canary, registry
        self._owner = Owner(app_id, plan.info.account)
        self._conversations = conversations or MemoryConversationStore()
        self.desk: ConversationDesk | None = None
        self.dispatcher: Dispatcher | None = None
        self._holdings = Holdings(plan.info)
        self._timers = Timers(self.start_soon, self._call_beat, self._count_left_out)
        self._opened: list[Opened] = []
        """What the present version holds, at the end, and those before it whose handlers are still at work."""
        self.is_up = False
        """Whether it is at work, so that ``prepare`` and ``become`` can be called."""
        self.pool: Pool | None = None
        if plan.pool is not None and pooling is not None:
            self.pool = Pool(plan.bot.name, plan.pool, pooling, self._on_event, meters)
            plan.info.follow(self.pool.channels)
        self._subscriber = subscriber
        self.sessions = tuple(SessionChild(session, opener, self._on_event) for session in plan.sessions)
        self._supervisor = Supervisor(
            f"{plan.title} sessions",
            [session.spec for session in self.sessions],
            stop_together=True,
            on_exit=self._session_ended,
            slots=opener.slots,
        )

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Resources around sessions around the actor's work."""
        self.desk = await self._desk_for(self.plan)
        async with self._holdings.around():
            opened = await self._holdings.open(self.plan.wiring.resources, self._known_values(self.plan, self.desk))
            self._opened.append(opened)
            dispatcher = self.dispatcher = Dispatcher(self.plan, opened.values, self.meters, desk=self.desk)
            async with trio.open_nursery() as nursery:
                await nursery.start(self._keep_sessions, dispatcher)
                if self.pool is not None:
                    nursery.start_soon(_never_ending, "its pool of sessions", self.pool.run)
                self.start_soon(dispatcher.run)
                if self.desk is not None:
                    self.start_soon(self._time_out, self.desk, dispatcher)
                self._timers.become(dispatcher.version)
                self._subscriber.taken()  # nothing yet, but whoever comes out of quarantine may have missed something
                self.is_up = True
                try:
                    yield
                finally:
                    self.is_up = False
                nursery.cancel_scope.cancel()

    async def prepare(self, plan: BotPlan) -> Prepared:
        """Open what another version of the code needs, for ``become``, or else ``discard``; nothing changes yet.

        Raises what its resources and stores raise, and ``ActorError`` when the bot ends meanwhile.
        """
        assert self.dispatcher is not None
        plan = replace(plan, info=self.plan.info)  # it is the same bot, and knows where its pool is
        desk = await self._desk_for(plan) if self.desk is None else self.desk
        opened = await self._holdings.open(plan.wiring.resources, self._known_values(plan, desk), self._opened[-1])
        return Prepared(self, plan, desk, opened, self.dispatcher.version_of(plan, opened.values))

    async def drain(self) -> None:
        """Call what is to be called before the bot is stopped, all at the same time; the bot goes on meanwhile."""
        if not self.is_up or self.dispatcher is None:
            return
        version = self.dispatcher.version
        async with trio.open_nursery() as nursery:
            for target in version.drains:
                nursery.start_soon(self.dispatcher.beat, version, target, self._session_for(None))

    def become(self, prepared: Prepared) -> None:
        """Have the next event meet this version of the code. Handlers of the last one that are at work go on."""
        assert self.dispatcher is not None
        before, held = self.dispatcher.version, self._opened[-1]
        self.plan = prepared.plan
        prepared.opened.take_over()
        if prepared.desk is not None:
            prepared.desk.become(self.plan.bot.kinds)
            if self.desk is None:
                self.desk = prepared.desk
                self.start_soon(self._time_out, self.desk, self.dispatcher)
        self.dispatcher.become(prepared.version, self.desk)
        self._timers.become(prepared.version)
        self._opened.append(prepared.opened)
        self.start_soon(self._retire, before, held)

    async def discard(self, prepared: Prepared) -> None:
        """Close what was opened for it."""
        await self._close_unheld(prepared.opened)

    async def _retire(self, version: Version, opened: Opened) -> None:
        """Once no handler of an old version is at work, close what it alone holds."""
        if version.users:
            _log.info(
                "handlers of the code from before are still at work", bot=self.plan.bot.name, events=version.users
            )
        await version.unused()
        self._opened.remove(opened)
        await self._close_unheld(opened)

    async def _close_unheld(self, opened: Opened) -> None:
        held = {holding for one in self._opened for holding in one.holdings}
        await self._holdings.close([holding for holding in opened.holdings if holding not in held])

    def below(self) -> tuple[TreeNode, ...]:
        """The bot's sessions, and its pool with those in there."""
        return (*self._supervisor.nodes(), *([] if self.pool is None else [self.pool.node()]))

    async def on_receive(self, message: Event) -> None:
        """A feed event."""
        self._subscriber.taken()
        await self._on_event(message, self._session_for(message))
        if self.dispatcher is not None:
            await self.dispatcher.let_begin()

    def session_statuses(self) -> tuple[SessionStatus, ...]:
        """The bot's sessions, now."""
        fixed = (
            SessionStatus(
                account=child.plan.account,
                channel=child.plan.channel,
                in_channel=_is_in(child.session, child.plan.channel),
                status=(LoginStatus.INITIAL if child.session is None else child.session.status).name.lower(),
                restarts=status.restarts,
            )
            for child, status in zip(self.sessions, self._supervisor.statistics(), strict=True)
        )
        pooled = (
            SessionStatus(
                account=stay.account,
                channel=stay.channel,
                in_channel=_is_in(stay.session, stay.channel),
                status=(LoginStatus.INITIAL if stay.session is None else stay.session.status).name.lower(),
                restarts=stay.restarts,
                expected=stay.expected,
            )
            for stay in (self.pool.stays() if self.pool is not None else ())
        )
        return (*fixed, *pooled)

    async def _desk_for(self, plan: BotPlan) -> ConversationDesk | None:
        """What the bot remembers of talks, if it has any kinds of them."""
        if not plan.bot.kinds:
            return None
        desk = ConversationDesk(self._owner, self._conversations, plan.bot.kinds, self.meters)
        await desk.load()
        return desk

    def _known_values(self, plan: BotPlan, desk: ConversationDesk | None) -> Injected:
        known: dict[Offer, object] = {BOT_INFO: plan.info, REGISTRY: self._registry, METERS: self.meters.meters}
        if plan.bot.settings_offer is not None:
            known[plan.bot.settings_offer] = plan.settings
        if desk is not None:
            known[DESK] = desk
        return known

    async def _on_event(self, event: Event, session: LoginSession) -> None:
        assert self.dispatcher is not None
        if self._canary is not None and isinstance(event, InstantMessage) and event.account == self._canary.account:
            self._canary.heard_by_bot(self.plan.title)
            return
        await self.dispatcher.dispatch(event, session)

    async def _keep_sessions(self, dispatcher: Dispatcher, *, task_status: trio.TaskStatus[None]) -> None:
        await self._supervisor.run(task_status=task_status)
        with trio.move_on_after(LAST_HANDLERS_SECONDS):
            await dispatcher.wait_all_done()
        self.stop()

    async def _time_out(self, desk: ConversationDesk, dispatcher: Dispatcher) -> None:
        while True:
            key = await desk.next_due()
            await dispatcher.time_out(key, self._session_for(None))

    async def _call_beat(self, version: Version, target: Target) -> None:
        assert self.dispatcher is not None
        await self.dispatcher.beat(version, target, self._session_for(None))

    def _count_left_out(self, beats: int) -> None:
        self.meters.beats_left_out.add_for(self.plan.bot.name, beats)

    def _session_for(self, event: Event | None) -> LoginSession:
        """The session for what came to none: one that is logged in, in the event's channel if there is one."""
        channel = event.channel if isinstance(event, MemberJoined | MemberLeft) else None
        if channel is None:
            for child in self.sessions:
                if child.session is not None and child.session.status is LoginStatus.LOGGED_IN:
                    return child.session
        if channel is not None and self.pool is not None and (pooled := self.pool.session_in(channel)) is not None:
            return pooled
        sessions = [child.session for child in self.sessions if child.session is not None]
        online = [session for session in sessions if session.status is LoginStatus.LOGGED_IN] or sessions
        if channel is not None:
            for session in online:
                if session.channel is not None and session.channel.name == channel:
                    return session
        return online[0]

    def _session_ended(self, exit: ChildExit) -> None:
        lost = any(child.lost for child in self.sessions if child.plan.account == exit.child)
        if lost or exit.exit is not Exit.RETURNED:
            self.meters.unplanned_ends.add_for("session")
        if exit.delay is not None:
            self.meters.session_restarts.add_for(self.plan.bot.name)
        elif lost:
            self.meters.sessions_lost.add_for(self.plan.bot.name)


async def _never_ending(what: str, run: Callable[[], Awaitable[None]]) -> None:
    """``run`` ends with the bot. When it returns before that, the bot would go on without it, and nobody would know."""
    await run()
    raise ActorError(f"{what} ended by itself: a handler or a resource has cancelled it")


def _is_in(session: LoginSession | None, channel: ChannelName | None) -> bool:
    if channel is None:
        return True
    return session is not None and session.channel is not None and session.channel.name == channel
