"""Handlers as they are called: everything filled in, middlewares around them, and where their errors go."""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, cast

from botkit.app.context import Context
from botkit.app.error_handlers import ErrorHandler
from botkit.app.injection import CONTEXT, EVENT, Call, Injected, Wired, bind
from botkit.app.middleware import CALL_NEXT, Middleware, put_around
from botkit.app.signatures import Place
from botkit.app.wiring import WiredHandler, WiredRouter
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
    seconds that it may take, None for as many as it likes; ``lasting_timeout`` where the event is an invitation.
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
    """Makes the targets of one life of a bot. ``injected`` are the values of all that it offers."""

    def __init__(self, injected: Injected, handler_timeout: float) -> None:
        self._injected, self._handler_timeout = injected, handler_timeout
        self.beats: list[tuple[float, Target]] = []
        """The handlers of ``every``, with their seconds; complete once ``tree`` has returned."""

    def tree(self, router: WiredRouter) -> RouteNode[Target]:
        """The routes of a bot and all of its routers."""
        return self._node(router, (), ())

    def _node(
        self, router: WiredRouter, around: Sequence[tuple[Middleware, Wired]], errors: Sequence[ErrorTarget]
    ) -> RouteNode[Target]:
        own_errors = [ErrorTarget(one, self._bound(wired), self._handler_timeout) for one, wired in router.errors]
        errors, around = (*own_errors, *errors), (*around, *router.inner)
        node = RouteNode[Target](router.name, router.filter)
        for middleware, wired in router.outer:
            node.around.append(Route(middleware.event_types, self._outer(wired, errors)))
        for handler in router.handlers:
            target = self._handler(handler, around, errors)
            node.routes.append(Route((handler.registration.event_type,), target, handler.filter, handler.captures))
        for beat, wired in router.beats:
            target = Target(wired.place, self._bound(wired), errors)
            target.timeout = self._seconds(beat.timeout, self._handler_timeout)
            self.beats.append((beat.seconds, target))
        node.children = [self._node(one, around, errors) for one in router.routers]
        return node

    def _handler(
        self, handler: WiredHandler, around: Sequence[tuple[Middleware, Wired]], errors: Sequence[ErrorTarget]
    ) -> Target:
        registration, wired = handler.registration, handler.wired
        call: Call = self._bound(wired)
        relevant = [(one, mine) for one, mine in around if _meet(one.event_types, registration.event_type)]
        for middleware, mine in reversed(relevant):
            call = put_around(call, mine, self._injected, middleware.event_types)
        target = Target(wired.place, cast("AsyncCall", call), errors)
        if not relevant and wired.sources == (EVENT, CONTEXT) and not any(one.keyword_only for one in wired.parameters):
            target.direct = cast("DirectCall", wired.signature.function)
        target.timeout = self._seconds(registration.timeout, self._handler_timeout)
        target.lasting_timeout = self._seconds(registration.timeout, math.inf)
        return target

    def _outer(self, wired: Wired, errors: Sequence[ErrorTarget]) -> Target:
        target = Target(wired.place, self._bound(wired), errors)
        target.goes_on = CALL_NEXT in wired.sources
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
