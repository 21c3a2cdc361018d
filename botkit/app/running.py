"""One bot in an app: its actor, the supervisor that restarts it, and what becomes of both."""

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.actor.actor import actor_child
from botkit.actor.child import Restart
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.restarts import RestartBudget
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.app.bot_actor import BotActor
from botkit.app.feeds import Subscriber
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.report import BotStatus
from botkit.app.sessions import SessionOpener
from botkit.backoff import Backoff

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

FEED_MAILBOX = 4096
"""Feed events that wait for a bot; what is above is dropped, counted and told."""

BOT_BUDGET = RestartBudget(5, 60.0)
RESTART_BACKOFF = Backoff(initial=0.5, maximum=10.0)


class RunningBot:
    """Keeps one bot running until it has ended for good; then ``failure`` says why, unless its sessions just ended."""

    def __init__(self, plan: BotPlan, opener: SessionOpener, meters: AppMeters, *, stop_seconds: float) -> None:
        self.plan = plan
        self.failure: Exception | None = None
        self._opener, self._meters = opener, meters
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
            f"bot {plan.title}", [child.spec], budget=BOT_BUDGET, backoff=RESTART_BACKOFF, on_exit=self._actor_ended
        )

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Run the bot. Raises nothing: what ends it is logged, counted and kept. Started also when it cannot start."""
        starting = StartedOnce(task_status)
        who = {"bot": self.plan.bot.name, "account": self.plan.info.account}
        try:
            await self._supervisor.run(task_status=starting)
        except Exception as error:  # noqa: BLE001 - the supervisor border: one bot's end is nobody else's
            self.failure = error
            self._meters.given_up.add_for(self.plan.bot.name)
            _log.error("bot given up", **who, error=f"{type(error).__name__}: {error}")
        else:
            _log.warning("bot over: all its sessions have ended", **who)
        starting.started()

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

    def _make_actor(self) -> BotActor:
        self._actor = BotActor(self.plan, self._opener, self._meters)
        return self._actor

    def _actor_ended(self, exit: ChildExit) -> None:
        if exit.delay is not None:
            self._meters.restarts.add_for(self.plan.bot.name)


class StartedOnce:
    """A task status that may be told more than once."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status = task_status
        self._told = False

    def started(self, _value: None = None) -> None:
        """Say that the task has started, the first time."""
        if not self._told:
            self._told = True
            self._task_status.started()
