"""Feeds: started when needed, shared, and their trouble is told."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, Context, EventsLost, MemberJoined, MemberLeft, UserOffline, UserOnline
from botkit.app import running
from botkit.app.accounts import FEED_PREFIX
from botkit.app.feeds import make_feeds
from botkit.events import Event, FeedEvent
from botkit.testing import open_world as open_test_world
from botkit.types import Account, Uid
from tests.app.world import World, open_world, until


def place(bot: Bot, account: str = "bot", *channels: str) -> BotPlacement:
    return BotPlacement(bot=bot, account=account, channels=channels)


def watcher(log: list[str], name: str = "watcher") -> Bot:
    bot = Bot(name)

    @bot.on(FeedEvent)
    async def note(event: FeedEvent, ctx: Context) -> None:
        channel = event.channel if isinstance(event, MemberJoined | MemberLeft) else "-"
        log.append(f"{type(event).__name__} {event.account} {channel}")

    @bot.on_events_lost()
    async def lost(event: EventsLost) -> None:
        log.append(f"EventsLost {event.cause}")

    return bot


async def visit(world: World) -> None:
    async with world.signal.open_session("ann") as ann:
        await ann.join("lobby")


async def test_presence_and_membership_reach_every_bot_that_asks(autojump_clock: MockClock) -> None:
    logs: list[list[str]] = [[], []]
    bots = [place(watcher(log, name), name) for log, name in zip(logs, ("one", "two"), strict=True)]
    async with open_world() as world, world.running(*bots, place(Bot("deaf"), "deaf")):
        assert world.gateway.sessions == 3 + 2
        await until(lambda: all(len(log) == 3 for log in logs))
        for log in logs:
            assert sorted(log) == [f"UserOnline {name} -" for name in ("deaf", "one", "two")]
            log.clear()
        await visit(world)
        await until(lambda: all(len(log) == 4 for log in logs))
        for log in logs:
            online = [line for line in log if line.startswith("User")]
            members = [line for line in log if line.startswith("Member")]
            assert online == ["UserOnline ann -", "UserOffline ann -"]
            assert members == ["MemberJoined ann lobby", "MemberLeft ann lobby"]
        assert world.count("bot_events", "deaf") == 1  # its own login
        assert world.count("feed_events", "channels") == 2


async def test_no_feed_without_a_handler_for_it(autojump_clock: MockClock) -> None:
    heard: list[Event] = []
    everything, online = Bot("everything"), Bot("online")

    @everything.on(Event)
    async def note(event: Event) -> None:
        heard.append(event)

    @online.on_user_offline()
    async def offline(event: UserOffline) -> None:
        heard.append(event)

    async with open_world() as world:
        async with world.running(place(everything)):
            assert world.gateway.sessions == 1
        async with world.running(place(online)):
            assert world.gateway.sessions == 2
            heard.clear()
            await visit(world)
            await until(lambda: len(heard) == 1)


async def test_a_feed_that_is_not_let_in_keeps_no_bot_waiting_for_ever(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with open_world(server_accounts=["botkit-feed-channels-bot"]) as world:
        with capture_logs() as logs:
            async with world.running(place(watcher(log))) as app:
                assert app.statistics()[0].state == "running"
                await visit(world)
                await until(lambda: len(log) == 2)
                assert log == ["MemberJoined ann lobby", "MemberLeft ann lobby"]
        assert {line["channel"] for line in logs if line["event"] == "cannot get in"} == {"__agora_user_online"}
        assert [line["waiting_for"] for line in logs if line["event"] == "still starting"] == [["feed online"]]


async def test_a_feed_that_is_let_in_late_says_that_it_missed_something(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with open_world() as world:
        world.turn_away("botkit-feed-online-bot")
        async with world.running(place(watcher(log))):
            await visit(world)
            await until(lambda: len(log) == 2)
            world.turn_away("")
            await trio.sleep(60)
            assert log == [
                "MemberJoined ann lobby",
                "MemberLeft ann lobby",
                "EventsLost __agora_user_online: its feed began late",
            ]
            await visit(world)
            await until(lambda: len(log) == 7)
            assert [line for line in log[3:] if line.startswith("User")] == ["UserOnline ann -", "UserOffline ann -"]


async def test_a_feed_that_is_kicked_is_given_up_and_the_bots_go_on(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with open_world() as world:
        with capture_logs() as logs:
            async with world.running(place(watcher(log))) as app:
                async with world.signal.open_session("botkit-feed-online-bot"):
                    await trio.sleep(1)
                await trio.sleep(60)
                log.clear()
                await visit(world)
                await until(lambda: len(log) == 2)
                assert app.statistics()[0].state == "running"
                assert world.count("feeds_given_up", "online") == 1
        assert [line["feed"] for line in logs if line["event"].startswith("feed given up")] == ["online"]


async def test_an_event_in_a_channel_of_the_bot_comes_with_that_session(autojump_clock: MockClock) -> None:
    said: list[str] = []
    bot = Bot("b")

    @bot.on_member_joined(account="ann")
    async def greet(event: MemberJoined, ctx: Context) -> None:
        said.append(f"{event.channel}: {ctx.session.account} in {ctx.channel.name}")

    async with open_world() as world, world.running(place(bot, "bot", "one", "two")):
        async with world.signal.open_session("ann") as ann:
            for channel in ("two", "elsewhere", "one"):
                await ann.join(channel)
        await until(lambda: len(said) == 3)
    assert said == ["two: bot~2 in two", "elsewhere: bot in one", "one: bot in one"]


async def test_a_bot_is_told_at_once_what_its_full_mailbox_dropped(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FEED_MAILBOX", 4)
    heard: list[FeedEvent | EventsLost] = []
    bot = Bot("b")

    @bot.on_user_online(account="ann")
    @bot.on_user_offline(account="ann")
    async def note(event: UserOnline | UserOffline) -> None:
        heard.append(event)

    @bot.on_events_lost()
    async def lost(event: EventsLost) -> None:
        heard.append(event)

    async with open_test_world(place(bot)) as world:
        road = world.road("botkit-feed-online-bot")
        road.block()
        road.cut()
        for _ in range(10):
            async with world.visitor("ann"):
                pass
        road.open()
        await trio.sleep(60)
    (loss,) = [event for event in heard if isinstance(event, EventsLost)]  # beside the others: another key
    assert (loss.cause, loss.count) == ("the mailbox of b was full", 21 - len(heard))


async def test_two_processes_on_one_app_have_feeds_of_their_own(autojump_clock: MockClock) -> None:
    logs: list[list[str]] = [[], []]
    async with (
        open_test_world(place(watcher(logs[0]), "one")) as world,
        world.running(place(watcher(logs[1]), "two")),
    ):
        await trio.sleep(1)
        for log in logs:
            log.clear()
        async with world.visitor("ann", channel="lobby"):
            pass
        await trio.sleep(1)
        for log in logs:
            assert sorted(log) == [
                "MemberJoined ann lobby",
                "MemberLeft ann lobby",
                "UserOffline ann -",
                "UserOnline ann -",
            ]


def test_the_feeds_of_a_long_account_have_short_ones() -> None:
    names = [feed.account for owner in ("a" * 128, "b" * 128) for feed in make_feeds(owner)]
    assert len(set(names)) == 4
    assert all(name.startswith(FEED_PREFIX) and len(name) < 60 for name in names)
    assert [feed.account for feed in make_feeds("ann")] == ["botkit-feed-online-ann", "botkit-feed-channels-ann"]


async def test_events_that_come_together_begin_in_their_order(autojump_clock: MockClock) -> None:
    """Also where one account's go before those of another: they are different keys, which run side by side."""
    begun: list[str] = []
    bot = Bot("watcher")

    @bot.on(FeedEvent)
    async def note(event: FeedEvent) -> None:
        begun.append(f"{type(event).__name__} {event.account}")

    async with open_test_world(bot) as world:
        gateway = world.host.gateway
        (hub,) = gateway.hubs.values()
        begun.clear()
        told: list[str] = []
        for number in range(40):
            account = Account(f"user-{number % 7}")
            hub.presence.online(account, Uid(1))
            hub.presence.offline(account, Uid(1), "logout")
            hub.presence.online(account, Uid(1))
            told += [f"UserOnline {account}", f"UserOffline {account}", f"UserOnline {account}"]
        await gateway.flusher.flush()
        await until(lambda: len(begun) == len(told))
        assert begun == told
