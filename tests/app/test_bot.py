"""The decorators: each one registers for its own event, and nothing else."""

from typing import Any

import pytest

from botkit import Bot, Context, Router
from botkit.errors import HandlerError
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

DECORATORS = {
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
    assert decorators - {"on_error", "on_conversation_timeout"} == set(DECORATORS)  # those two have tests of their own
    assert {name for name in dir(Router) if name.startswith("on_")} == decorators


@pytest.mark.parametrize("name", DECORATORS)
@pytest.mark.parametrize("keyword", ["channel", "account", "text"])
def test_a_pattern_is_offered_where_the_event_has_the_field(name: str, keyword: str) -> None:
    event_type: Any = DECORATORS[name]
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
