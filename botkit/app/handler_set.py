"""What a bot and a router have in common: everything that was declared in them, in the order of its declaration."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from msgspec import Struct

from botkit.app.commands.command import Command
from botkit.app.conversations.kinds import ConversationKind
from botkit.app.error_handlers import ErrorHandler
from botkit.app.injection import Provider
from botkit.app.middleware import Middleware
from botkit.app.resources import Resource
from botkit.app.signatures import Signature, describe
from botkit.events import Event
from botkit.routing.filters import Filter


@dataclass(frozen=True, slots=True)
class Registration:
    """A handler, the events that it takes, and the filter before it. ``timeout`` in seconds; None: the bot's."""

    event_type: type[Event]
    handler: Signature
    filter: Filter | None
    timeout: float | None = None
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """A handler that is called each ``seconds``. ``timeout`` in seconds; None: the bot's."""

    seconds: float
    handler: Signature
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """A handler that is called before the bot is stopped. ``timeout`` in seconds; None: the bot's."""

    handler: Signature
    timeout: float | None = None


Declared: TypeAlias = Registration | Beat | Drain | Resource | Provider | Middleware | ErrorHandler
D = TypeVar("D", bound=Declared)
S = TypeVar("S", Resource, Provider)


class HandlerSet:
    """Everything that was declared under one name. What declares it are the ``Decorators``.

    ``filter`` is before all handlers, and before the routers that are included.
    """

    def __init__(self, name: str, filter: Filter | None = None) -> None:
        if not name or not name.isprintable():
            raise ValueError(f"a {type(self).__name__.lower()} needs a name of visible characters, got {name!r}")
        self.name, self.filter = name, filter
        self.handlers: list[Registration] = []
        self.timers: list[Beat] = []
        self.drains: list[Drain] = []
        self.held: list[Resource] = []
        self.providers: list[Provider] = []
        self.conversations: list[ConversationKind[Struct]] = []
        self.outer_middlewares: list[Middleware] = []
        self.inner_middlewares: list[Middleware] = []
        self.error_handlers: list[ErrorHandler] = []
        self.included: list[HandlerSet] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def walk(self) -> Iterator["HandlerSet"]:
        """This one and all below it, in the order in which an event meets them."""
        yield self
        for router in self.included:
            yield from router.walk()

    def check_each_once(self) -> None:
        """Raise ``ValueError`` for a router that came in twice, by way of two others."""
        seen: set[HandlerSet] = set()
        for one in self.walk():
            if one in seen:
                raise ValueError(f"{self!r} includes {one!r} twice: its handlers would be called twice")
            seen.add(one)

    def check(self, declared: "Declared | HandlerSet") -> None:
        """Raise ``HandlerError`` for what is asked for and not there, as far as that is known here."""

    def declare(self, into: list[D], declared: D) -> None:
        """Keep what was declared, unless it does not fit: then raise ``HandlerError``."""
        self.check(declared)
        into.append(declared)

    def declare_all(self, into: list[D], declared: Sequence[D]) -> None:
        """Like ``declare``, for what comes together: all of it, or nothing."""
        for one in declared:
            self.check(one)
        into.extend(declared)

    def declare_source(self, into: list[S], declared: S, signature: Signature) -> None:
        """Like ``declare``, for what provides values of a type; there is one for each."""
        if declared.provides in self.provided():
            raise signature.place.error(f"{describe(declared.provides)} is provided already")
        self.declare(into, declared)

    def provided(self) -> list[object]:
        """The types that something is provided for here."""
        return [*(one.provides for one in self.held), *(one.provides for one in self.providers)]

    def include_set(self, router: "HandlerSet") -> None:
        """Keep a router at the end. Raises ``ValueError`` for one that is or has this one, or is there already."""
        below = list(router.walk())
        if self in below:
            raise ValueError(f"{self!r} cannot include {router!r}, which includes {self!r}: that would never end")
        here = list(self.walk())
        for one in below:
            if one in here:
                raise ValueError(f"{self!r} includes {one!r} already: its handlers would be called twice")
        self.check(router)
        self.included.append(router)
