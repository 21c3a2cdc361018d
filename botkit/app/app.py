"""The app: all bots of one app id, each under a supervisor of its own, and the feeds that they share."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from botkit.actor.quarantine import DEFAULT_QUARANTINE, QuarantineSettings
from botkit.actor.registry import Registry
from botkit.actor.tree import TreeNode
from botkit.app.canary import Canary
from botkit.app.changes import Changes
from botkit.app.crew import Crew
from botkit.app.effect_log import BotEffects, EffectLog, EffectSink
from botkit.app.feed_keeper import FeedKeeper
from botkit.app.feed_reader import Follower
from botkit.app.feeds import CHANNELS, Feed
from botkit.app.gauges import open_gauges
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
from botkit.app.watchdog import Watchdog
from botkit.errors import ActorError, ConfigError
from botkit.observability.metrics import Meters
from botkit.observability.texts import TextPolicy
from botkit.signaling import Gate, Governor, GovernorSettings, Signal, SignalSettings
from botkit.stores.conversations import ConversationStore, MemoryConversationStore
from botkit.transport.base import Connector
from botkit.types import Account
from botkit.wire.limits import NO_TOKEN

STOP_SECONDS = 4.0
DEFAULT_GOVERNOR = GovernorSettings()


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

    What blocks the loop is named by a ``watchdog``; several apps of one process share one.

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
        watchdog: Watchdog | None = None,
        governor: GovernorSettings | None = DEFAULT_GOVERNOR,
        texts: TextPolicy = "hash",
        effect_sink: EffectSink | None = None,
    ) -> None:
        plan = plan_app(bots, keys=keys)
        self._owner = bots[0].account if bots else ""
        self._service = plan.service
        self._conversations = conversations or MemoryConversationStore()
        self._meters = AppMeters(meters or Meters())
        self.signal = Signal(app_id, gateway, settings=signal_settings)
        """What opens the app's sessions; others may open theirs with it."""
        self.registry = Registry()
        """The app's live actors: its bots by title, all of the kind ``botkit.app.running.BOT`` and tagged with their
        bot's name. Others come in when it is handed to their supervisors; handlers and resources may ask for it."""
        self._watchdog = watchdog or Watchdog(self._meters.meters)
        self._began: float | None = None
        self.effects = EffectLog(self.signal.app_id, self._meters, texts=texts, sink=effect_sink)
        """What the bots have done lately, or would have done in a dry run."""
        self._governor = None if governor is None else Governor(governor, OutgoingMeters(self._meters.meters))
        token_for = token_for or (lambda _account: NO_TOKEN)
        self._opener = SessionOpener(self.signal, token_for)
        self._live = LiveChannels(plan.patterns, plan.accounts)
        self._pooling = Pooling(self._live, SessionOpener(self.signal, token_for, pace=Pace()))
        self._stop_seconds, self._quarantine = stop_seconds, quarantine
        self._canary: Canary | None = None
        if canary_seconds is not None and plan.bots:
            self._canary = Canary(
                self._opener,
                self._owner,
                lambda: [feed.name for feed in self._crew.feeds],
                self._who_must_hear,
                self._meters,
                seconds=canary_seconds,
            )
        self._crew = Crew(plan, bots, self._live, make_bot=self._make_bot, make_feed=self._make_feed)

    def _make_bot(self, plan: BotPlan, first: bool) -> RunningBot:
        gate = Gate(observer=BotEffects(self.effects, plan.bot.name), governor=self._governor, dry_run=plan.dry_run)
        return RunningBot(
            plan,
            self._opener.through(gate),
            self._meters,
            stop_seconds=self._stop_seconds,
            registry=self.registry,
            quarantine=self._quarantine,
            on_trouble=self._end_if_hopeless,
            pooling=self._pooling.through(gate),
            canary=self._canary,
            conversations=self._conversations,
            app_id=self.signal.app_id,
            blames_settings=first,
        )

    def _make_feed(self, feed: Feed, followers: Sequence[Follower]) -> FeedKeeper:
        return FeedKeeper(
            feed,
            followers,
            self._opener,
            self._meters,
            service=self._service,
            live=self._live if feed.name == CHANNELS else None,
            canary=self._canary,
            quarantine=self._quarantine,
        )

    def describe(self) -> AppDescription:
        """What this app runs: bots, accounts, channels, handlers, feeds."""
        return describe_app(self.signal.app_id, self._crew.plan)

    def statistics(self) -> tuple[BotStatus, ...]:
        """How each bot is, now, in the order of the placements."""
        return tuple(bot.status() for bot in self._crew.bots)

    @property
    def has_drains(self) -> bool:
        """Whether a bot has something to finish before it is stopped."""
        return any(bot.plan.bot.drained for bot in self._crew.bots)

    async def drain(self) -> None:
        """Have bots finish what they are at before they are stopped: call their handlers of ``on_drain``.

        All at the same time, each within its timeout; the bots go on meanwhile, and after it. A cancel ends it.
        """
        async with trio.open_nursery() as nursery:
            for bot in self._crew.bots:
                nursery.start_soon(bot.drain)

    def given_up(self) -> tuple[str, ...]:
        """The bots that are gone for good or in quarantine although nobody asked for that: each in a line, with why."""
        return tuple(f"{bot.plan.title}: {bot.given_up}" for bot in self._crew.bots if bot.given_up)

    def tree(self) -> TreeNode:
        """All that runs, now: feeds and bots below their supervisors, sessions below them. See ``render_tree``."""
        up = None if self._began is None else trio.current_time() - self._began
        nodes = [*(feed.node() for feed in self._crew.feeds), *(bot.node() for bot in self._crew.bots)]
        state = "ended" if up is None else "running"
        return TreeNode(kind="app", name=self.signal.app_id, state=state, uptime=up, children=tuple(nodes))

    def not_ready(self) -> list[str]:
        """What keeps the bots from receiving, one line for each; empty when nothing does.

        Each bot and feed must run, and each session of a bot be logged in and in its channel. With ``canary_seconds``
        each feed and each bot must also have heard the canary within 2.5 times as long: so one that believes to be
        logged in, and is deaf, is found.
        """
        return not_ready(self.statistics(), {feed.name: feed.state for feed in self._crew.feeds}, self._canary)

    def _who_must_hear(self) -> list[tuple[str, Account]]:
        """Bots by title, with the account of their first session; those that are not running miss it."""
        return [(bot.plan.title, bot.plan.sessions[0].account) for bot in self._crew.bots]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run feeds and bots. Started when each bot is in, in quarantine or given up, at the latest after 20 s.

        A gateway that is not there is waited for. A cancel stops feeds and all bots at the same time, each within
        ``stop_seconds``. Raises ``ActorError`` when no bot is left: each has ended, or is in quarantine and has never
        been up; ``ConfigError``, in a group, when a bot cannot open at the start what its settings name; an app without
        bots returns at once.
        """

        def on_started(nursery: trio.Nursery) -> None:
            if self._canary is not None:
                nursery.start_soon(self._canary.run)
            task_status.started()

        with open_gauges(self._meters.meters, self._crew, self._messages_waiting):
            async with self._clocked(), self._watchdog.watching(), self._governing():
                await self._crew.run(on_started)
        bots = self._crew.bots
        if bots:
            ends = "; ".join(f"{bot.plan.title}: {bot.given_up or 'its sessions have ended'}" for bot in bots)
            raise ActorError(f"no bot is left: {ends}")

    async def apply(self, bots: Sequence[BotPlacement], *, keys: Sequence[str] | None = None) -> Changes:
        """Run these bots from now on, while the app runs; they are told apart by their accounts.

        Whoever does not differ is left alone: its sessions stay as they are, and nobody sees anything. All at the same
        time, those that are gone or differ stop, each within ``stop_seconds``; then the others start. Feeds and the
        channels that pools care for follow. What feeds tell meanwhile waits for the new ones. Feeds keep the accounts
        that they have, of the app's first bot at its start.

        A bot that is another object of the same name, in the same place, is another version of its code, and swapped
        in: its sessions stay, and each event meets one of the two. Handlers that are at work end in the old one. What
        they hold stays open, where the new version makes it in the same way; else the new one is opened before, and
        the old one closed once nobody needs it any more. Conversations and timers go on.

        Done, at the latest after 30 s, when the new bots are in, in quarantine or given up. A cancel ends the
        waiting, not the change. Raises ``ConfigError`` for placements that cannot be, before anything has changed;
        ``SwapFailed`` when what new code needs cannot be opened, and then, too; ``ActorError`` when the app does not
        run. A new bot that cannot open what its settings name is restarted.
        """
        if not bots:
            raise ConfigError("an app that runs needs a bot", key="bots", hint="stop the app instead")
        plan = plan_app(bots, keys=keys, owner=self._owner, service=self._service)
        return await self._crew.change(plan, bots)

    def tune(self, *, governor: GovernorSettings | None, canary_seconds: float | None) -> None:
        """Follow other settings from now on. What there is none of, a governor or a canary, does not come or go."""
        if self._governor is not None and governor is not None:
            self._governor.settings = governor
        if self._canary is not None and canary_seconds is not None:
            self._canary.sing_every(canary_seconds)

    def _end_if_hopeless(self) -> None:
        """Where no bot has ever been up, what is wrong was wrong at the start: to say so is better than to probe."""
        if not self._crew.changed and all(bot.hopeless for bot in self._crew.bots):
            for bot in self._crew.bots:
                bot.give_up()

    def _messages_waiting(self) -> float:
        return 0 if self._governor is None else self._governor.waiting

    @asynccontextmanager
    async def _clocked(self) -> AsyncIterator[None]:
        self._began = trio.current_time()
        try:
            yield
        finally:
            self._began = None

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


async def _run_in(scope: trio.CancelScope, run: Callable[[], Awaitable[None]]) -> None:
    with scope:
        await run()
