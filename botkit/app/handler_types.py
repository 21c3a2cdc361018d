"""What a decorator takes, for type checkers: a function that fits the event is told apart from one that does not.

A checker knows the first parameter only: it takes the event, or it is the ``Context``. All parameters are checked
when the function is registered.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Concatenate, TypeAlias, TypeVar

from botkit.app.context import Context
from botkit.events import (
    CallEnded,
    CallInvited,
    ChannelAttributeUpdated,
    ChannelMessage,
    CommandRefused,
    ConversationTimedOut,
    DigitsPressed,
    EventsLost,
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

E = TypeVar("E")

Handles: TypeAlias = (
    Callable[Concatenate[E, ...], Awaitable[None]]
    | Callable[Concatenate[Context, ...], Awaitable[None]]
    | Callable[[], Awaitable[None]]
)
"""A handler of events of one type."""

AnyHandler = TypeVar("AnyHandler", bound=Callable[..., Awaitable[None]])
AnyMiddleware = TypeVar("AnyMiddleware", bound=Callable[..., Awaitable[None] | None])
AnyProvider = TypeVar("AnyProvider", bound=Callable[..., object])
AnyResource = TypeVar("AnyResource", bound=Callable[..., AsyncIterator[object]])

OfConversationTimedOut = TypeVar("OfConversationTimedOut", bound=Handles[ConversationTimedOut])
OfInstantMessage = TypeVar("OfInstantMessage", bound=Handles[InstantMessage])
OfChannelMessage = TypeVar("OfChannelMessage", bound=Handles[ChannelMessage])
OfCallInvited = TypeVar("OfCallInvited", bound=Handles[CallInvited])
OfDigitsPressed = TypeVar("OfDigitsPressed", bound=Handles[DigitsPressed])
OfCallEnded = TypeVar("OfCallEnded", bound=Handles[CallEnded])
OfUserJoined = TypeVar("OfUserJoined", bound=Handles[UserJoined])
OfUserLeft = TypeVar("OfUserLeft", bound=Handles[UserLeft])
OfUserOnline = TypeVar("OfUserOnline", bound=Handles[UserOnline])
OfUserOffline = TypeVar("OfUserOffline", bound=Handles[UserOffline])
OfMemberJoined = TypeVar("OfMemberJoined", bound=Handles[MemberJoined])
OfMemberLeft = TypeVar("OfMemberLeft", bound=Handles[MemberLeft])
OfAttribute = TypeVar("OfAttribute", bound=Handles[ChannelAttributeUpdated])
OfCommandRefused = TypeVar("OfCommandRefused", bound=Handles[CommandRefused])
OfLoggedIn = TypeVar("OfLoggedIn", bound=Handles[LoggedIn])
OfLoggedOut = TypeVar("OfLoggedOut", bound=Handles[LoggedOut])
OfEventsLost = TypeVar("OfEventsLost", bound=Handles[EventsLost])
