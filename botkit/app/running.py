"""One bot in an app: its actor, the supervisor that restarts it, and what becomes of both."""

import structlog
from structlog.typing import FilteringBoundLogger

from botkit.actor.actor import actor_child
from botkit.actor.child import Restart
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.restarts import RestartBudget
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.app.bot_actor import BotActor
from botkit.app.canary import Canary
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.pool import Pool, Pooling
from botkit.app.report import BotStatus
from botkit.app.sessions import SessionOpener
from botkit.app.starting import Starting
from botkit.app.subscriber import Subscriber
from botkit.backoff import Backoff
from botkit.errors import ConfigError, StoreError
from botkit.stores.conversations import ConversationStore

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

FEED_MAILBOX = 4096
"""Feed events that wait for a bot; what is above is dropped, counted and told."""

BOT_BUDGET = RestartBudget(5, 60.0)
RESTART_BACKOFF = Backoff(initial=0.5, maximum=10.0)


class RunningBot:
    """Keeps one bot running until it has ended for good; then ``failure`` says why, unless its sessions just ended."""

    def __init__(
        self,
        plan: BotPlan,
        opener: SessionOpener,
        meters: AppMeters,
        *,
        stop_seconds: float,
        pooling: Pooling | None = None,
        canary: Canary | None = None,
        conversations: ConversationStore | None = None,
        app_id: str = "",
    ) -> None:
        self.plan, self.title = plan, f"bot {plan.title}"
        self.starting = Starting()
        self.failure: Exception | None = None
        self._opener, self._meters, self._pooling, self._canary = opener, meters, pooling, canary
        self._conversations, self._app_id = conversations, app_id
        self._actor: BotActor | None = None
        child = actor_child(
            plan.title,
            self._make_actor,
            capacity=FEED_MAILBOX,
            policy=OverflowPolicy.DROP_NEWEST,
            restart=Restart.TRANSIENT,
            stop_seconds=stop_seconds,
        )
        self.subscriber = Subscriber(plan.bot, child.ref, meters)
        self._supervisor = Supervisor(
            self.title,
            [child.spec],
            budget=BOT_BUDGET,
            backoff=RESTART_BACKOFF,
            on_exit=self._actor_ended,
            slots=opener.slots,
        )

    async def run(self) -> None:
        """Run the bot. What ends it is logged, counted and kept. Counts as started then too.

        Raises ``ConfigError`` alone: when what its settings name, a file or a database, cannot be opened at the start.
        """
        who = {"bot": self.plan.bot.name, "account": self.plan.info.account}
        try:
            await self._supervisor.run(task_status=self.starting)
        except Exception as error:  # noqa: BLE001 - the supervisor border: one bot's end is nobody else's
            self._blame_settings(error)
            self.failure = error
            self._meters.given_up.add_for(self.plan.bot.name)
            _log.error("bot given up", **who, error=f"{type(error).__name__}: {error}")
        else:
            if self.given_up:
                self._meters.given_up.add_for(self.plan.bot.name)
            note = _log.error if self.given_up else _log.warning
            note("bot over: all its sessions have ended", **who)
        self.starting.started()

    @property
    def given_up(self) -> str:
        """Why the bot is gone for good although nobody asked for that; empty while it is not."""
        if self.failure is not None:
            return str(self.failure)
        if self._actor is None or self.status().state != "ended":
            return ""
        return next((session.lost for session in self._actor.sessions if session.lost), "")

    def status(self) -> BotStatus:
        """How the bot is, now."""
        (status,) = self._supervisor.statistics()
        return BotStatus(
            name=self.plan.bot.name,
            account=self.plan.info.account,
            state=status.state,
            restarts=status.restarts,
            last_error=self.failure or status.last_error,
            sessions=() if self._actor is None else self._actor.session_statuses(),
        )

    def events_waiting(self) -> int:
        """Events that wait for a handler."""
        dispatcher = None if self._actor is None else self._actor.dispatcher
        return 0 if dispatcher is None else dispatcher.statistics().waiting

    def handlers_running(self) -> int:
        """Events that handlers are at work on."""
        dispatcher = None if self._actor is None else self._actor.dispatcher
        return 0 if dispatcher is None else dispatcher.statistics().running + dispatcher.statistics().lasting

    @property
    def pool(self) -> Pool | None:
        """The sessions for its patterns of channels, if it runs and has any."""
        return None if self._actor is None else self._actor.pool

    def _blame_settings(self, error: Exception) -> None:
        # A bot that fails later is started again, and given up with RestartBudgetSpent: these two come from its start.
        if self.plan.settings is not None and isinstance(error, StoreError | OSError):
            raise ConfigError(
                f"bot {self.plan.bot.name} cannot start: {error}",
                key=f"{self.plan.key}.settings",
                hint="name files and databases that can be written here",
            ) from error

    def _make_actor(self) -> BotActor:
        self._actor = BotActor(
            self.plan,
            self._opener,
            self._meters,
            subscriber=self.subscriber,
            pooling=self._pooling,
            canary=self._canary,
            conversations=self._conversations,
            app_id=self._app_id,
        )
        return self._actor

    def _actor_ended(self, exit: ChildExit) -> None:
        if exit.delay is not None:
            self._meters.restarts.add_for(self.plan.bot.name)
