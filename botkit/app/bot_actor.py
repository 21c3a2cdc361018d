"""A bot as it runs: one actor that holds its resources, its sessions and pool, its timers and its dispatcher.

Feed events come through the actor's mailbox; what its sessions are told goes to the dispatcher directly. On a
stop the handlers end first, then the sessions log out, then the resources are closed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio

from botkit.actor.actor import Actor
from botkit.actor.exits import Exit
from botkit.actor.registry import Registry
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.actor.timers import tick_every
from botkit.actor.tree import TreeNode
from botkit.app.binding import Injected
from botkit.app.canary import Canary
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.conversations.injecting import DESK
from botkit.app.dispatcher import Dispatcher
from botkit.app.injection import Offer
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.pool import Pool, Pooling
from botkit.app.report import SessionStatus
from botkit.app.resources import open_resources
from botkit.app.sessions import SessionChild, SessionOpener
from botkit.app.subscriber import Subscriber
from botkit.app.targets import Target
from botkit.app.wiring import BOT_INFO, METERS, REGISTRY
from botkit.errors import ActorError
from botkit.events import Event, InstantMessage, MemberJoined, MemberLeft
from botkit.signaling import LoginSession
from botkit.stores.conversations import ConversationStore, MemoryConversationStore, Owner
from botkit.types import ChannelName
from botkit.wire.states import LoginStatus

LAST_HANDLERS_SECONDS = 2.0
"""How long handlers may go on once all sessions of their bot are over."""


class BotActor(Actor[Event]):
    """One life of a bot."""

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
        self.desk: ConversationDesk | None = None
        if plan.bot.kinds:
            owner = Owner(app_id, plan.info.account)
            self.desk = ConversationDesk(owner, conversations or MemoryConversationStore(), plan.bot.kinds, meters)
        self.dispatcher: Dispatcher | None = None
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
        if self.desk is not None:
            await self.desk.load()
        async with open_resources(self.plan.wiring.resources, self._known_values()) as injected:
            dispatcher = self.dispatcher = Dispatcher(self.plan, injected, self.meters, desk=self.desk)
            async with trio.open_nursery() as nursery:
                await nursery.start(self._keep_sessions, dispatcher)
                if self.pool is not None:
                    nursery.start_soon(_never_ending, "its pool of sessions", self.pool.run)
                self.start_soon(dispatcher.run)
                if self.desk is not None:
                    self.start_soon(self._time_out, self.desk, dispatcher)
                for seconds, target in dispatcher.beats:
                    self.start_soon(self._run_beat, seconds, target, dispatcher)
                self._subscriber.taken()  # nothing yet, but whoever comes out of quarantine may have missed something
                yield
                nursery.cancel_scope.cancel()

    def below(self) -> tuple[TreeNode, ...]:
        """The bot's sessions, and its pool with those in there."""
        return (*self._supervisor.nodes(), *([] if self.pool is None else [self.pool.node()]))

    async def on_receive(self, message: Event) -> None:
        """A feed event."""
        self._subscriber.taken()
        await self._on_event(message, self._session_for(message))

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

    def _known_values(self) -> Injected:
        known: dict[Offer, object] = {BOT_INFO: self.plan.info, REGISTRY: self._registry, METERS: self.meters.meters}
        if self.plan.bot.settings_offer is not None:
            known[self.plan.bot.settings_offer] = self.plan.settings
        if self.desk is not None:
            known[DESK] = self.desk
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

    async def _run_beat(self, seconds: float, target: Target, dispatcher: Dispatcher) -> None:
        async def call() -> None:
            await dispatcher.beat(target, self._session_for(None))

        await tick_every(seconds, call, on_left_out=partial(self.meters.beats_left_out.add_for, self.plan.bot.name))

    def _session_for(self, event: Event | None) -> LoginSession:
        """The session for what came to none: one that is logged in, in the event's channel if there is one."""
        channel = event.channel if isinstance(event, MemberJoined | MemberLeft) else None
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
