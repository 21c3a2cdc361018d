"""One bot in an app: its actor, the supervisor that restarts it, and what becomes of both."""

from collections.abc import Callable

import structlog
import trio
from msgspec import Struct
from msgspec.structs import asdict
from structlog.typing import FilteringBoundLogger

from botkit.actor.actor import actor_child
from botkit.actor.child import Restart
from botkit.actor.exits import Exit
from botkit.actor.kinds import Kind
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.quarantine import DEFAULT_QUARANTINE, Quarantine, QuarantineSettings
from botkit.actor.registry import Registry
from botkit.actor.restarts import RestartBudget
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.actor.tree import TreeNode
from botkit.app.bot_actor import BotActor, Prepared
from botkit.app.canary import Canary
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.pool import Pool, Pooling
from botkit.app.report import BotStatus
from botkit.app.sessions import SessionOpener, is_banned
from botkit.app.starting import Starting, Stopping
from botkit.app.subscriber import Subscriber
from botkit.backoff import Backoff
from botkit.errors import ConfigError, StoreError, SwapFailed
from botkit.events import Event
from botkit.stores.conversations import ConversationStore

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

FEED_MAILBOX = 4096
"""Feed events that wait for a bot; what is above is dropped, counted and told."""

PREPARE_SECONDS = 30.0
"""How long another version's resources may take to open, while the one before is at work."""

BOT_BUDGET = RestartBudget(5, 60.0)
RESTART_BACKOFF = Backoff(initial=0.5, maximum=10.0)


BOT = Kind[Event]("bot")
"""What a bot is in its app's ``Registry``: an actor whose handlers get the events that it is told.

``registry.find("concierge", BOT)`` finds one by its title (its name, and its account where that is another word), and
``registry.of_kind(BOT, tag="concierge")`` all that run under a name. Tell one an event, of a type of your own perhaps.
"""


class RunningBot:
    """Keeps one bot running until it has ended for good; when it crashes too often it is in quarantine for a while.

    ``on_trouble`` is told when it has come into quarantine, or has ended. With ``blames_settings`` a file or a database
    that cannot be opened at its start is a ``ConfigError``; else, among bots that are at work, a crash like others.
    """

    def __init__(
        self,
        plan: BotPlan,
        opener: SessionOpener,
        meters: AppMeters,
        *,
        stop_seconds: float,
        registry: Registry,
        quarantine: QuarantineSettings = DEFAULT_QUARANTINE,
        on_trouble: Callable[[], None] = lambda: None,
        pooling: Pooling | None = None,
        canary: Canary | None = None,
        conversations: ConversationStore | None = None,
        app_id: str = "",
        blames_settings: bool = True,
    ) -> None:
        self._may_blame_settings = blames_settings
        self.plan, self.title = plan, f"bot {plan.title}"
        self.starting = Starting()
        self._stopping = Stopping()
        self._opener, self._meters, self._pooling, self._canary = opener, meters, pooling, canary
        self._conversations, self._app_id = conversations, app_id
        self._registry, self._on_trouble = registry, on_trouble
        self._actor: BotActor | None = None
        self._over = False
        self._who = {"bot": plan.bot.name, "account": plan.info.account}
        child = actor_child(
            plan.title,
            self._make_actor,
            capacity=FEED_MAILBOX,
            policy=OverflowPolicy.DROP_NEWEST,
            restart=Restart.TRANSIENT,
            stop_seconds=stop_seconds,
            kind=BOT,
            tags=[plan.bot.name],
        )
        self._ref = child.ref
        self.subscriber = Subscriber(plan.bot, child.ref, meters)
        self._supervisor = Supervisor(
            self.title,
            [child.spec],
            budget=BOT_BUDGET,
            backoff=RESTART_BACKOFF,
            on_exit=self._actor_ended,
            registry=registry,
            slots=opener.slots,
        )
        self._quarantine = Quarantine(
            self._supervisor,
            quarantine,
            is_final=self._is_final,
            on_quarantine=self._on_quarantine,
            on_readmitted=self._on_readmitted,
            who=self._who,
        )

    async def run(self) -> None:
        """Run the bot, until it is stopped. What ends it otherwise is logged, counted and kept.

        Counts as started then, and when in quarantine, too. Raises ``ConfigError`` alone: when what its settings name,
        a file or a database, cannot be opened at the start.
        """
        with self._stopping.around():
            await self._run()

    async def drain(self) -> None:
        """Let it finish what it is at: see ``App.drain``."""
        if self._actor is not None:
            await self._actor.drain()

    async def stop(self) -> None:
        """Drain it, end it, and wait until its handlers have ended, its sessions logged out, its resources closed."""
        await self.drain()
        await self._stopping.stop()

    @property
    def can_swap(self) -> bool:
        """Whether it is at work, so that its code can be exchanged; else it is restarted, which costs it nothing."""
        return self._actor is not None and self._actor.is_up

    async def prepare(self, plan: BotPlan) -> Prepared:
        """Open what another version of its code needs, for ``become`` or ``discard``.

        Raises ``SwapFailed`` when it cannot be opened, or takes too long, and then all is as it was.
        """
        assert self._actor is not None
        try:
            with trio.fail_after(PREPARE_SECONDS):
                return await self._actor.prepare(plan)
        except trio.TooSlowError:
            problem = f"its resources are not open within {PREPARE_SECONDS:g} s"
            raise SwapFailed(plan.title, problem) from None
        except Exception as error:  # the border to the bot's resources, which may raise anything
            raise SwapFailed(plan.title, f"{type(error).__name__}: {error}") from error

    def become(self, prepared: Prepared) -> None:
        """Run this version from now on, in later lives, too; the sessions stay. Its actor must be up still."""
        self.plan = prepared.plan
        self.subscriber.become(prepared.plan.bot)
        self._meters.swaps.add_for(self.plan.bot.name)
        prepared.actor.become(prepared)

    async def discard(self, prepared: Prepared) -> None:
        """Close what was opened for it."""
        await prepared.actor.discard(prepared)

    async def _run(self) -> None:
        try:
            await self._quarantine.run(task_status=self.starting)
        except Exception as error:
            if self._blames_settings(error):
                raise self._complaint(error) from error
            self._meters.given_up.add_for(self.plan.bot.name)
            _log.error("bot given up", **self._who, error=f"{type(error).__name__}: {error}")
        else:
            if self.given_up:
                self._meters.given_up.add_for(self.plan.bot.name)
            note = _log.error if self.given_up else _log.warning
            note("bot over: all its sessions have ended", **self._who)
        self._over = True
        self._on_trouble()
        self.starting.started()

    def give_up(self) -> None:
        """End its quarantine for good. Nothing happens while it is in none."""
        self._quarantine.give_up()

    @property
    def hopeless(self) -> bool:
        """Whether it has ended, or is in quarantine without ever having been up."""
        return self._over or (self._quarantine.in_quarantine and not self._quarantine.ever_started)

    @property
    def given_up(self) -> str:
        """Why the bot is gone although nobody asked for that, for good or in quarantine; empty while it is not."""
        failure = self._quarantine.failure
        if failure is not None and not self._quarantine.on_probation:
            return f"in quarantine: {failure}" if self._quarantine.in_quarantine else str(failure)
        if self._actor is None or self.status().state != "ended":
            return ""
        return next((session.lost for session in self._actor.sessions if session.lost), "")

    def status(self) -> BotStatus:
        """How the bot is, now."""
        (status,) = self._supervisor.statistics()
        return BotStatus(
            name=self.plan.bot.name,
            account=self.plan.info.account,
            state=self._quarantine.state,
            restarts=status.restarts,
            last_error=self._quarantine.failure or status.last_error,
            sessions=() if self._actor is None else self._actor.session_statuses(),
        )

    def node(self) -> TreeNode:
        """The bot's supervisor and what runs below it, now."""
        return self._quarantine.node()

    def events_waiting(self) -> int:
        """Events that wait for a handler."""
        dispatcher = None if self._actor is None else self._actor.dispatcher
        return 0 if dispatcher is None else dispatcher.statistics().waiting

    def mailbox_waiting(self) -> int:
        """Feed events that wait in its mailbox."""
        return self._ref.statistics().waiting

    def handlers_running(self) -> int:
        """Events that handlers are at work on."""
        dispatcher = None if self._actor is None else self._actor.dispatcher
        return 0 if dispatcher is None else dispatcher.statistics().running + dispatcher.statistics().lasting

    @property
    def pool(self) -> Pool | None:
        """The sessions for its patterns of channels, if it runs and has any."""
        return None if self._actor is None else self._actor.pool

    def _is_final(self, error: Exception) -> bool:
        return self._blames_settings(error) or is_banned(error)

    def _blames_settings(self, error: Exception) -> bool:
        # At its first start alone: a bot that has been up and then fails, on a full disk say, is not wrongly set up.
        never = self._may_blame_settings and not self._quarantine.ever_started
        return never and self.plan.settings is not None and isinstance(error, StoreError | OSError | ConfigError)

    def _complaint(self, error: Exception) -> ConfigError:
        problem, key, hint = str(error), "", "name files and databases that can be written here"
        if isinstance(error, ConfigError):
            problem = f"{error.file}: {error.problem}" if error.file else error.problem
            key, hint = error.key, error.hint
        elif isinstance(error, StoreError) and isinstance(self.plan.settings, Struct):
            key = next((key for key, value in asdict(self.plan.settings).items() if value == error.url), "")
        place = f"{self.plan.key}.settings.{key}" if key else f"{self.plan.key}.settings"
        return ConfigError(f"bot {self.plan.bot.name} cannot start: {problem}", key=place, hint=hint)

    def _on_quarantine(self) -> None:
        self._meters.quarantines.add_for(self.plan.bot.name)
        self._on_trouble()
        self.starting.started()

    def _on_readmitted(self) -> None:
        self._meters.readmissions.add_for(self.plan.bot.name)

    def _make_actor(self) -> BotActor:
        self._actor = BotActor(
            self.plan,
            self._opener,
            self._meters,
            subscriber=self.subscriber,
            registry=self._registry,
            pooling=self._pooling,
            canary=self._canary,
            conversations=self._conversations,
            app_id=self._app_id,
        )
        return self._actor

    def _actor_ended(self, exit: ChildExit) -> None:
        if exit.exit is not Exit.RETURNED:
            self._meters.unplanned_ends.add_for("bot")
        if exit.delay is not None:
            self._meters.restarts.add_for(self.plan.bot.name)
