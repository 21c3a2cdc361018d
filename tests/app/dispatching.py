"""A bot's dispatcher on a real session, without an app around it: events are put in by hand."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from botkit import Bot, BotPlacement, ChannelMessage, InstantMessage
from botkit.app.dispatcher import Dispatcher
from botkit.app.holdings import Holdings
from botkit.app.injection import Offer
from botkit.app.meters import AppMeters
from botkit.app.placement import make_plans
from botkit.app.wiring import BOT_INFO
from botkit.events import Event
from botkit.observability.metrics import Meters
from botkit.routing.runner import RunnerLimits
from botkit.signaling import LoginSession
from botkit.types import Account, ChannelName, Uid
from tests.app.world import World, open_world


def said(text: str = "hi", channel: str = "lobby", account: str = "ann") -> ChannelMessage:
    """A message in a channel."""
    return ChannelMessage(
        channel=ChannelName(channel), account=Account(account), uid=Uid(1), text=text, ms=0, message_id=1
    )


def told(text: str = "hi", account: str = "ann") -> InstantMessage:
    """An instant message."""
    return InstantMessage(account=Account(account), uid=Uid(1), text=text, ms=0)


class Dispatching:
    """A dispatcher that runs, its session, and what it counts."""

    def __init__(self, dispatcher: Dispatcher, session: LoginSession, meters: AppMeters, world: World) -> None:
        self.dispatcher, self.session, self.meters, self.world = dispatcher, session, meters, world

    async def tell(self, *events: Event) -> None:
        """Dispatch the events, and wait until all handlers are done."""
        for event in events:
            await self.dispatcher.dispatch(event, self.session)
        await self.dispatcher.wait_all_done()


@asynccontextmanager
async def dispatching(
    bot: Bot, limits: RunnerLimits | None = None, *, roles: Mapping[str, Sequence[str]] | None = None
) -> AsyncIterator[Dispatching]:
    """Run a dispatcher of ``bot``, whose account is ``bot``."""
    (plan,) = make_plans([BotPlacement(bot=bot, account="bot", limits=limits, roles=roles or {})])
    meters = AppMeters(Meters())
    known: dict[Offer, object] = {BOT_INFO: plan.info}
    if bot.settings_offer is not None:
        known[bot.settings_offer] = plan.settings
    holdings = Holdings(plan.info)
    async with (
        open_world() as world,
        world.signal.open_session("bot") as session,
        holdings.around(),
        trio.open_nursery() as nursery,
    ):
        opened = await holdings.open(plan.wiring.resources, known)
        dispatcher = Dispatcher(plan, opened.values, meters)
        nursery.start_soon(dispatcher.run)
        yield Dispatching(dispatcher, session, meters, world)
        nursery.cancel_scope.cancel()
