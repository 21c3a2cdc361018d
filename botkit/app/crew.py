"""The bots and feeds of an app that run now, and how they make way for others while the rest goes on."""

import contextvars
from collections.abc import Callable, Mapping, Sequence

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.bot_actor import Prepared
from botkit.app.changes import Changes, compare, restart_instead
from botkit.app.feed_keeper import FeedKeeper
from botkit.app.feed_reader import Follower
from botkit.app.feeds import Feed
from botkit.app.live_channels import LiveChannels
from botkit.app.placement import AppPlan, BotPlacement, BotPlan
from botkit.app.running import RunningBot
from botkit.errors import ActorError, SwapFailed

START_SECONDS = 10.0
"""How long to wait for feeds, and then for bots, to get in, before it is said that they have started."""

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class Crew:
    """Runs bots, by account, and the feeds that they need, by name; ``change`` has others take their place.

    ``make_bot`` gets True for those of the start; ``make_feed`` gets the feed and who follows it.
    """

    def __init__(
        self,
        plan: AppPlan,
        placements: Sequence[BotPlacement],
        live: LiveChannels,
        *,
        make_bot: Callable[[BotPlan, bool], RunningBot],
        make_feed: Callable[[Feed, Sequence[Follower]], FeedKeeper],
    ) -> None:
        self.plan = plan
        self.changed = False
        """Whether these are no longer the bots of the start."""
        self._live, self._make_bot, self._make_feed = live, make_bot, make_feed
        self._placements = {placement.account: placement for placement in placements}
        self._bots: dict[str, RunningBot] = {bot.info.account: make_bot(bot, True) for bot in plan.bots}
        self._feeds = {feed.name: make_feed(feed, self._followers(feed)) for feed in plan.feeds}
        self._feed_nursery: trio.Nursery | None = None
        self._nursery: trio.Nursery | None = None
        self._context = contextvars.copy_context()
        self._turn = trio.Lock()

    @property
    def bots(self) -> Sequence[RunningBot]:
        """The bots, in the order of their placements."""
        return tuple(self._bots.values())

    @property
    def feeds(self) -> Sequence[FeedKeeper]:
        """The feeds."""
        return tuple(self._feeds.values())

    async def run(self, on_started: Callable[[trio.Nursery], None]) -> None:
        """Run feeds and bots, until no bot is left; ``on_started`` gets the nursery of what ends with the feeds.

        Raises ``ConfigError``, in a group, as ``RunningBot.run`` does.
        """
        self._context = contextvars.copy_context()
        async with trio.open_nursery() as self._feed_nursery:
            try:
                await _start_all(self._feed_nursery, self.feeds)
                for feed in self.feeds:
                    feed.bots_go_ahead()
                async with trio.open_nursery() as self._nursery:
                    await _start_all(self._nursery, self.bots)
                    on_started(self._feed_nursery)
            finally:
                self._nursery = None
            self._feed_nursery.cancel_scope.cancel()

    async def change(self, plan: AppPlan, placements: Sequence[BotPlacement]) -> Changes:
        """Run ``plan``, that of ``placements``, from now on; those that do not differ notice nothing.

        Done when the new ones are in, or waited for no longer. A cancel ends the waiting alone. Raises ``ActorError``
        when nothing runs, or the app ends meanwhile; ``SwapFailed``, and then nothing has changed.
        """
        nursery, over = self._nursery, trio.Event()
        if nursery is None or not nursery.child_tasks:
            raise ActorError("the app is not running: there is nothing to change")
        done: list[Changes] = []
        failed: list[SwapFailed] = []

        async def carry_out() -> None:
            try:
                async with self._turn:
                    done.append(await self._carry_out(plan, placements))
            except SwapFailed as error:
                failed.append(error)
            finally:
                over.set()

        self._context.run(nursery.start_soon, carry_out)  # logs of new bots say what those of the first ones do
        await over.wait()
        if failed:
            raise failed[0]
        if not done:
            raise ActorError("the app has ended before the change was done")
        return done[0]

    async def _carry_out(self, plan: AppPlan, placements: Sequence[BotPlacement]) -> Changes:
        """In the nursery of the bots, so that it does not end while the last one makes way for the next."""
        assert self._nursery is not None
        assert self._feed_nursery is not None
        by_account = {placement.account: placement for placement in placements}
        changes = compare(self._placements, by_account)
        changes = restart_instead(changes, [one for one in changes.swapped if not self._bots[one].can_swap])
        prepared = await self._prepare([bot for bot in plan.bots if bot.info.account in changes.swapped])
        # Who has crashed meanwhile has closed what was opened for it, and begins anew.
        changes = restart_instead(changes, [one for one, ready in prepared.items() if not ready.actor.is_up])
        ending = [self._bots[account] for account in changes.ending]
        pools_before = self._pools(self.plan)
        gone, fresh = self._exchange(plan, by_account, changes, prepared)
        await _stop_all(ending)
        if self._pools(plan) != pools_before:
            self._live.become(plan.patterns, plan.accounts)
        await _start_all(self._feed_nursery, fresh)
        for feed in fresh:
            feed.bots_go_ahead()
        with trio.move_on_after(START_SECONDS):
            for feed in self.feeds:
                await feed.look()
        await _start_all(self._nursery, [self._bots[account] for account in changes.fresh])
        await _stop_all(gone)
        return changes

    async def _prepare(self, plans: Sequence[BotPlan]) -> Mapping[str, Prepared]:
        """Open what the new versions of these bots need, all of them, or none. Raises ``SwapFailed``."""
        prepared: dict[str, Prepared] = {}
        try:
            for plan in plans:
                prepared[plan.info.account] = await self._bots[plan.info.account].prepare(plan)
        except BaseException:
            for account, one in prepared.items():
                await self._bots[account].discard(one)
            raise
        return prepared

    def _exchange(
        self,
        plan: AppPlan,
        placements: Mapping[str, BotPlacement],
        changes: Changes,
        prepared: Mapping[str, Prepared],
    ) -> tuple[Sequence[FeedKeeper], Sequence[FeedKeeper]]:
        """The new bots follow the feeds from now on, the old ones no more; the feeds to stop, and to start.

        Who is swapped calls the new code from here on, between two events. It comes before the old bots stop: what
        happens meanwhile waits for the new ones, and nothing is missed.
        """
        self.changed = True
        plan.service.add(plan.pool_accounts)
        plans: dict[str, BotPlan] = {bot.info.account: bot for bot in plan.bots}
        made = {account: self._make_bot(plans[account], False) for account in changes.fresh}
        for account in changes.swapped:
            self._bots[account].become(prepared[account])
        self._bots = {account: made.get(account) or self._bots[account] for account in plans}
        self.plan, self._placements = plan, dict(placements)
        before = self._feeds
        self._feeds = {}
        fresh: list[FeedKeeper] = []
        for feed in plan.feeds:
            keeper = before.pop(feed.name, None)
            if keeper is None:
                keeper = self._make_feed(feed, self._followers(feed))
                fresh.append(keeper)
            else:
                keeper.follow(self._followers(feed))
            self._feeds[feed.name] = keeper
        for keeper in before.values():
            keeper.follow(())
        return tuple(before.values()), fresh

    def _followers(self, feed: Feed) -> list[Follower]:
        return [bot.subscriber for bot in self._bots.values() if feed in bot.plan.feeds]

    @staticmethod
    def _pools(plan: AppPlan) -> dict[str, tuple[str, ...]]:
        """What live channels depend on: the patterns, and which accounts are ours."""
        return {account: bot.info.patterns for bot in plan.bots for account in bot.accounts}


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


async def _stop_all(tasks: Sequence[FeedKeeper] | Sequence[RunningBot]) -> None:
    async with trio.open_nursery() as nursery:
        for task in tasks:
            nursery.start_soon(task.stop)
