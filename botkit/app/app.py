"""The app: all bots of one app id, each under a supervisor of its own, and the feeds that they share."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.actor.quarantine import DEFAULT_QUARANTINE, QuarantineSettings
from botkit.actor.registry import Registry
from botkit.actor.tree import TreeNode
from botkit.app.canary import Canary
from botkit.app.effect_log import BotEffects, EffectLog, EffectSink
from botkit.app.feed_keeper import FeedKeeper
from botkit.app.feeds import CHANNELS
from botkit.app.live_channels import LiveChannels
from botkit.app.meters import AppMeters
from botkit.app.outgoing_meters import OutgoingMeters
from botkit.app.pace import Pace
from botkit.app.placement import BotPlacement, BotPlan, plan_app
from botkit.app.pool import Pooling
from botkit.app.readiness import not_ready
from botkit.app.report import AppDescription, BotStatus, describe_app
from botkit.app.running import RunningBot
from botkit.app.sessions import SessionOpener, TokenFor
from botkit.errors import ActorError
from botkit.observability.metrics import Meters
from botkit.observability.texts import TextPolicy
from botkit.signaling import Gate, Governor, GovernorSettings, Signal, SignalSettings
from botkit.stores.conversations import ConversationStore, MemoryConversationStore
from botkit.transport.base import Connector
from botkit.types import Account
from botkit.wire.limits import NO_TOKEN

STOP_SECONDS = 4.0
START_SECONDS = 10.0
"""How long the app waits for feeds, and then for bots, to get in, before it says that it has started."""

DEFAULT_GOVERNOR = GovernorSettings()

_STATES = ("starting", "running", "waiting", "quarantined", "ended")

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class App:
    """Runs bots of one app id at one gateway.

    ``gateway`` is a URL or a connector; ``token_for`` makes a fresh token for each login of an account (none
    is needed where the app has no certificate). ``stop_seconds`` is the time that a bot has to stop in:
    handlers end, sessions log out, resources close. ``keys`` say where the placements stand, ``bots[i]`` for want of
    others. Raises ``ConfigError`` for placements that cannot be.

    No bot sees another one's crash: each is restarted by its own supervisor. When its budget (5 restarts in 60 s) is
    spent it is in quarantine, alone, until a probe shows that it is well again; ``quarantine`` says when. So are feeds.
    All of that is logged, counted, and seen in ``tree``.

    ``conversations`` keeps what bots remember of talks; without it that ends with this object.

    What bots send waits for the service's limits, within the bounds of ``governor``; None lets it go out, and be
    refused, as it comes. ``effects`` has what they did; ``effect_sink`` keeps it for longer. ``texts`` says how much of
    what people write is logged.

    With ``canary_seconds`` a canary shows, so often, whether feeds and bots really receive: see ``not_ready``.
    """

    def __init__(
        self,
        app_id: str,
        gateway: str | Connector,
        bots: Sequence[BotPlacement],
        *,
        token_for: TokenFor | None = None,
        meters: Meters | None = None,
        signal_settings: SignalSettings | None = None,
        stop_seconds: float = STOP_SECONDS,
        keys: Sequence[str] | None = None,
        canary_seconds: float | None = None,
        conversations: ConversationStore | None = None,
        quarantine: QuarantineSettings = DEFAULT_QUARANTINE,
        governor: GovernorSettings | None = DEFAULT_GOVERNOR,
        texts: TextPolicy = "hash",
        effect_sink: EffectSink | None = None,
    ) -> None:
        self._plan = plan_app(bots, keys=keys)
        conversations = conversations or MemoryConversationStore()
        self._meters = AppMeters(meters or Meters())
        self.signal = Signal(app_id, gateway, settings=signal_settings)
        """What opens the app's sessions; others may open theirs with it."""
        self.registry = Registry()
        """The app's live actors: its bots by title, all of the kind ``botkit.app.running.BOT`` and tagged with their
        bot's name. Others come in when it is handed to their supervisors; handlers and resources may ask for it."""
        self._began: float | None = None
        self.effects = EffectLog(self.signal.app_id, self._meters, texts=texts, sink=effect_sink)
        """What the bots have done lately, or would have done in a dry run."""
        self._governor = None if governor is None else Governor(governor, OutgoingMeters(self._meters.meters))
        token_for = token_for or (lambda _account: NO_TOKEN)
        opener = SessionOpener(self.signal, token_for)
        live = pooling = None
        if self._plan.has_pools:
            live = LiveChannels(self._plan.patterns, self._plan.accounts)
            pooling = Pooling(live, SessionOpener(self.signal, token_for, pace=Pace()))
        self._canary: Canary | None = None
        if canary_seconds is not None and self._plan.bots:
            self._canary = Canary(
                opener,
                self._plan.bots[0].info.account,
                [feed.name for feed in self._plan.feeds],
                self._who_must_hear,
                self._meters,
                seconds=canary_seconds,
            )
        self._bots = [
            RunningBot(
                plan,
                opener.through(self._gate(plan)),
                self._meters,
                stop_seconds=stop_seconds,
                registry=self.registry,
                quarantine=quarantine,
                on_trouble=self._end_if_hopeless,
                pooling=None if pooling is None else pooling.through(self._gate(plan)),
                canary=self._canary,
                conversations=conversations,
                app_id=app_id,
            )
            for plan in self._plan.bots
        ]
        self._feeds = [
            FeedKeeper(
                feed,
                [bot.subscriber for bot in self._bots if feed in bot.plan.feeds],
                opener,
                self._meters,
                service=self._plan.service,
                live=live if feed.name == CHANNELS else None,
                canary=self._canary,
                quarantine=quarantine,
            )
            for feed in self._plan.feeds
        ]

    def describe(self) -> AppDescription:
        """What this app runs: bots, accounts, channels, handlers, feeds."""
        return describe_app(self.signal.app_id, self._plan)

    def statistics(self) -> tuple[BotStatus, ...]:
        """How each bot is, now, in the order of the placements."""
        return tuple(bot.status() for bot in self._bots)

    def given_up(self) -> tuple[str, ...]:
        """The bots that are gone for good or in quarantine although nobody asked for that: each in a line, with why."""
        return tuple(f"{bot.plan.title}: {bot.given_up}" for bot in self._bots if bot.given_up)

    def tree(self) -> TreeNode:
        """All that runs, now: feeds and bots below their supervisors, sessions below them. See ``render_tree``."""
        up = None if self._began is None else trio.current_time() - self._began
        nodes = [*(feed.node() for feed in self._feeds), *(bot.node() for bot in self._bots)]
        state = "ended" if up is None else "running"
        return TreeNode(kind="app", name=self.signal.app_id, state=state, uptime=up, children=tuple(nodes))

    def not_ready(self) -> list[str]:
        """What keeps the bots from receiving, one line for each; empty when nothing does.

        Each bot and feed must run, and each session of a bot be logged in and in its channel. With ``canary_seconds``
        each feed and each bot must also have heard the canary within 2.5 times as long: so one that believes to be
        logged in, and is deaf, is found.
        """
        return not_ready(self.statistics(), {feed.name: feed.state for feed in self._feeds}, self._canary)

    def _who_must_hear(self) -> list[tuple[str, Account]]:
        """Bots by title, with the account of their first session; those that are not running miss it."""
        return [(bot.plan.title, bot.plan.sessions[0].account) for bot in self._bots]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run feeds and bots. Started when each bot is in, in quarantine or given up, at the latest after 20 s.

        A gateway that is not there is waited for. A cancel stops feeds and all bots at the same time, each within
        ``stop_seconds``. Raises ``ActorError`` when no bot is left: each has ended, or is in quarantine and has never
        been up; ``ConfigError``, in a group, when a bot cannot open at the start what its settings name; an app without
        bots returns at once.
        """
        async with self._gauges(), self._clocked(), self._governing(), trio.open_nursery() as nursery:
            await _start_all(nursery, self._feeds)
            for feed in self._feeds:
                feed.bots_go_ahead()
            async with trio.open_nursery() as bots:
                await _start_all(bots, self._bots)
                if self._canary is not None:
                    nursery.start_soon(self._canary.run)
                task_status.started()
            nursery.cancel_scope.cancel()
        if self._bots:
            ends = "; ".join(f"{bot.plan.title}: {bot.given_up or 'its sessions have ended'}" for bot in self._bots)
            raise ActorError(f"no bot is left: {ends}")

    def _end_if_hopeless(self) -> None:
        """Where no bot has ever been up, what is wrong was wrong at the start: to say so is better than to probe."""
        if all(bot.hopeless for bot in self._bots):
            for bot in self._bots:
                bot.give_up()

    @asynccontextmanager
    async def _clocked(self) -> AsyncIterator[None]:
        self._began = trio.current_time()
        try:
            yield
        finally:
            self._began = None

    def _gate(self, plan: BotPlan) -> Gate:
        observer = BotEffects(self.effects, plan.bot.name)
        return Gate(observer=observer, governor=self._governor, dry_run=plan.dry_run)

    @asynccontextmanager
    async def _governing(self) -> AsyncIterator[None]:
        """The governor runs, until the last bot has stopped."""
        if self._governor is None:
            yield
            return
        scope = trio.CancelScope(shield=True)  # whatever is cancelled around it: those who stop may have words left
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run_in, scope, self._governor.run)
            try:
                yield
            finally:
                scope.cancel()

    @asynccontextmanager
    async def _gauges(self) -> AsyncIterator[None]:
        def waiting() -> float:
            return sum(bot.events_waiting() for bot in self._bots)

        def running() -> float:
            return sum(bot.handlers_running() for bot in self._bots)

        def messages_waiting() -> float:
            return 0 if self._governor is None else self._governor.waiting

        gauges: list[tuple[str, str, Callable[[], float]]] = [
            ("bot_events_waiting", "Events that wait for a handler", waiting),
            ("bot_handlers_running", "Events that handlers are at work on", running),
            ("outgoing_waiting", "Messages that wait for the service's limits", messages_waiting),
        ]

        def bots() -> Mapping[str, float]:
            return _by_state(bot.status().state for bot in self._bots)

        def feeds() -> Mapping[str, float]:
            return _by_state(feed.state for feed in self._feeds)

        def pool_sessions() -> Mapping[str, float]:
            return _by_bot((bot.plan.bot.name, len(bot.pool)) for bot in self._bots if bot.pool is not None)

        def pool_waiting() -> Mapping[str, float]:
            return _by_bot((bot.plan.bot.name, bot.pool.waiting) for bot in self._bots if bot.pool is not None)

        by_bot = [
            ("pool_sessions", "Sessions for channels that match a bot's patterns", pool_sessions),
            ("pool_channels_waiting", "Such channels that wait since all sessions are in others", pool_waiting),
        ]
        states = [
            ("bots", "Bots by state: one in quarantine will be probed, one that ended is gone for good", bots),
            ("feeds", "Feeds by state; what one that ended would have told, nobody is told", feeds),
        ]
        meters = self._meters.meters
        async with AsyncExitStack() as stack:
            for name, help, read in gauges:
                stack.callback(meters.gauge(name, help, read).remove_source, read)
            for name, help, read_by in by_bot if self._plan.has_pools else ():
                stack.callback(meters.gauge_by(name, help, "bot", read_by).remove_source, read_by)
            for name, help, read_by in states:
                stack.callback(meters.gauge_by(name, help, "state", read_by).remove_source, read_by)
            yield


def _by_state(states: Iterable[str]) -> Mapping[str, float]:
    counts = Counter(states)
    return {state: counts[state] for state in _STATES}


def _by_bot(levels: Iterable[tuple[str, int]]) -> Mapping[str, float]:
    sums = Counter[str]()
    for bot, level in levels:
        sums[bot] += level
    return sums


async def _run_in(scope: trio.CancelScope, run: Callable[[], Awaitable[None]]) -> None:
    with scope:
        await run()


async def _start_all(nursery: trio.Nursery, tasks: Sequence[FeedKeeper] | Sequence[RunningBot]) -> None:
    """Start all at once: who waits at the door keeps nobody else waiting."""
    for task in tasks:
        nursery.start_soon(task.run, name=task.title)
    with trio.move_on_after(START_SECONDS):
        for task in tasks:
            await task.starting.wait()
    late = [task.title for task in tasks if not task.starting.done]
    if late:
        _log.warning("still starting", waiting_for=late)
