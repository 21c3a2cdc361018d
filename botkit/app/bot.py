"""A bot as its author writes it: a name, settings, and decorated handlers. It holds no state of a run."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct

from botkit.app.resources import Resource, read_resource
from botkit.app.signatures import ALWAYS_KNOWN, Handler, read_handler
from botkit.events import (
    CallEnded,
    CallInvited,
    ChannelAttributeUpdated,
    ChannelMessage,
    DigitsPressed,
    Event,
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
from botkit.routing import filters
from botkit.routing.filters import Filter

H = TypeVar("H", bound=Callable[..., Awaitable[None]])
G = TypeVar("G", bound=Callable[..., AsyncIterator[object]])


@dataclass(frozen=True, slots=True)
class Registration:
    """A handler, the events that it takes, and the filter before it."""

    event_type: type[Event]
    handler: Handler
    filter: Filter | None


@dataclass(frozen=True, slots=True)
class Beat:
    """A handler that is called each ``seconds``."""

    seconds: float
    handler: Handler


class Bot:
    """Handlers under one name. One ``Bot`` may run several times, each time with an account of its own.

    ``settings`` is the msgspec struct that the bot's ``settings`` in YAML are checked against. With
    ``ignore_self`` its own messages do not reach its handlers.

    The decorators check a handler's parameters and raise ``HandlerError`` with file and line; they return the
    function untouched. A handler is an ``async def`` that asks by type for what it wants: the event, ``Context``,
    ``BotInfo``, the settings, and resources. Filters are given positionally and all must say yes; ``channel``,
    ``account`` and ``text`` are shell patterns (``support-*``) for the field of that name, for which
    ``botkit.filters`` has more. Handlers of one event run in the order of their registration.

    What happens in one channel is handled in order, and so is what comes from one account, or in one call: the
    next event waits until the handlers of the last one have returned. Different channels, accounts and calls
    wait for nothing of each other (up to 128 at a time). Only ``on_invite`` handlers may go on beside what follows:
    they begin before it, and typically last as long as the call. ``botkit.routing.keys`` has the whole rule.
    """

    def __init__(self, name: str, *, settings: type[Struct] | None = None, ignore_self: bool = True) -> None:
        if not name or not name.isprintable():
            raise ValueError(f"a bot needs a name of visible characters, got {name!r}")
        self.name, self.settings_type, self.ignore_self = name, settings, ignore_self
        self.registrations: list[Registration] = []
        self.beats: list[Beat] = []
        self.resources: list[Resource] = []

    def __repr__(self) -> str:
        return f"<Bot {self.name}>"

    def on(
        self, event_type: type[Event], *filters: Filter, channel: str = "", account: str = "", text: str = ""
    ) -> Callable[[H], H]:
        """Events of any type, and of those derived from it."""

        def register(function: H) -> H:
            handler = read_handler(function, event_type, self._known())
            filter = _all_of([*filters, *_patterns(channel, account, text)])
            if filter is not None:
                try:
                    filter.compile(event_type)
                except ValueError as error:
                    raise handler.place.error(str(error)) from None
            self.registrations.append(Registration(event_type, handler, filter))
            return function

        return register

    def on_message(self, *filters: Filter, account: str = "", text: str = "") -> Callable[[H], H]:
        """Instant messages to the bot's account (``onMessageInstantReceive``): ``InstantMessage``."""
        return self.on(InstantMessage, *filters, account=account, text=text)

    def on_channel_message(
        self, *filters: Filter, channel: str = "", account: str = "", text: str = ""
    ) -> Callable[[H], H]:
        """Messages in the bot's channel (``onMessageChannelReceive``): ``ChannelMessage``."""
        return self.on(ChannelMessage, *filters, channel=channel, account=account, text=text)

    def on_invite(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """Invitations to a call (``onInviteReceived``): ``CallInvited``; ``ctx.call`` accepts or refuses."""
        return self.on(CallInvited, *filters, channel=channel, account=account)

    def on_dtmf(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """Digits pressed in a call (``onInviteMsg``): ``DigitsPressed``."""
        return self.on(DigitsPressed, *filters, channel=channel, account=account)

    def on_call_ended(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """Calls that are over (``onInviteEndByPeer``, ``onInviteEndByMyself``): ``CallEnded``."""
        return self.on(CallEnded, *filters, channel=channel, account=account)

    def on_user_joined(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """Somebody came into the bot's channel (``onChannelUserJoined``): ``UserJoined``."""
        return self.on(UserJoined, *filters, channel=channel, account=account)

    def on_user_left(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """Somebody left the bot's channel (``onChannelUserLeaved``): ``UserLeft``."""
        return self.on(UserLeft, *filters, channel=channel, account=account)

    def on_user_online(self, *filters: Filter, account: str = "") -> Callable[[H], H]:
        """Any account of the app logged in (``__agora_user_online``): ``UserOnline``."""
        return self.on(UserOnline, *filters, account=account)

    def on_user_offline(self, *filters: Filter, account: str = "") -> Callable[[H], H]:
        """Any account of the app is gone (``__agora_user_online``): ``UserOffline``."""
        return self.on(UserOffline, *filters, account=account)

    def on_member_joined(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """Somebody joined any channel of the app (``__agora_channel_event``): ``MemberJoined``."""
        return self.on(MemberJoined, *filters, channel=channel, account=account)

    def on_member_left(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """Somebody left any channel of the app (``__agora_channel_event``): ``MemberLeft``."""
        return self.on(MemberLeft, *filters, channel=channel, account=account)

    def on_attribute(self, *filters: Filter, channel: str = "", account: str = "") -> Callable[[H], H]:
        """An attribute of the bot's channel changed (``onChannelAttrUpdated``): ``ChannelAttributeUpdated``."""
        return self.on(ChannelAttributeUpdated, *filters, channel=channel, account=account)

    def on_login(self, *filters: Filter) -> Callable[[H], H]:
        """A session of the bot is up, and in its channel (``onLoginSuccess``): ``LoggedIn``."""
        return self.on(LoggedIn, *filters)

    def on_logout(self, *filters: Filter) -> Callable[[H], H]:
        """A session of the bot ended otherwise than by botkit stopping it (``onLogout``): ``LoggedOut``."""
        return self.on(LoggedOut, *filters)

    def on_events_lost(self, *filters: Filter) -> Callable[[H], H]:
        """Events are missing: ``EventsLost`` says why, and how many where that is known."""
        return self.on(EventsLost, *filters)

    def every(self, *, seconds: float) -> Callable[[H], H]:
        """Call a handler each ``seconds`` (more than 0), once per bot, from the time that it has started.

        A beat that comes while the handler still works on the last one is left out and counted.
        """
        if not seconds > 0:
            raise ValueError(f"every: more than 0 seconds expected, got {seconds}")

        def register(function: H) -> H:
            self.beats.append(Beat(seconds, read_handler(function, None, self._known())))
            return function

        return register

    def resource(self, function: G) -> G:
        """Something that the bot holds as long as it lives: an async generator that yields it once.

        ``async def store(settings: Settings) -> AsyncIterator[Store]`` makes ``Store`` known to the handlers that
        are declared below it. It may ask for the settings, ``BotInfo`` and resources above it. It is opened before
        the bot logs in, and closed after the bot has logged out, also on a cancel.
        """
        self.resources.append(read_resource(function, self._known()))
        return function

    def wants(self, event_type: type[Event]) -> bool:
        """Whether a handler takes events of this type, or of one derived from it."""
        return any(
            issubclass(event_type, one.event_type) or issubclass(one.event_type, event_type)
            for one in self.registrations
        )

    def _known(self) -> list[object]:
        settings = [] if self.settings_type is None else [self.settings_type]
        return [*ALWAYS_KNOWN, *settings, *(resource.provides for resource in self.resources)]


def _patterns(channel: str, account: str, text: str) -> list[Filter]:
    fields = [(filters.channel, channel), (filters.account, account), (filters.text, text)]
    return [field.glob(pattern) for field, pattern in fields if pattern]


def _all_of(all_filters: list[Filter]) -> Filter | None:
    if not all_filters:
        return None
    combined = all_filters[0]
    for filter in all_filters[1:]:
        combined &= filter
    return combined
