"""The key of each event; none may be forgotten."""

from collections.abc import Iterator

import pytest

from botkit import events
from botkit.errors import ErrorCode
from botkit.events import CallEvent, Event, FeedEvent
from botkit.routing.keys import is_lasting, key_of
from botkit.types import Account

VALUES: dict[str, object] = {
    "account": "ann",
    "uid": 1,
    "code": ErrorCode.SUCCESS,
    "attempt": 1,
    "resumed": True,
    "cause": "x",
    "text": "hi",
    "ms": 0,
    "channel": "lobby",
    "message_id": 1,
    "members": (),
    "attributes": {},
    "name": "n",
    "value": "v",
    "kind": "update",
    "call": 7,
    "peer": "bob",
    "extra": "",
    "by_peer": True,
    "digits": "1",
    "epoch": "e",
    "seq": 1,
    "reason": "leave",
    "number": 1,
    "budget_ms": 500,
    "command": "kick",
    "roles": ("admin",),
}


def all_events() -> Iterator[type[Event]]:
    todo = [Event]
    while todo:
        event_type = todo.pop()
        derived = event_type.__subclasses__()
        todo += derived
        if not derived:
            yield event_type


def make(event_type: type[Event]) -> Event:
    required = event_type.__struct_fields__
    return event_type(**{name: VALUES[name] for name in required if name in VALUES})


EXPECTED = {
    "LoggedIn": ("session",),
    "LoggedOut": ("session",),
    "Reconnecting": ("session",),
    "Reconnected": ("session",),
    "EventsLost": ("session",),
    "MessageHeld": ("held", "lobby"),
    "InstantMessage": ("sender", "ann"),
    "CommandRefused": ("sender", "ann"),
    "ChannelMessage": ("channel", "lobby"),
    "ChannelJoined": ("channel", "lobby"),
    "ChannelLeft": ("channel", "lobby"),
    "UserJoined": ("channel", "lobby"),
    "UserLeft": ("channel", "lobby"),
    "ChannelAttributeUpdated": ("channel", "lobby"),
    "ConversationTimedOut": ("channel", "lobby"),
    "CallInvited": ("call", 7),
    "CallRinging": ("call", 7),
    "CallAccepted": ("call", 7),
    "CallRefused": ("call", 7),
    "CallFailed": ("call", 7),
    "CallEnded": ("call", 7),
    "DigitsPressed": ("call", 7),
    "CallMessageReceived": ("call", 7),
    "UserOnline": ("account", "ann"),
    "UserOffline": ("account", "ann"),
    "MemberJoined": ("account", "ann"),
    "MemberLeft": ("account", "ann"),
}


@pytest.mark.parametrize("event_type", list(all_events()), ids=lambda event_type: event_type.__name__)
def test_key(event_type: type[Event]) -> None:
    if event_type.__module__ == events.__name__:
        assert key_of(make(event_type)) == EXPECTED[event_type.__name__]


def test_every_event_has_been_thought_about() -> None:
    assert {event.__name__ for event in all_events() if event.__module__ == events.__name__} == set(EXPECTED)


def test_a_private_conversation_is_in_order_with_the_messages_of_its_account() -> None:
    private = events.ConversationTimedOut(kind="order", account=Account("ann"), channel="")
    assert key_of(private) == ("sender", "ann")


def test_only_an_invitation_lasts() -> None:
    lasting = {event.__name__ for event in all_events() if event.__module__ == events.__name__ and is_lasting(event)}
    assert lasting == {"CallInvited"}


def test_a_new_kind_of_event_has_the_key_of_its_base() -> None:
    class Whispered(CallEvent, frozen=True, kw_only=True):
        pass

    class Moved(FeedEvent, frozen=True, kw_only=True):
        pass

    assert key_of(make(Whispered)) == ("call", 7)
    assert key_of(make(Moved)) == ("account", "ann")
