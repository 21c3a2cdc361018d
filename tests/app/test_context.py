"""What a context gives, and what it says when there is nothing to give."""

import pytest
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import BotInfo, Context, LoginSession
from botkit.errors import RequestFailed
from botkit.events import (
    CallEnded,
    ChannelMessage,
    Event,
    EventsLost,
    InstantMessage,
    LoggedIn,
    MemberJoined,
    UserOnline,
)
from botkit.signaling import Channel, Lane
from botkit.types import Account, ChannelName, Uid
from tests.app.world import next_event, open_world

INFO = BotInfo(name="b", account=Account("bot"))
ANN, LOBBY = Account("ann"), ChannelName("lobby")


def context(session: LoginSession, event: Event | None = None) -> Context:
    return Context(session=session, bot=INFO, event=event)


@pytest.mark.parametrize(
    "event",
    [
        InstantMessage(account=ANN, uid=Uid(1), text="?", ms=0),
        UserOnline(account=ANN, uid=Uid(1), ms=0, epoch="e", seq=1),
        MemberJoined(account=ANN, uid=Uid(1), ms=0, epoch="e", seq=1, channel=LOBBY),
        CallEnded(call=1, channel=LOBBY, peer=ANN, by_peer=True, extra=""),
    ],
    ids=lambda event: type(event).__name__,
)
async def test_a_reply_goes_to_the_account(autojump_clock: MockClock, event: Event) -> None:
    async with open_world() as world, world.signal.open_session("bot") as bot, world.signal.open_session("ann") as ann:
        await context(bot, event).reply("yes")
        assert (await next_event(ann, InstantMessage)).text == "yes"


async def test_a_reply_to_a_channel_message_goes_to_the_channel(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.signal.open_session("bot") as bot, world.signal.open_session("ann") as ann:
        await bot.join("lobby")
        await (await ann.join("lobby")).send("?")
        await context(bot, await next_event(bot, ChannelMessage)).reply("yes")
        assert (await next_event(ann, ChannelMessage)).text == "?"
        assert (await next_event(ann, ChannelMessage)).account == "bot"


async def test_a_reply_waits_in_its_lane(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes: list[Lane] = []

    async def send(_: object, *text: str, lane: Lane) -> None:
        lanes.append(lane)

    monkeypatch.setattr(LoginSession, "send_instant", send)
    monkeypatch.setattr(Channel, "send", send)
    async with open_world() as world, world.signal.open_session("bot") as bot:
        await bot.join("lobby")
        for event in (
            InstantMessage(account=ANN, uid=Uid(1), text="?", ms=0),
            ChannelMessage(channel=LOBBY, account=ANN, uid=Uid(1), text="?", message_id=1, ms=0),
        ):
            await context(bot, event).reply("yes", lane=Lane.ALERT)
            await context(bot, event).reply("yes")
    assert lanes == [Lane.ALERT, Lane.CHAT] * 2


async def test_what_is_not_there(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.signal.open_session("bot") as bot:
        with pytest.raises(RequestFailed, match="the session of bot is in no channel"):
            _ = context(bot).channel
        with pytest.raises(RequestFailed, match="UserOnline comes from no call"):
            _ = context(bot, UserOnline(account=ANN, uid=Uid(1), ms=0, epoch="e", seq=1)).call
        with pytest.raises(RequestFailed, match="a beat comes from no call"):
            _ = context(bot).call
        with pytest.raises(RequestFailed, match="EventsLost comes from nobody"):
            await context(bot, EventsLost(cause="x")).reply("?")
        with pytest.raises(RequestFailed, match="a beat comes from nobody"):
            await context(bot).reply("?")


async def test_the_log_names_bot_account_and_event(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.signal.open_session("bot") as bot:
        with capture_logs() as logs:
            context(bot, CallEnded(call=3, channel=LOBBY, peer=ANN, by_peer=True, extra="")).log.info("over", why="x")
            context(bot, LoggedIn(account=ANN, uid=Uid(1))).log.info("in")
            context(bot).log.warning("beat")
    assert logs == [
        {
            "bot": "b",
            "account": "bot",
            "event_type": "CallEnded",
            "channel": "lobby",
            "call": 3,
            "why": "x",
            "event": "over",
            "log_level": "info",
        },
        {"bot": "b", "account": "bot", "event_type": "LoggedIn", "event": "in", "log_level": "info"},
        {"bot": "b", "account": "bot", "event": "beat", "log_level": "warning"},
    ]
