"""One line for many channels: a session in each live one that matches, as they appear and vanish."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import (
    App,
    Bot,
    BotInfo,
    BotPlacement,
    ChannelMessage,
    Context,
    InstantMessage,
    LoggedIn,
    MemberJoined,
    Signal,
    UserJoined,
    UserLeft,
)
from botkit import filters as f
from botkit.app.pace import BURST, PER_SECOND
from botkit.errors import ErrorCode, SignalingError
from botkit.events import ChannelJoined, Event, FeedEvent
from botkit.gateway import dispatch
from botkit.gateway.hub import Hub
from botkit.gateway.session import Session
from botkit.gateway.settings import GatewaySettings
from botkit.testing import User, WirePeer, World, open_world
from botkit.types import Account
from botkit.wire import admin
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL
from botkit.wire.request import Request
from botkit.wire.requests import JoinChannel, SendChannelMessage
from tests.app.world import until


def place(
    bot: Bot, *channels: str, account: str = "", max_channels: int = 500, linger_seconds: float = 30.0
) -> BotPlacement:
    return BotPlacement(
        bot=bot,
        account=account or bot.name,
        channels=channels,
        max_channels=max_channels,
        linger_seconds=linger_seconds,
    )


def parrot(name: str = "bot") -> Bot:
    """Says in a channel what it hears there, with its account and where it thinks it is."""
    bot = Bot(name)

    @bot.on_channel_message()
    async def repeat(message: ChannelMessage, ctx: Context) -> None:
        await ctx.channel.send(f"{ctx.session.account} in {ctx.channel.name}: {message.text}")

    return bot


def where(app: App, bot: int = 0) -> dict[str, str]:
    """The channels of a bot's sessions that are logged in, by account."""
    sessions = app.statistics()[bot].sessions
    return {one.account: one.channel or "" for one in sessions if one.status == "logged_in"}


@asynccontextmanager
async def people(world: World, *channels: str) -> AsyncIterator[list[User]]:
    """Somebody in each of these channels, until the end of the block."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(world.visitor(f"user{number}", channel=channel))
            for number, channel in enumerate(channels)
        ]


@asynccontextmanager
async def stage(*placements: BotPlacement, **options: bool | Sequence[str]) -> AsyncIterator[tuple[World, App]]:
    """A world with these bots."""
    async with open_world(**options) as world, world.running(*placements) as app:  # type: ignore[arg-type]
        yield world, app


@pytest.mark.row("0.4")
@pytest.mark.row("0.4")
async def test_channels_appear_and_vanish_and_sessions_come_and_go(autojump_clock: MockClock) -> None:
    async with stage(place(parrot(), "room-*", "lobby")) as (world, app):
        assert where(app) == {"bot": "lobby"}
        async with people(world, "room-1", "hall", "room-2"):
            await until(lambda: len(where(app)) == 3)
            assert where(app) == {"bot": "lobby", "bot~2": "room-1", "bot~3": "room-2"}
            await trio.sleep(60)
            assert len(where(app)) == 3
        await trio.sleep(29)
        assert len(where(app)) == 3
        await trio.sleep(2)
        assert where(app) == {"bot": "lobby"}
        async with people(world, "room-3"):
            await until(lambda: where(app) == {"bot": "lobby", "bot~2": "room-3"})
    assert world.metric("botkit_bot_restarts_total") == 0


async def test_handlers_see_the_session_of_the_channel(autojump_clock: MockClock) -> None:
    async with stage(place(parrot(), "room-*", "team-?")) as (world, app), people(world, "room-1", "team-a") as users:
        await until(lambda: len(where(app)) == 3)
        assert where(app) == {"bot": "", "bot~2": "room-1", "bot~3": "team-a"}
        for user, expected in zip(users, ("bot~2 in room-1: hi", "bot~3 in team-a: hi"), strict=True):
            await user.say("hi")
            await user.expect(ChannelMessage, text=expected)


@pytest.mark.row("0.5")
async def test_who_was_there_before_the_bot_is_found_page_by_page(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botkit.wire.admin.SNAPSHOT_PAGE", 3)
    async with open_world() as world:
        channels = [f"room-{number}" for number in range(8)]
        async with people(world, *channels, "hall"), world.running(place(parrot(), "room-*")) as app:
            await until(lambda: len(where(app)) == 9)
            assert sorted(where(app).values()) == ["", *channels]


async def test_its_own_sessions_keep_no_channel_alive_nor_do_those_of_other_bots(autojump_clock: MockClock) -> None:
    bots = [place(parrot("one"), "room-*"), place(parrot("two"), "*"), place(parrot("three"), "room-1")]
    async with stage(*bots) as (world, app):
        await trio.sleep(60)
        assert where(app, 0) == {"one": ""}
        async with people(world, "room-1"):
            await until(lambda: [len(where(app, bot)) for bot in range(3)] == [2, 2, 1])
        await trio.sleep(32)
        assert [len(where(app, bot)) for bot in range(3)] == [1, 1, 1]


async def test_who_returns_in_time_finds_the_same_session(autojump_clock: MockClock) -> None:
    logins: list[str] = []
    bot = parrot()

    @bot.on_login()
    async def note(event: LoggedIn) -> None:
        logins.append(event.account)

    async with stage(place(bot, "room-*", linger_seconds=10)) as (world, app):
        for pause in (9, 9, 11):
            async with people(world, "room-1"):
                await until(lambda: len(where(app)) == 2)
            await trio.sleep(pause)
        assert logins == ["bot", "bot~2"]
        async with people(world, "room-1"):
            await until(lambda: len(logins) == 3)
    assert logins == ["bot", "bot~2", "bot~2"]


async def test_who_returns_while_the_session_leaves_finds_another(autojump_clock: MockClock) -> None:
    async with stage(place(parrot(), "room-*", linger_seconds=0)) as (world, app):
        for _ in range(20):
            async with people(world, "room-1") as (ann,):
                await until(lambda: len(where(app)) == 2)
                await ann.say("hi")
                answer = await ann.expect(ChannelMessage, text="bot~2 in room-1: hi")
                assert answer.account == "bot~2"


async def test_more_channels_than_sessions_wait_and_that_is_said_once(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with stage(place(parrot(), "room-*", max_channels=2, linger_seconds=5)) as (world, app):
            async with people(world, "room-a", "room-b"):
                await until(lambda: len(where(app)) == 3)
                async with world.visitor("impatient", channel="room-0"):
                    for number, channel in enumerate(["room-c", "room-d", "room-c", "hall"]):
                        await world.user(f"late{number}", channel=channel)
                    await trio.sleep(60)
                    assert world.metric("botkit_pool_channels_waiting", bot="bot") == 3
                assert sorted(where(app).values()) == ["", "room-a", "room-b"]
                assert world.metric("botkit_pool_channels_left_out_total", bot="bot") == 3
                assert world.metric("botkit_pool_channels_waiting", bot="bot") == 2
                assert world.metric("botkit_pool_sessions", bot="bot") == 2
            await trio.sleep(10)
            assert sorted(where(app)) == ["bot", "bot~2", "bot~3"]
            assert sorted(where(app).values()) == ["", "room-c", "room-d"]
            assert world.metric("botkit_pool_channels_waiting", bot="bot") == 0
    (warning,) = [line for line in logs if line["event"].startswith("more channels than")]
    assert (warning["sessions"], warning["first_left_out"]) == (2, "room-0")


@pytest.mark.row("0.4")
@pytest.mark.row("0.4")
async def test_each_login_has_a_token_of_its_own(autojump_clock: MockClock) -> None:
    async with open_world(certificate="c3rt") as world:
        made: list[str] = []

        def token_for(account: Account) -> str:
            made.append(account)
            return world.token_for(account)

        app = App(world.app_id, world.connector, [place(parrot(), "room-*")], token_for=token_for)
        async with trio.open_nursery() as nursery, people(world, "room-1", "room-2"):
            await nursery.start(app.run)
            await until(lambda: len(where(app)) == 3)
            nursery.cancel_scope.cancel()
        assert sorted(made) == ["bot", "botkit-feed-channels-bot", "bot~2", "bot~3"]


async def test_a_session_that_is_put_out_returns_ever_later(autojump_clock: MockClock) -> None:
    joins: list[float] = []
    bot = parrot()

    @bot.on(ChannelJoined)
    async def note(event: ChannelJoined) -> None:
        joins.append(trio.current_time())

    async with stage(place(bot, "room-*")) as (world, _), people(world, "room-1"):
        for count in range(1, 7):
            await until(lambda count=count: len(joins) == count, 100)  # type: ignore[misc]
            await world.kick("bot~2", "room-1")
        await trio.sleep(600)
        assert len(joins) == 7
    pauses = [later - earlier for earlier, later in pairwise(joins)]
    for number, pause in enumerate(pauses):
        assert 0.5 * 2**number <= pause <= 2**number + 0.1


async def test_a_bot_that_is_put_out_of_a_channel_that_it_has_by_name_returns_too(autojump_clock: MockClock) -> None:
    async with stage(place(parrot(), "lobby")) as (world, _):
        ann = await world.user("ann", channel="lobby")
        await world.kick("bot", "lobby")
        await ann.say("hi")
        await trio.sleep(1)
        await ann.say("back?")
        await ann.expect(ChannelMessage, text="bot in lobby: back?")
        await ann.expect_nothing(ChannelMessage, f.text.endswith(": hi"))


async def test_a_channel_that_cannot_be_joined_is_not_hammered(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[float] = []
    join = Hub.join

    def refuse(hub: Hub, session: Session, name: str) -> object:
        if name == "room-closed" and session.account.startswith("bot"):
            attempts.append(trio.current_time())
            raise SignalingError(ErrorCode.JOINCHANNEL_E_OTHER, "closed")
        return join(hub, session, name)  # type: ignore[arg-type]

    monkeypatch.setattr(Hub, "join", refuse)
    async with stage(place(parrot(), "room-*")) as (world, app), people(world, "room-closed", "room-open"):
        await trio.sleep(600)
        assert "room-open" in where(app).values()
        assert 8 <= len(attempts) <= 18
        monkeypatch.undo()
        await trio.sleep(130)
        sessions = app.statistics()[0].sessions
        assert [one.channel for one in sessions if one.account == "bot~2"] == ["room-closed"]


async def test_an_account_that_is_taken_is_not_fought_for(autojump_clock: MockClock) -> None:
    with capture_logs():
        async with stage(place(parrot(), "room-*", max_channels=3)) as (world, app), people(world, "room-1") as (ann,):
            await until(lambda: len(where(app)) == 2)
            async with Signal(world.app_id, world.connector).open_session("bot~2") as thief:
                await until(lambda: where(app) == {"bot": "", "bot~3": "room-1"})
                await ann.say("hi")
                await ann.expect(ChannelMessage, text="bot~3 in room-1: hi")
                await trio.sleep(60)
                assert thief.status.name == "LOGGED_IN"
                assert world.metric("botkit_pool_accounts_lost_total", bot="bot") == 1


@pytest.mark.parametrize("forgets", [False, True], ids=["old events are gone", "another epoch"])
async def test_after_a_loss_a_snapshot_tells_where_people_are(forgets: bool, autojump_clock: MockClock) -> None:
    settings = GatewaySettings(apps=(), ledger_events=0)
    async with (
        open_world(gateway=settings) as world,
        world.running(place(parrot(), "room-*"), place(parrot("other"), "room-1")) as app,
    ):
        feed = world.road("botkit-feed-channels-bot")
        ann = await world.user("ann", channel="room-1")
        async with people(world, "room-2"):
            await until(lambda: len(where(app)) == 3)
            feed.block()
            feed.cut()
            await ann.join("room-3")
        if forgets:
            await world.host.stop()
            world.host.forget()
            await world.host.start()
        await trio.sleep(130)  # a gateway forgets once a minute
        assert sorted(where(app).values()) == ["", "room-1", "room-2"]
        feed.open()
        await until(lambda: "room-3" in where(app).values(), 60)
        await trio.sleep(40)
        assert sorted(where(app).values()) == ["", "room-3"]


async def test_bot_info_tells_where_the_sessions_are(autojump_clock: MockClock) -> None:
    seen: list[tuple[str, ...]] = []
    bot = parrot()

    @bot.on_message()
    async def tell(message: InstantMessage, info: BotInfo, ctx: Context) -> None:
        assert info is ctx.bot
        seen.append(info.channels)

    async with stage(place(bot, "room-*", "lobby", linger_seconds=1)) as (world, app):
        ann = await world.user("ann")
        async with people(world, "room-1", "room-2"):
            await until(lambda: len(where(app)) == 3)
            await ann.tell("bot", "where?")
            await until(lambda: len(seen) == 1)
        await trio.sleep(5)
        await ann.tell("bot", "where?")
        await until(lambda: len(seen) == 2)
        assert app.describe().bots[0].patterns == ("room-*",)
    assert seen == [("lobby", "room-1", "room-2"), ("lobby",)]


async def test_special_channels_never_match(autojump_clock: MockClock) -> None:
    async with stage(place(parrot(), "*"), server_accounts=["watcher"]) as (world, app):
        watcher = await world.user("watcher")
        await watcher.join(CHANNEL_EVENT_CHANNEL)
        async with people(world, "a,b", "c d"):
            await until(lambda: len(where(app)) == 3)
            assert sorted(where(app).values()) == ["", "a,b", "c d"]


async def test_no_bot_is_told_of_pools_and_feeds(autojump_clock: MockClock) -> None:
    told: set[str] = set()
    bot, other = parrot(), Bot("other")

    @other.on(FeedEvent)
    async def note(event: FeedEvent) -> None:
        told.add(event.account)

    @other.on(UserJoined)
    @other.on(UserLeft)
    async def note_too(event: UserJoined | UserLeft) -> None:
        told.add(event.account)

    async with stage(place(other, "room-1"), place(bot, "room-*", linger_seconds=1)) as (world, app):
        ann = await world.user("ann", channel="room-1")
        channel = ann.session.channel
        assert channel is not None
        await channel.set_attribute("_userNotification", "1")
        async with people(world, "room-1", "room-2"):
            await until(lambda: len(where(app, 1)) == 3)
        await trio.sleep(60)
        assert len(where(app, 1)) == 2
    assert told == {"ann", "user0", "user1", "bot", "other"}


@pytest.mark.row("0.13")
async def test_it_ignores_itself_under_all_its_accounts(autojump_clock: MockClock) -> None:
    heard: list[str] = []
    bot = Bot("bot")

    @bot.on_message()
    async def note(message: InstantMessage, ctx: Context) -> None:
        heard.append(f"{message.account} to {ctx.session.account}")

    @bot.on_member_joined(account="user*")
    async def greet(event: MemberJoined, ctx: Context) -> None:
        await trio.sleep(5)
        for account in ("bot", "bot~2", "bot~3"):
            await ctx.session.send_instant(account, "hi, me")

    async with stage(place(bot, "room-*", "lobby")) as (world, app), people(world, "room-1", "room-2") as users:
        await until(lambda: len(where(app)) == 3)
        await trio.sleep(10)
        assert heard == []
        await users[0].tell("bot~3", "hi")
        await until(lambda: heard == ["user0 to bot~3"])


async def test_a_member_event_comes_with_the_session_of_its_channel(autojump_clock: MockClock) -> None:
    said: list[str] = []
    bot = parrot()

    @bot.on_member_joined(account="late")
    async def note(event: MemberJoined, ctx: Context) -> None:
        said.append(f"{event.channel}: {ctx.session.account}")

    async with stage(place(bot, "room-*")) as (world, app), people(world, "room-1", "room-2"):
        await until(lambda: len(where(app)) == 3)
        late = await world.user("late")
        for channel in ("room-2", "hall", "room-1"):
            await late.join(channel)
        await until(lambda: len(said) == 3)
    assert said == ["room-2: bot~3", "hall: bot", "room-1: bot~2"]


async def test_when_the_bots_own_session_is_over_so_is_the_pool(autojump_clock: MockClock) -> None:
    with capture_logs():
        async with (
            open_world(expect_failures=True) as world,
            world.running(place(parrot(), "room-*"), place(Bot("other"))) as app,
            people(world, "room-1", "room-2"),
        ):
            await until(lambda: len(where(app)) == 3)
            await world.displace("bot")
            await until(lambda: app.statistics()[0].state == "ended")
            await until(lambda: world.host.gateway.sessions == 4)
            assert where(app) == {}


async def test_a_handler_that_logs_a_session_out_has_it_so(autojump_clock: MockClock) -> None:
    bot = Bot("bot")

    @bot.on_channel_message()
    async def leave(message: ChannelMessage, ctx: Context) -> None:
        await ctx.session.logout()

    async with stage(place(bot, "room-*", linger_seconds=1)) as (world, app):
        for _ in range(2):
            async with people(world, "room-1") as (ann,):
                await until(lambda: len(where(app)) == 2)
                await ann.say("go")
                await trio.sleep(300)
                assert where(app) == {"bot": ""}
            await trio.sleep(10)


async def test_without_a_snapshot_channels_are_found_as_people_come(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_hub: Hub, _session: Session, _request: admin.Snapshot) -> admin.SnapshotPage:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, "for server accounts only")

    handlers: dict[type[Request], dispatch.Handler] = {**dispatch.HANDLERS, admin.Snapshot: refuse}
    monkeypatch.setattr(dispatch, "HANDLERS", handlers)
    with capture_logs() as logs:
        async with open_world() as world, people(world, "room-1"), world.running(place(parrot(), "room-*")) as app:
            await trio.sleep(60)
            assert where(app) == {"bot": ""}
            ann = await world.user("ann", channel="room-2")
            await until(lambda: "room-2" in where(app).values())
            await trio.sleep(60)
            await ann.join("room-1")
            await until(lambda: "room-1" in where(app).values())
            monkeypatch.undo()
            await world.user("bob", channel="room-3")
            await trio.sleep(40)
            assert sorted(where(app).values()) == ["", "room-1", "room-3"]
    assert len([line for line in logs if line["event"].startswith("no snapshot")]) == 1


async def test_events_of_a_channel_stay_in_order_when_another_session_takes_it_over(autojump_clock: MockClock) -> None:
    handled: list[str] = []
    bot = Bot("bot")

    @bot.on_channel_message()
    async def slow(message: ChannelMessage) -> None:
        await trio.sleep(20 if message.text == "slow" else 0)
        handled.append(message.text)

    async with stage(place(bot, "room-*")) as (world, app), people(world, "room-1") as (ann,):
        await until(lambda: len(where(app)) == 2)
        await ann.say("slow")
        await world.displace("bot~2")
        await until(lambda: "bot~3" in where(app))
        await ann.say("next")
        await until(lambda: len(handled) == 2, 60)
    assert handled == ["slow", "next"]


async def test_all_sessions_log_out_at_the_end(autojump_clock: MockClock) -> None:
    events: list[Event] = []
    async with open_world() as world, people(world, *(f"room-{number}" for number in range(20))):
        async with world.running(place(parrot(), "room-*")) as app:
            await until(lambda: len(where(app)) == 21)
            assert world.host.gateway.sessions == 20 + 22
        assert world.host.gateway.sessions == 20
    assert events == []


async def test_a_channel_that_has_just_appeared_is_no_reason_not_to_be_ready(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(place(parrot(), "room-*", linger_seconds=1)) as (world, app):
        assert app.not_ready() == []
        world.road("bot~2").block()
        async with people(world, "room-1"):
            await trio.sleep(9)
            assert len(app.statistics()[0].sessions) == 2
            assert app.not_ready() == []
            await trio.sleep(2)
            assert app.not_ready() == ["bot bot: bot~2 is initial"]
            world.road("bot~2").open()
            await until(lambda: len(where(app)) == 2, 60)
            assert app.not_ready() == []


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.slow)])
async def test_many_channels_in_one_process(count: int, autojump_clock: MockClock) -> None:
    settings = GatewaySettings(apps=(), idle_timeout=1e6)  # these people do not ping
    async with open_world(gateway=settings) as world, AsyncExitStack() as stack:
        for number in range(count):
            peer = await stack.enter_async_context(WirePeer.connect(world.host.connector, f"user{number}"))
            await peer.request(JoinChannel.function, name=f"room-{number}")
        async with world.running(place(parrot(), "room-*")) as app:
            await trio.sleep(1 + max(0, count - BURST) / PER_SECOND)
            assert set(where(app).values()) == {"", *(f"room-{number}" for number in range(count))}
            assert world.metric("botkit_pool_sessions", bot="bot") == count
            assert len(set(where(app))) == count + 1
            await peer.request(SendChannelMessage.function, name=f"room-{count - 1}", msg="hi")
            answers = [await peer.next_notice("channel_msg") for _ in range(2)]
            assert str(answers[1].content["msg"]).endswith(f" in room-{count - 1}: hi")
        assert world.host.gateway.sessions == count
