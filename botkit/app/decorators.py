"""The decorators of bots and routers. They check a function, keep it, and return it untouched."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from botkit.app.commands.command import events_of, read_command
from botkit.app.conversations.injecting import conversation_provider, conversations_provider
from botkit.app.conversations.kinds import DEFAULT_TIMEOUT, ConversationKind, S
from botkit.app.error_handlers import read_error_handler
from botkit.app.handler_set import Beat, Drain, HandlerSet, Registration
from botkit.app.handler_types import (
    AnyHandler,
    AnyMiddleware,
    AnyProvider,
    AnyResource,
    OfAttribute,
    OfCallEnded,
    OfCallInvited,
    OfChannelMessage,
    OfCommandRefused,
    OfConversationTimedOut,
    OfDigitsPressed,
    OfEventsLost,
    OfInstantMessage,
    OfLoggedIn,
    OfLoggedOut,
    OfMemberJoined,
    OfMemberLeft,
    OfUserJoined,
    OfUserLeft,
    OfUserOffline,
    OfUserOnline,
)
from botkit.app.middleware import read_middleware
from botkit.app.providers import read_provider
from botkit.app.resources import read_resource
from botkit.app.signatures import read_handler
from botkit.app.wiring import all_of, require_parentheses
from botkit.events import (
    CallEnded,
    CallInvited,
    ChannelAttributeUpdated,
    ChannelMessage,
    CommandRefused,
    ConversationTimedOut,
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
from botkit.routing.filters import Filter, where


class Decorators(HandlerSet):
    """What ``Bot`` and ``Router`` are decorated with.

    A handler is an ``async def`` that asks by type for what it wants: the event, ``Context``, ``BotInfo``, the
    settings, resources, what providers make, and what its filters find. The first parameter is the event or the
    ``Context``, so that type checkers see whether it fits; all are checked when the handler is registered, and what
    does not fit raises ``HandlerError`` with file and line.

    Filters are given positionally and all must say yes; ``channel``, ``account`` and ``text`` are shell patterns
    (``support-*``) for the field of that name, for which ``botkit.filters`` has more. ``timeout`` are the seconds that
    the handler may take, instead of the bot's ``handler_timeout``; ``math.inf``: as long as it likes.
    """

    def on(
        self,
        event_type: type[Event],
        *filters: Filter,
        channel: str = "",
        account: str = "",
        text: str = "",
        timeout: float | None = None,
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Events of any type, and of those derived from it."""
        require_parentheses(event_type)
        check_timeout(timeout)
        filter = all_of([*filters, *_patterns(channel, account, text)])

        def register(function: AnyHandler) -> AnyHandler:
            self.declare(self.handlers, Registration(event_type, read_handler(function), filter, timeout))
            return function

        return register

    def on_message(
        self, *filters: Filter, account: str = "", text: str = "", timeout: float | None = None
    ) -> Callable[[OfInstantMessage], OfInstantMessage]:
        """Instant messages to the bot's account (``onMessageInstantReceive``): ``InstantMessage``."""
        return self.on(InstantMessage, *filters, account=account, text=text, timeout=timeout)

    def on_channel_message(
        self, *filters: Filter, channel: str = "", account: str = "", text: str = "", timeout: float | None = None
    ) -> Callable[[OfChannelMessage], OfChannelMessage]:
        """Messages in the bot's channel (``onMessageChannelReceive``): ``ChannelMessage``."""
        return self.on(ChannelMessage, *filters, channel=channel, account=account, text=text, timeout=timeout)

    def on_invite(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfCallInvited], OfCallInvited]:
        """Invitations to a call (``onInviteReceived``): ``CallInvited``; ``ctx.call`` accepts or refuses."""
        return self.on(CallInvited, *filters, channel=channel, account=account, timeout=timeout)

    def on_dtmf(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfDigitsPressed], OfDigitsPressed]:
        """Digits pressed in a call (``onInviteMsg``): ``DigitsPressed``."""
        return self.on(DigitsPressed, *filters, channel=channel, account=account, timeout=timeout)

    def on_call_ended(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfCallEnded], OfCallEnded]:
        """Calls that are over (``onInviteEndByPeer``, ``onInviteEndByMyself``): ``CallEnded``."""
        return self.on(CallEnded, *filters, channel=channel, account=account, timeout=timeout)

    def on_user_joined(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfUserJoined], OfUserJoined]:
        """Somebody came into the bot's channel (``onChannelUserJoined``): ``UserJoined``."""
        return self.on(UserJoined, *filters, channel=channel, account=account, timeout=timeout)

    def on_user_left(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfUserLeft], OfUserLeft]:
        """Somebody left the bot's channel (``onChannelUserLeaved``): ``UserLeft``."""
        return self.on(UserLeft, *filters, channel=channel, account=account, timeout=timeout)

    def on_user_online(
        self, *filters: Filter, account: str = "", timeout: float | None = None
    ) -> Callable[[OfUserOnline], OfUserOnline]:
        """Any account of the app logged in (``__agora_user_online``): ``UserOnline``."""
        return self.on(UserOnline, *filters, account=account, timeout=timeout)

    def on_user_offline(
        self, *filters: Filter, account: str = "", timeout: float | None = None
    ) -> Callable[[OfUserOffline], OfUserOffline]:
        """Any account of the app is gone (``__agora_user_online``): ``UserOffline``."""
        return self.on(UserOffline, *filters, account=account, timeout=timeout)

    def on_member_joined(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfMemberJoined], OfMemberJoined]:
        """Somebody joined any channel of the app (``__agora_channel_event``): ``MemberJoined``."""
        return self.on(MemberJoined, *filters, channel=channel, account=account, timeout=timeout)

    def on_member_left(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfMemberLeft], OfMemberLeft]:
        """Somebody left any channel of the app (``__agora_channel_event``): ``MemberLeft``."""
        return self.on(MemberLeft, *filters, channel=channel, account=account, timeout=timeout)

    def on_attribute(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfAttribute], OfAttribute]:
        """An attribute of the bot's channel changed (``onChannelAttrUpdated``): ``ChannelAttributeUpdated``."""
        return self.on(ChannelAttributeUpdated, *filters, channel=channel, account=account, timeout=timeout)

    def on_login(self, *filters: Filter, timeout: float | None = None) -> Callable[[OfLoggedIn], OfLoggedIn]:
        """A session of the bot is up, and in its channel (``onLoginSuccess``): ``LoggedIn``."""
        return self.on(LoggedIn, *filters, timeout=timeout)

    def on_logout(self, *filters: Filter, timeout: float | None = None) -> Callable[[OfLoggedOut], OfLoggedOut]:
        """A session of the bot ended otherwise than by botkit stopping it (``onLogout``): ``LoggedOut``."""
        return self.on(LoggedOut, *filters, timeout=timeout)

    def on_events_lost(self, *filters: Filter, timeout: float | None = None) -> Callable[[OfEventsLost], OfEventsLost]:
        """Events are missing: ``EventsLost`` says why, and how many where that is known."""
        return self.on(EventsLost, *filters, timeout=timeout)

    def command(
        self,
        name: str,
        *filters: Filter,
        aliases: Sequence[str] = (),
        roles: Sequence[str] = (),
        timeout: float | None = None,
    ) -> Callable[[AnyHandler], AnyHandler]:
        """A command: the bot's prefix and ``name``, or one of ``aliases``, at the beginning of a message.

        Its arguments are the handler's parameters of such types as ``int``, ``str`` and ``Account``; what does not fit
        is answered with the usage. With ``roles`` it is for accounts with one of these. The handler's docstring is what
        help says about it. See ``botkit.app.commands``.
        """
        require_parentheses(name)
        check_timeout(timeout)
        filter = all_of(filters)

        def register(function: AnyHandler) -> AnyHandler:
            signature = read_handler(function, variadic=True)
            command = read_command(name, aliases, roles, signature)
            events = events_of(signature)
            registrations = [Registration(event, signature, filter, timeout, command) for event in events]
            self.declare_all(self.handlers, registrations)
            return function

        return register

    def on_command_refused(
        self, *filters: Filter, channel: str = "", account: str = "", timeout: float | None = None
    ) -> Callable[[OfCommandRefused], OfCommandRefused]:
        """Somebody wanted a command that is for others: ``CommandRefused``."""
        return self.on(CommandRefused, *filters, channel=channel, account=account, timeout=timeout)

    def every(self, *, seconds: float, timeout: float | None = None) -> Callable[[AnyHandler], AnyHandler]:
        """Call a handler each ``seconds`` (more than 0), once per bot, from the time that it has started.

        A beat that comes while the handler still works on the last one is left out and counted. It is no event: it
        meets no filter and no middleware.
        """
        if not seconds > 0:
            raise ValueError(f"every: more than 0 seconds expected, got {seconds}")
        check_timeout(timeout)

        def register(function: AnyHandler) -> AnyHandler:
            self.declare(self.timers, Beat(seconds, read_handler(function), timeout))
            return function

        return register

    def on_drain(self, *, timeout: float | None = None) -> Callable[[AnyHandler], AnyHandler]:
        """What is to be done before the bot is stopped: take nothing new, and wait until what goes on is finished.

        Called when the process is asked to stop, and when a reload stops or restarts the bot; until it returns, or its
        ``timeout`` (the bot's, unless said), everything goes on as before: sessions, events, handlers, timers. It is no
        event: it goes to no other router, and takes ``Context`` as its first parameter, if any.
        """
        check_timeout(timeout)

        def register(function: AnyHandler) -> AnyHandler:
            self.declare(self.drains, Drain(read_handler(function), timeout))
            return function

        return register

    def resource(self, function: AnyResource) -> AnyResource:
        """Something that is held as long as the bot lives: an async generator that yields it once.

        ``async def store(settings: Settings) -> AsyncIterator[Store]`` makes ``Store`` known to what is declared below
        it. It may ask for the settings, ``BotInfo`` and resources above it. It is opened before the bot logs in, and
        closed after the bot has logged out, also on a cancel.
        """
        resource = read_resource(function)
        self.declare_source(self.held, resource, resource.signature)
        return function

    def provide(self, function: AnyProvider) -> AnyProvider:
        """A value that is made of an event when a handler first asks for it: ``def`` or ``async def`` with ``-> T``.

        It is made once per event, for all its handlers. It may ask for what handlers may, and other providers.
        """
        provider = read_provider(function)
        self.declare_source(self.providers, provider, provider.signature)
        return function

    def conversation(self, state_type: type[S], *, timeout: float = DEFAULT_TIMEOUT) -> ConversationKind[S]:
        """A kind of talk that the bot remembers, for each account and place: see ``botkit.app.conversations``.

        Handlers below ask for ``Conversation[S]``, the one with the account that their event is about, and for
        ``Conversations[S]``. ``timeout``: how many seconds (at most 366 days) it rests before it times out, unless
        ``set`` says otherwise. Raises ``TypeError`` for a state that is no frozen msgspec struct, and ``ValueError``.
        """
        kind = ConversationKind(state_type, timeout=timeout)
        self.conversations.append(kind)
        for provider in (conversation_provider(kind), conversations_provider(kind)):
            self.declare_source(self.providers, provider, provider.signature)
        return kind

    def on_conversation_timeout(
        self, kind: ConversationKind[Struct], *filters: Filter, timeout: float | None = None
    ) -> Callable[[OfConversationTimedOut], OfConversationTimedOut]:
        """Conversations that were not gone on with in time: ``ConversationTimedOut``.

        The conversation still has its state, and is closed when the handlers have returned, unless they set it anew.
        After a crash in the middle of them it is told again. Without a handler it is just closed.
        """
        name = kind.name
        mine = where(ConversationTimedOut, lambda event: event.kind == name)
        return self.on(ConversationTimedOut, mine, *filters, timeout=timeout)

    def middleware(self, function: AnyMiddleware) -> AnyMiddleware:
        """Something that goes around each handler here and in routers below, once its filter has said yes.

        The first one that is declared is the outermost, and those of a router are inside of those around it. See
        ``botkit.app.middleware``.
        """
        self.declare(self.inner_middlewares, read_middleware(function))
        return function

    def outer_middleware(self, function: AnyMiddleware) -> AnyMiddleware:
        """Something that goes around all that happens to an event here and in routers below, before any filter.

        It sees each event that comes here, whether or not a handler wants it. The first one that is declared is the
        outermost. An event that it does not let on ends here. See ``botkit.app.middleware``.
        """
        self.declare(self.outer_middlewares, read_middleware(function))
        return function

    def on_error(self, function: AnyHandler) -> AnyHandler:
        """A handler of the errors of handlers here and in routers below, by the type of its parameter.

        See ``botkit.app.error_handlers``.
        """
        self.declare(self.error_handlers, read_error_handler(function))
        return function


def check_timeout(timeout: float | None) -> None:
    """Raise ``ValueError`` for a timeout of a handler that is none."""
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout: more than 0 seconds expected, got {timeout}")


def _patterns(channel: str, account: str, text: str) -> list[Filter]:
    fields = [(filters.channel, channel), (filters.account, account), (filters.text, text)]
    return [field.glob(pattern) for field, pattern in fields if pattern]
