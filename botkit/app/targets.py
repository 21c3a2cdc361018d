"""Handlers as they are called: everything filled in, middlewares around them, and where their errors go."""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, cast

from botkit.app.binding import Call, Injected, bind
from botkit.app.commands.command import CommandFilter, events_of, read_command
from botkit.app.commands.desk import HELP, CommandDesk
from botkit.app.context import Context
from botkit.app.error_handlers import ErrorHandler
from botkit.app.handler_set import Registration
from botkit.app.injection import CONTEXT, EVENT, Scope, Wired
from botkit.app.middleware import CALL_NEXT, Middleware, put_around
from botkit.app.signatures import Place, read_handler
from botkit.app.wiring import WiredHandler, WiredRouter, wire_handler
from botkit.events import Event
from botkit.routing.filters import Values
from botkit.routing.table import Route, RouteNode

AsyncCall: TypeAlias = Callable[[Event | None, Context, Values], Awaitable[object]]
DirectCall: TypeAlias = Callable[[Event | None, Context], Awaitable[object]]


class ErrorTarget:
    """A handler of errors as it is called."""

    __slots__ = ("call", "handler", "timeout")

    def __init__(self, handler: ErrorHandler, call: AsyncCall, timeout: float) -> None:
        self.handler, self.call, self.timeout = handler, call, timeout


class Target:
    """A handler, or an outer middleware, as it is called.

    ``direct`` is the function itself, where it takes event and context and nothing is around it. ``timeout`` are the
    seconds that it may take, None for as many as it likes; ``lasting_timeout`` where the event is an invitation. Of an
    outer middleware the time does not count in which it waits for what it goes around.
    ``errors`` take what it raises, the nearest first.
    """

    __slots__ = ("call", "direct", "errors", "goes_on", "lasting_timeout", "place", "timeout")

    def __init__(self, place: Place, call: AsyncCall, errors: Sequence[ErrorTarget]) -> None:
        self.place, self.call, self.errors = place, call, errors
        self.direct: DirectCall | None = None
        self.goes_on = False
        """Whether it is an outer middleware that goes on with the event itself."""
        self.timeout: float | None = None
        self.lasting_timeout: float | None = None


class TargetMaker:
    """Makes the targets of one life of a bot.

    ``injected`` are the values of all that it offers; ``desk`` takes its commands.
    """

    def __init__(self, injected: Injected, handler_timeout: float, desk: CommandDesk) -> None:
        self._injected, self._handler_timeout, self._desk = injected, handler_timeout, desk
        self.beats: list[tuple[float, Target]] = []
        """The handlers of ``every``, with their seconds; complete once ``tree`` has returned."""
        self.drains: list[Target] = []
        """The handlers of ``on_drain``; complete then, too."""

    def tree(self, router: WiredRouter) -> RouteNode[Target]:
        """The routes of a bot and all of its routers."""
        node = self._node(router, (), ())
        if self._desk.needs_help:
            signature = read_handler(self._desk.show_help)
            command = read_command(HELP, (), (), signature)
            for event_type in events_of(signature):
                registration = Registration(event_type, signature, None, None, command)
                node.routes.append(self._route(wire_handler(registration, Scope({}), ()), (), ()))
        return node

    def _node(
        self, router: WiredRouter, around: Sequence[tuple[Middleware, Wired]], errors: Sequence[ErrorTarget]
    ) -> RouteNode[Target]:
        own_errors = [ErrorTarget(one, self._bound(wired), self._handler_timeout) for one, wired in router.errors]
        errors, around = (*own_errors, *errors), (*around, *router.inner)
        node = RouteNode[Target](router.name, router.filter)
        for middleware, wired in router.outer:
            node.around.append(Route(middleware.event_types, self._outer(wired, errors)))
        for handler in router.handlers:
            node.routes.append(self._route(handler, around, errors))
        for beat, wired in router.beats:
            target = Target(wired.place, self._bound(wired), errors)
            target.timeout = self._seconds(beat.timeout, self._handler_timeout)
            self.beats.append((beat.seconds, target))
        for drain, wired in router.drains:
            target = Target(wired.place, self._bound(wired), errors)
            target.timeout = self._seconds(drain.timeout, self._handler_timeout)
            self.drains.append(target)
        node.children = [self._node(one, around, errors) for one in router.routers]
        return node

    def _route(
        self, handler: WiredHandler, around: Sequence[tuple[Middleware, Wired]], errors: Sequence[ErrorTarget]
    ) -> Route[Target]:
        target, filter = self._handler(handler, around, errors), handler.filter
        event_type, command = handler.registration.event_type, handler.registration.command
        if command is not None:
            is_written = CommandFilter(self._desk.prefix, command.names)
            filter = is_written if filter is None else is_written & filter
            self._desk.add(command, event_type)
        return Route((event_type,), target, filter, handler.captures)

    def _handler(
        self, handler: WiredHandler, around: Sequence[tuple[Middleware, Wired]], errors: Sequence[ErrorTarget]
    ) -> Target:
        registration, wired = handler.registration, handler.wired
        call: Call = self._bound(wired)
        relevant = [(one, mine) for one, mine in around if _meet(one.event_types, registration.event_type)]
        for middleware, mine in reversed(relevant):
            call = put_around(call, mine, self._injected, middleware.event_types)
        if registration.command is not None:
            call = self._desk.take(registration.command, call)
        target = Target(wired.place, cast("AsyncCall", call), errors)
        if not relevant and wired.sources == (EVENT, CONTEXT) and not any(one.keyword_only for one in wired.parameters):
            target.direct = cast("DirectCall", wired.signature.function)
        target.timeout = self._seconds(registration.timeout, self._handler_timeout)
        target.lasting_timeout = self._seconds(registration.timeout, math.inf)
        return target

    def _outer(self, wired: Wired, errors: Sequence[ErrorTarget]) -> Target:
        target = Target(wired.place, self._bound(wired), errors)
        target.goes_on = CALL_NEXT in wired.sources
        if wired.is_async:
            target.timeout = self._seconds(None, self._handler_timeout)
        return target

    def _bound(self, wired: Wired) -> AsyncCall:
        """The function with all filled in, awaitable also where it is a plain one."""
        call = bind(wired, self._injected)
        if wired.is_async:
            return cast("AsyncCall", call)

        async def call_plain(event: Event | None, context: Context, extras: Values) -> object:
            return call(event, context, extras)

        return call_plain

    @staticmethod
    def _seconds(timeout: float | None, default: float) -> float | None:
        seconds = default if timeout is None else timeout
        return None if seconds == math.inf else seconds


def _meet(event_types: tuple[type[Event], ...], event_type: type[Event]) -> bool:
    return any(issubclass(one, event_type) or issubclass(event_type, one) for one in event_types)
