"""A bot as its author writes it: a name, settings, and decorated handlers. It holds no state of a run."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from botkit.app.conversations.injecting import DESK
from botkit.app.conversations.kinds import ConversationKind, check_kinds
from botkit.app.decorators import Decorators, check_timeout
from botkit.app.handler_set import Beat, Declared, HandlerSet, Registration
from botkit.app.injection import Offer
from botkit.app.router import Router
from botkit.app.wiring import (
    BOT_INFO,
    METERS,
    REGISTRY,
    Wiring,
    check_commands,
    scope_of,
    wire_all,
    wire_declared,
    wire_included,
)
from botkit.events import Event
from botkit.routing.loops import LoopLimits
from botkit.routing.runner import RunnerLimits

HANDLER_TIMEOUT = 300.0


class Bot(Decorators):
    """Handlers under one name. One ``Bot`` may run several times, each time with an account of its own.

    ``settings`` is the msgspec struct that the bot's ``settings`` in YAML are checked against. With
    ``ignore_self`` its own messages do not reach its handlers. ``limits`` bound how many events are handled at a time,
    and how many wait. A handler that takes longer than ``handler_timeout`` seconds (``math.inf``: as long as it likes)
    is cancelled, logged and counted; those of ``on_invite`` may last as long as the call, unless told otherwise.
    Commands (``command``) begin with ``command_prefix``. ``loops`` say when a loop with another bot is broken.

    Who gets an event, and in which order, is said in :class:`~botkit.Router`; a bot is the first of its routers. For
    what handlers may ask for see :class:`~botkit.app.decorators.Decorators`; what a bot provides must be declared
    above the handlers that ask for it, and above ``include`` of the routers that do.

    What happens in one channel is handled in order, and so is what comes from one account, or in one call: the
    next event waits until the handlers of the last one have returned. Different channels, accounts and calls
    wait for nothing of each other (up to ``limits.running`` at a time). Only ``on_invite`` handlers may go on beside
    what follows: they begin before it. ``botkit.routing.keys`` has the whole rule.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: type[Struct] | None = None,
        ignore_self: bool = True,
        limits: RunnerLimits | None = None,
        handler_timeout: float = HANDLER_TIMEOUT,
        command_prefix: str = "!",
        loops: LoopLimits | None = None,
    ) -> None:
        super().__init__(name)
        check_timeout(handler_timeout)
        if not command_prefix or not command_prefix.isprintable() or any(map(str.isspace, command_prefix)):
            raise ValueError(f"command_prefix: visible characters expected, got {command_prefix!r}")
        self.command_prefix = command_prefix
        self.settings_type, self.ignore_self = settings, ignore_self
        self.limits, self.handler_timeout = limits or RunnerLimits(), handler_timeout
        self.loops = loops or LoopLimits()
        self.settings_offer = None if settings is None else Offer(settings)
        """What stands for the settings among all that handlers may ask for."""

    @property
    def registrations(self) -> Sequence[Registration]:
        """All handlers of events, its routers' included, in the order in which an event meets them."""
        return [one for handlers in self.walk() for one in handlers.handlers]

    @property
    def beats(self) -> Sequence[Beat]:
        """All handlers of ``every``, its routers' included."""
        return [one for handlers in self.walk() for one in handlers.timers]

    @property
    def drained(self) -> bool:
        """Whether it has handlers of ``on_drain``, its routers' included."""
        return any(handlers.drains for handlers in self.walk())

    @property
    def roles(self) -> frozenset[str]:
        """The roles that commands are for, its routers' included."""
        return frozenset(role for roles in self.commands.values() for role in roles)

    @property
    def commands(self) -> Mapping[str, frozenset[str]]:
        """Its commands, and the roles that each is for, none for everybody; its routers' included."""
        commands = [one.command for one in self.registrations if one.command is not None]
        return {command.name: frozenset(command.roles) for command in commands}

    @property
    def kinds(self) -> Sequence[ConversationKind[Struct]]:
        """Its kinds of conversations, its routers' included."""
        return [kind for handlers in self.walk() for kind in handlers.conversations]

    def include(self, router: Router) -> None:
        """Have events that no handler of the bot itself keeps meet ``router``; see there for who gets an event.

        Raises ``HandlerError``, with file and line, when a handler of the router asks for what the bot does not
        provide above this line; ``ValueError`` for a router that is included already.
        """
        self.include_set(router)

    def wire(self) -> Wiring:
        """Find a source for whatever is asked for in the bot and its routers, at its start.

        Raises ``HandlerError``, with file and line, for what nobody provides, and ``ValueError`` for a router that is
        included twice.
        """
        self.check_each_once()
        check_kinds(self.kinds)
        return wire_all(self, self._offers())

    def wants(self, event_type: type[Event]) -> bool:
        """Whether a handler takes events of this type, or of one derived from it."""
        return any(
            issubclass(event_type, one.event_type) or issubclass(one.event_type, event_type)
            for one in self.registrations
        )

    def check(self, declared: Declared | HandlerSet) -> None:
        """Look whether it finds all that it asks for in what was declared above it. Raises ``HandlerError``."""
        coming = declared.walk() if isinstance(declared, HandlerSet) else ()
        scope = scope_of(self, None, *self._offers(any(one.conversations for one in coming)))
        if isinstance(declared, HandlerSet):
            wire_included(declared, scope, ())
            check_commands([*self.registrations, *(one for below in declared.walk() for one in below.handlers)])
        else:
            wire_declared(declared, scope, ())
            if isinstance(declared, Registration):
                check_commands([*self.registrations, declared])

    def provided(self) -> list[object]:
        """The types that something is provided for in the bot itself."""
        return [*(one.provides for one in self._offers()), *super().provided()]

    def _offers(self, conversations: bool = False) -> list[Offer]:
        offers = [BOT_INFO, REGISTRY, METERS, *([] if self.settings_offer is None else [self.settings_offer])]
        return [*offers, DESK] if self.kinds or conversations else offers
