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
from operator import attrgetter
from typing import NamedTuple, TypeAlias

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


class Keying(NamedTuple):
    """How to make the keys of events of one type.

    ``shared``: they hold for all sessions of the bot. So a channel stays in order when another session takes it over,
    and what one account tells several of them does, too.
    """

    make: Callable[[Event], OrderKey]
    shared: bool


def _by(kind: str, field: str) -> Callable[[Event], OrderKey]:
    read = attrgetter(field)
    return lambda event: (kind, read(event))


def _of_conversation(event: Event) -> OrderKey:
    assert isinstance(event, ConversationTimedOut)
    return ("channel", event.channel) if event.channel else ("sender", event.account)


def _of_session(_event: Event) -> OrderKey:
    return ("session",)


_IN_CHANNEL = (ChannelMessage, ChannelJoined, ChannelLeft, UserJoined, UserLeft, ChannelAttributeUpdated)

_KEYS: list[tuple[tuple[type[Event], ...], Keying]] = [
    (_IN_CHANNEL, Keying(_by("channel", "channel"), shared=True)),
    ((MessageHeld,), Keying(_by("held", "channel"), shared=False)),
    ((InstantMessage, CommandRefused), Keying(_by("sender", "account"), shared=True)),
    ((FeedEvent,), Keying(_by("account", "account"), shared=True)),
    ((CallEvent,), Keying(_by("call", "call"), shared=False)),
    ((ConversationTimedOut,), Keying(_of_conversation, shared=True)),
    ((Event,), Keying(_of_session, shared=False)),
]


def keying_of(event_type: type[Event]) -> Keying:
    """How to make the keys of events of this type."""
    return next(keying for types, keying in _KEYS if issubclass(event_type, types))


def key_of(event: Event) -> OrderKey:
    """The key of an event, unique within its session, or within the bot."""
    return keying_of(type(event)).make(event)


def is_lasting(event_type: type[Event]) -> bool:
    """Whether handlers of such an event may go on beside the later events of their key."""
    return event_type is CallInvited
