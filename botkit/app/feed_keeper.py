"""Keeps the session of one feed running, under a supervisor of its own."""

from collections.abc import Sequence
from functools import partial

import structlog
from structlog.typing import FilteringBoundLogger

from botkit.actor.exits import Exit
from botkit.actor.quarantine import DEFAULT_QUARANTINE, Quarantine, QuarantineSettings
from botkit.actor.restarts import RestartBudget
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.actor.tree import TreeNode
from botkit.app.accounts import OwnAccounts
from botkit.app.canary import Canary
from botkit.app.feed_reader import FeedReader, Follower
from botkit.app.feeds import Feed
from botkit.app.live_channels import LiveChannels
from botkit.app.meters import AppMeters
from botkit.app.placement import SessionPlan
from botkit.app.sessions import SessionChild, SessionOpener, is_banned
from botkit.app.starting import Starting, Stopping
from botkit.backoff import Backoff
from botkit.errors import SessionEnded
from botkit.wire.states import LoginStatus

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

FEED_BUDGET = RestartBudget(5, 60.0)
RESTART_BACKOFF = Backoff(initial=0.5, maximum=10.0)

KICKED = "its account logged in elsewhere: does the app's first bot run in another process, too? Run each bot once"
"""A feed's account is made from that of the app's first bot."""


class FeedKeeper:
    """The session in one special channel, and who gets its events: bots, and ``live`` for their pools."""

    def __init__(
        self,
        feed: Feed,
        followers: Sequence[Follower],
        opener: SessionOpener,
        meters: AppMeters,
        *,
        service: OwnAccounts,
        live: LiveChannels | None = None,
        canary: Canary | None = None,
        quarantine: QuarantineSettings = DEFAULT_QUARANTINE,
    ) -> None:
        self._feed, self._meters = feed, meters
        self.title = f"feed {feed.name}"
        self.starting = Starting()
        self._stopping = Stopping()
        self._reader = FeedReader(feed, followers, meters, service=service, live=live, canary=canary)
        plan = SessionPlan(account=feed.account, channel=feed.channel)
        self._session = SessionChild(plan, opener, self._reader.on_event, prepare=self._reader.prepare)
        self._supervisor = Supervisor(
            self.title,
            [self._session.spec],
            budget=FEED_BUDGET,
            backoff=RESTART_BACKOFF,
            on_exit=self._session_ended,
            slots=opener.slots,
        )
        self._who = {"feed": feed.name, "account": feed.account, "channel": feed.channel}
        self._quarantine = Quarantine(
            self._supervisor,
            quarantine,
            is_final=is_banned,
            on_quarantine=self._on_quarantine,
            on_readmitted=partial(meters.feed_readmissions.add_for, feed.name),
            who=self._who,
        )

    def bots_go_ahead(self) -> None:
        """The bots start now, whether or not this feed is in."""
        if not self.starting.done:
            self._reader.bots_go_ahead()

    def follow(self, followers: Sequence[Follower]) -> None:
        """From now on, tell these instead."""
        self._reader.follow(followers)

    async def look(self) -> None:
        """Have the live channels that pools care for be asked for now, if that is wanted and the feed is in."""
        session = self._session.session
        if session is not None and session.status is LoginStatus.LOGGED_IN:
            try:
                await self._reader.look(session)
            except SessionEnded:
                return  # the session that follows asks

    async def stop(self) -> None:
        """End the feed and wait until it has logged out."""
        await self._stopping.stop()

    async def run(self) -> None:
        """Run the feed, until it is stopped.

        Raises nothing: without it bots go on, but deaf, and are told so by ``EventsLost``.

        Counts as started then too. While it is in quarantine bots wait for its events: what they have missed is read
        from the ledger once it is back.
        """
        with self._stopping.around():
            await self._run()

    async def _run(self) -> None:
        try:
            await self._quarantine.run(task_status=self.starting)
        except Exception as error:  # noqa: BLE001 - the supervisor border: bots go on without the feed
            problem = f"{type(error).__name__}: {error}"
        else:
            problem = KICKED if self._session.kicked else self._session.lost or "its session has ended"
        self._meters.feeds_given_up.add_for(self._feed.name)
        self._reader.give_up()
        _log.error(
            "feed given up: nobody is told its events",
            **self._who,
            error=problem,
        )
        self.starting.started()

    @property
    def name(self) -> str:
        """The feed's."""
        return self._feed.name

    @property
    def state(self) -> str:
        """``starting``, ``running``, ``waiting`` (for its restart), ``quarantined`` or ``ended``."""
        return self._quarantine.state

    def node(self) -> TreeNode:
        """The feed's supervisor and what runs below it, now."""
        return self._quarantine.node()

    def _on_quarantine(self) -> None:
        self._meters.feed_quarantines.add_for(self._feed.name)
        self.bots_go_ahead()
        self.starting.started()

    def _session_ended(self, exit: ChildExit) -> None:
        if self._session.lost or exit.exit is not Exit.RETURNED:
            self._meters.unplanned_ends.add_for("feed")
        if exit.delay is not None:
            self._meters.feed_restarts.add_for(self._feed.name)
