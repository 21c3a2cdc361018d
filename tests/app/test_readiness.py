"""Ready means: the bots really receive. Each way to be deaf is found, and told by name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit import App, Bot, BotPlacement, ChannelMessage, InstantMessage, MemberJoined, UserOnline
from botkit.app.canary import CANARY_SECONDS, DEAF_AFTER
from botkit.events import Event
from botkit.testing import World, open_world

LIMIT = CANARY_SECONDS * DEAF_AFTER
"""How old the last sign of life may be."""


def make_bot(heard: list[Event]) -> Bot:
    bot = Bot("porter")

    @bot.on_user_online()
    async def online(event: UserOnline) -> None:
        heard.append(event)

    @bot.on_member_joined()
    async def joined(event: MemberJoined) -> None:
        heard.append(event)

    @bot.on_message()
    async def told(message: InstantMessage) -> None:
        heard.append(message)

    @bot.on_channel_message()
    async def said(message: ChannelMessage) -> None:
        await trio.sleep(1000)  # a handler that hangs is no deafness

    return bot


@asynccontextmanager
async def ready_app(
    heard: list[Event] | None = None, *, expect_failures: bool = False
) -> AsyncIterator[tuple[World, App]]:
    bot = BotPlacement(bot=make_bot([] if heard is None else heard), account="porter", channels=("hall", "yard"))
    async with (
        open_world(expect_failures=expect_failures) as world,
        world.running(bot, canary_seconds=CANARY_SECONDS) as app,
    ):
        assert app.not_ready() == ["canary: it has not sung yet"]
        await trio.sleep(1)
        assert app.not_ready() == []
        yield world, app


async def problems_within(app: App, seconds: float) -> list[str]:
    """What there is, as soon as there is something."""
    with trio.fail_after(seconds):
        while not (problems := app.not_ready()):  # noqa: ASYNC110 - as a probe does it
            await trio.sleep(0.5)
    return problems


@pytest.mark.row("O05")
async def test_it_stays_ready_and_handlers_see_nothing_of_the_canary(autojump_clock: MockClock) -> None:
    heard: list[Event] = []
    async with ready_app(heard) as (world, app):
        await world.user("ann", channel="hall")
        for _ in range(30):
            await trio.sleep(10)
            assert app.not_ready() == []
    accounts = {event.account for event in heard if isinstance(event, UserOnline | MemberJoined)}
    assert "ann" in accounts
    assert not [account for account in accounts if "canary" in account]
    assert not [event for event in heard if isinstance(event, InstantMessage)]


@pytest.mark.row("O05")
async def test_a_half_open_session_is_found(autojump_clock: MockClock) -> None:
    async with ready_app() as (world, app):
        world.road("porter").block()
        assert "porter" in (await problems_within(app, 30))[0]
        world.road("porter").open()
        await trio.sleep(60)
        assert app.not_ready() == []


@pytest.mark.row("O05")
@pytest.mark.parametrize("feed", ["online", "channels"])
async def test_a_deaf_feed_is_found(feed: str, autojump_clock: MockClock) -> None:
    async with ready_app() as (world, app):
        account = next(one.account for one in app.describe().feeds if one.name == feed)
        world.road(account).lose(from_gateway='["notify"')
        problems = await problems_within(app, 30)
        assert problems[0].startswith(f"feed {feed}: has heard nothing for ")


@pytest.mark.row("O05")
async def test_a_session_that_says_it_is_there_and_hears_nothing_is_found(autojump_clock: MockClock) -> None:
    async with ready_app() as (_world, app):
        actor = app._crew.bots[0]._actor
        assert actor is not None
        assert actor.dispatcher is not None

        async def never(*_: object) -> None:
            await trio.sleep_forever()

        actor.dispatcher.dispatch = never  # type: ignore[method-assign,assignment]
        session = actor.sessions[0].session
        assert session is not None
        await session.send_instant("porter", "the first event that gets stuck")
        problems = await problems_within(app, 30)
        assert problems[0].startswith("bot porter: has heard nothing for ")


async def test_who_was_kicked_is_not_ready_until_it_is_in_its_channel_again(autojump_clock: MockClock) -> None:
    async with ready_app() as (world, app):
        await world.kick("porter~2", "yard")
        await trio.sleep(0.05)
        assert app.not_ready() == ["bot porter: porter~2 is not in yard"]
        await trio.sleep(5)
        assert app.not_ready() == []


async def test_a_gateway_that_is_away_is_told_by_session(autojump_clock: MockClock) -> None:
    async with ready_app() as (world, app):
        await world.host.stop()
        await trio.sleep(1)
        told = app.not_ready()
        assert "bot porter: porter is connecting" in told
        await world.host.start()
        await trio.sleep(120)
        assert app.not_ready() == []


async def test_a_canary_that_may_not_log_in_is_told_and_counted(autojump_clock: MockClock) -> None:
    async with ready_app() as (world, app):
        await world.ban("botkit-feed-canary-porter")
        problems = await problems_within(app, 40)
        assert any("canary: 202" in problem for problem in problems)
        assert world.metric("botkit_canary_failures_total") >= 2


async def test_without_a_canary_what_sessions_believe_counts(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        placement = BotPlacement(bot=make_bot([]), account="porter")
        async with world.running(placement) as app:
            assert app.not_ready() == []


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_new_bot_has_time_to_be_heard(deaf: bool, autojump_clock: MockClock) -> None:
    first, late = (BotPlacement(bot=Bot(name), account=name) for name in ("first", "late"))
    async with open_world() as world, world.running(first, canary_seconds=CANARY_SECONDS) as app:
        await trio.sleep(1)
        assert app.not_ready() == []
        if deaf:
            world.road("late").lose(from_gateway='["notify"')
        await app.apply([first, late])
        for _ in range(30):  # one round, and half of another
            assert app.not_ready() == []
            await trio.sleep(0.5)
        if deaf:
            assert await problems_within(app, 20) == ["bot late: has heard nothing yet"]
            return
        for _ in range(40):
            assert app.not_ready() == []
            await trio.sleep(1)
