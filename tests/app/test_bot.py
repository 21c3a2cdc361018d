"""The decorators: each one registers for its own event, and nothing else."""

import itertools
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from botkit import Bot, BotPlacement, Context, Router
from botkit.errors import ErrorCode, HandlerError
from botkit.events import (
    CallEnded,
    CallInvited,
    ChannelAttributeUpdated,
    ChannelMessage,
    CommandRefused,
    DigitsPressed,
    Event,
    EventsLost,
    FeedEvent,
    InstantMessage,
    LoggedIn,
    LoggedOut,
    MemberJoined,
    MemberLeft,
    UserJoined,
    UserLeft,
    UserOffline,
    UserOnline,
)
from tests.app.dispatching import dispatching
from tests.app.world import open_world

DECORATORS: dict[str, type[Event]] = {
    "on_message": InstantMessage,
    "on_channel_message": ChannelMessage,
    "on_invite": CallInvited,
    "on_dtmf": DigitsPressed,
    "on_call_ended": CallEnded,
    "on_user_joined": UserJoined,
    "on_user_left": UserLeft,
    "on_user_online": UserOnline,
    "on_user_offline": UserOffline,
    "on_member_joined": MemberJoined,
    "on_member_left": MemberLeft,
    "on_attribute": ChannelAttributeUpdated,
    "on_login": LoggedIn,
    "on_logout": LoggedOut,
    "on_events_lost": EventsLost,
    "on_command_refused": CommandRefused,
}


async def handler(event: Event, ctx: Context) -> None: ...


@pytest.mark.row("B01")
@pytest.mark.parametrize("name", DECORATORS)
def test_each_decorator_is_for_its_event(name: str) -> None:
    bot = Bot("b")
    assert getattr(bot, name)()(handler) is handler
    assert [(one.event_type, one.filter) for one in bot.registrations] == [(DECORATORS[name], None)]


def test_no_decorator_is_forgotten() -> None:
    decorators = {name for name in dir(Bot) if name.startswith("on_")}
    of_their_own = {"on_error", "on_conversation_timeout", "on_drain"}  # these have other parameters, and other tests
    assert decorators - of_their_own == set(DECORATORS)
    assert {name for name in dir(Router) if name.startswith("on_")} == decorators


@pytest.mark.parametrize("name", DECORATORS)
@pytest.mark.parametrize("keyword", ["channel", "account", "text"])
def test_a_pattern_is_offered_where_the_event_has_the_field(name: str, keyword: str) -> None:
    event_type = DECORATORS[name]
    fields = event_type.__struct_fields__
    session_events = event_type in (LoggedIn, LoggedOut)  # their account is the bot's own
    has = (keyword in fields or (keyword == "account" and "peer" in fields)) and not session_events
    decorate = getattr(Bot("b"), name)
    if has:
        decorate(**{keyword: "a*"})(handler)
    else:
        with pytest.raises(TypeError):
            decorate(**{keyword: "a*"})


def test_patterns_and_filters_must_all_say_yes() -> None:
    bot = Bot("b")
    bot.on_channel_message(channel="room-*", account="ann", text="!*")(handler)
    (registration,) = bot.registrations
    assert registration.filter is not None
    fits = {"channel": "room-1", "account": "ann", "text": "!x"}
    for wrong in (None, "channel", "account", "text"):
        values: Any = {**fits, "uid": 1, "ms": 0, "message_id": 1, **({wrong: "zzz"} if wrong else {})}
        assert registration.filter(ChannelMessage(**values)) is (wrong is None)


def test_on_takes_any_event() -> None:
    bot = Bot("b")
    bot.on(FeedEvent)(handler)
    assert bot.wants(UserOnline)
    assert bot.wants(Event)
    assert not bot.wants(ChannelMessage)
    with pytest.raises(HandlerError, match="looks at channel"):
        bot.on(FeedEvent, channel="x")(handler)
    assert repr(bot) == "<Bot b>"


VALUES: dict[str, Any] = {
    "account": "ann",
    "peer": "ann",
    "uid": 1,
    "ms": 0,
    "channel": "lobby",
    "text": "hi",
    "message_id": 1,
    "call": 7,
    "extra": "",
    "digits": "1",
    "by_peer": True,
    "name": "topic",
    "value": "x",
    "kind": "update",
    "code": ErrorCode.LOGOUT_E_NET,
    "cause": "x",
    "epoch": "e",
    "seq": 1,
    "reason": "leave",
    "command": "kick",
    "roles": ("admin",),
}


def example(event_type: type[Event]) -> Event:
    return event_type(**{name: VALUES[name] for name in event_type.__struct_fields__ if name in VALUES})


@pytest.mark.row("B01")
async def test_each_decorator_fires_on_its_event_only(autojump_clock: MockClock) -> None:
    """A bot with all decorators, and a router with all of them, are told each of the events once."""
    fired: list[tuple[str, str]] = []
    bot, router = Bot("b"), Router("r")

    def declare(handlers: Bot | Router, name: str, decorate: Any) -> None:
        async def handle(event: Event, ctx: Context) -> None:
            fired.append((f"{handlers.name} {name}", type(event).__name__))
            ctx.propagate()

        decorate(handle)

    for handlers in (bot, router):
        for name in DECORATORS:
            declare(handlers, name, getattr(handlers, name)())
    bot.include(router)
    async with dispatching(bot) as at:
        for event_type in DECORATORS.values():
            await at.tell(example(event_type))
    assert fired == [
        (f"{name} {decorator}", event_type.__name__)
        for decorator, event_type in DECORATORS.items()
        for name in ("b", "r")
    ]


@pytest.mark.row("B01")
async def test_every_fires_on_time_and_on_no_event(autojump_clock: MockClock) -> None:
    beats: list[float] = []
    bot = Bot("b")

    @bot.every(seconds=7)
    async def beat(ctx: Context) -> None:
        assert ctx.event is None
        beats.append(trio.current_time())

    placement = BotPlacement(bot=bot, account="b")
    async with open_world() as world, world.running(placement), world.signal.open_session("ann") as ann:
        for _ in range(10):
            await ann.send_instant("b", "hi")
        await trio.sleep(22)
    assert len(beats) == 3
    assert [round(later - earlier, 6) for earlier, later in itertools.pairwise(beats)] == [7, 7]
