"""What must stay in order. Each event has one key; events of one key are handled one after the other.

======================================================  =======================================
event                                                   key
======================================================  =======================================
what happens in the session's channel                   the channel
``MessageHeld``, whose time is short                    the channel that is held, a key of its own
``InstantMessage``, ``CommandRefused``                  the sender
what the feeds tell (online, offline, joined, left)     the account that it is about
what happens to a call                                  the call
a conversation that timed out                           the channel, or in private the account: as its messages
the session's own life (login, reconnect, lost events)  the session
======================================================  =======================================

A call is the one thing that is two at once: ``CallInvited`` begins in its turn, but what follows in the same
call does not wait for its handlers to return, since they typically live as long as the call does and wait for
those very events. See ``is_lasting``.
"""

from collections.abc import Callable, Hashable
from typing import TypeAlias

from botkit.events import (
    CallEvent,
    CallInvited,
    ChannelAttributeUpdated,
    ChannelJoined,
    ChannelLeft,
    ChannelMessage,
    CommandRefused,
    ConversationTimedOut,
    Event,
    FeedEvent,
    InstantMessage,
    MessageHeld,
    UserJoined,
    UserLeft,
)

OrderKey: TypeAlias = tuple[Hashable, ...]

_InChannel: TypeAlias = ChannelMessage | ChannelJoined | ChannelLeft | UserJoined | UserLeft | ChannelAttributeUpdated

SESSION_KEY: OrderKey = ("session",)


def _channel_key(event: Event) -> OrderKey:
    assert isinstance(event, _InChannel)
    return ("channel", event.channel)


def _held_key(event: Event) -> OrderKey:
    assert isinstance(event, MessageHeld)
    return ("held", event.channel)


def _sender_key(event: Event) -> OrderKey:
    assert isinstance(event, InstantMessage | CommandRefused)
    return ("sender", event.account)


def _account_key(event: Event) -> OrderKey:
    assert isinstance(event, FeedEvent)
    return ("account", event.account)


def _call_key(event: Event) -> OrderKey:
    assert isinstance(event, CallEvent)
    return ("call", event.call)


def _conversation_key(event: Event) -> OrderKey:
    assert isinstance(event, ConversationTimedOut)
    return ("channel", event.channel) if event.channel else ("sender", event.account)


def _session_key(_event: Event) -> OrderKey:
    return SESSION_KEY


_KEYS: list[tuple[tuple[type[Event], ...], Callable[[Event], OrderKey]]] = [
    ((ChannelMessage, ChannelJoined, ChannelLeft, UserJoined, UserLeft, ChannelAttributeUpdated), _channel_key),
    ((MessageHeld,), _held_key),
    ((InstantMessage, CommandRefused), _sender_key),
    ((FeedEvent,), _account_key),
    ((CallEvent,), _call_key),
    ((ConversationTimedOut,), _conversation_key),
    ((Event,), _session_key),
]
_by_type: dict[type[Event], Callable[[Event], OrderKey]] = {}


def key_of(event: Event) -> OrderKey:
    """The key of an event, unique within its session (feed events: within the app)."""
    event_type = type(event)
    make = _by_type.get(event_type)
    if make is None:
        make = _by_type[event_type] = next(make for types, make in _KEYS if issubclass(event_type, types))
    return make(event)


def is_lasting(event: Event | None) -> bool:
    """Whether handlers of this event may go on beside the later events of their key."""
    return type(event) is CallInvited
