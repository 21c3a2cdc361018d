"""Puts a bot together: each function that was declared in it or its routers gets a source for each parameter.

What nobody provides is found here: when it is declared in a bot, when a router is included in one, and for all when
the bot starts.
"""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from botkit.actor.registry import Registry
from botkit.app.commands.command import Command
from botkit.app.context import BotInfo
from botkit.app.error_handlers import ERROR, ErrorHandler
from botkit.app.handler_set import Beat, Declared, Drain, HandlerSet, Registration
from botkit.app.injection import Offer, PerCall, Provider, Scope, Wired, check_event, require_known, wire
from botkit.app.middleware import CALL_NEXT, CallNext, Middleware
from botkit.app.resources import Resource, wire_resource
from botkit.app.signatures import describe, is_event, place_of
from botkit.observability.metrics import Meters
from botkit.routing.filters import Filter

BOT_INFO = Offer(BotInfo)
"""Who the bot is, which any handler may ask for."""

REGISTRY = Offer(Registry)
"""The app's live actors, the other bots among them: any handler may ask for it."""

METERS = Offer(Meters)
"""What the process counts: a bot's own meters go there, too."""


@dataclass(frozen=True, slots=True)
class WiredHandler:
    """A handler with its sources, and the filter before it; ``captures``: it asks for what filters find."""

    registration: Registration
    wired: Wired
    filter: Filter | None
    captures: bool


@dataclass(slots=True)
class WiredRouter:
    """A bot or a router with its sources, and the routers that it includes."""

    name: str
    filter: Filter | None
    outer: list[tuple[Middleware, Wired]]
    inner: list[tuple[Middleware, Wired]]
    handlers: list[WiredHandler]
    beats: list[tuple[Beat, Wired]]
    drains: list[tuple[Drain, Wired]]
    errors: list[tuple[ErrorHandler, Wired]]
    routers: list["WiredRouter"]


@dataclass(frozen=True, slots=True)
class Wiring:
    """A whole bot: its resources in the order in which they are opened, and its tree of routers."""

    resources: list[tuple[Resource, Wired]]
    root: WiredRouter


def scope_of(handlers: HandlerSet, outer: Scope | None, *offers: Offer) -> Scope:
    """What can be asked for in a bot or a router."""
    own: list[Offer | Provider] = [*offers, *handlers.held, *handlers.providers]
    return Scope({one.provides: one for one in own}, outer)


def wire_all(root: HandlerSet, offers: Sequence[Offer]) -> Wiring:
    """Put a bot together. Raises ``HandlerError`` for what is asked for and not there."""
    check_commands(registration for handlers in root.walk() for registration in handlers.handlers)
    resources: list[tuple[Resource, Wired]] = []
    return Wiring(resources, _wire_router(root, scope_of(root, None, *offers), (), resources))


def wire_included(router: HandlerSet, scope: Scope, filters: Sequence[Filter]) -> None:
    """Look whether a router finds all that it asks for in ``scope``. Raises ``HandlerError``."""
    _wire_router(router, scope_of(router, scope), filters, [])


def wire_declared(declared: Declared, scope: Scope, filters: Sequence[Filter]) -> None:
    """Look whether what was declared finds all that it asks for in ``scope``. Raises ``HandlerError``."""
    match declared:
        case Registration():
            wire_handler(declared, scope, filters)
        case Beat() | Drain():
            wire(declared.handler, (), scope)
        case Resource():
            wire_resource(declared, scope, [one for one in scope.offers.values() if isinstance(one, Resource)])
        case Provider():
            require_known(declared.signature, scope)
        case Middleware():
            _wire_middleware(declared, scope)
        case ErrorHandler():
            _wire_error_handler(declared, scope)


def check_event_and_filters(registration: Registration, filters: Sequence[Filter]) -> list[Filter]:
    """All filters before a handler. Raises ``HandlerError`` for one, or a parameter, that is for other events."""
    place, event_type = registration.handler.place, registration.event_type
    before = [*filters, *([] if registration.filter is None else [registration.filter])]
    try:
        for filter in before:
            filter.compile(event_type)
    except ValueError as error:
        raise place.error(str(error)) from None
    for parameter in registration.handler.parameters:
        if is_event(parameter.annotation):
            check_event(place, parameter, (event_type,))
    return before


def wire_handler(registration: Registration, scope: Scope, filters: Sequence[Filter]) -> WiredHandler:
    """Find what a handler asks for. ``filters`` are those of the routers around it."""
    before = check_event_and_filters(registration, filters)
    given = [value for filter in before for value in filter.gives]
    for parameter in registration.handler.parameters:
        if given.count(parameter.annotation) > 1:
            what = describe(parameter.annotation)
            problem = f"parameter {parameter.name}: two filters give {what}; use extract() for one of them"
            raise registration.handler.place.error(problem)
    extras = {value: PerCall(value) for value in given}
    named = {} if registration.command is None else registration.command.sources
    wired = wire(registration.handler, (registration.event_type,), scope, extras, named)
    captures = any(source in extras.values() for source in wired.sources)
    return WiredHandler(registration, wired, all_of(before) if captures else registration.filter, captures)


def check_commands(registrations: Iterable[Registration]) -> None:
    """Raise ``HandlerError`` when two commands have the same name."""
    known: dict[str, Command] = {}
    for command in (one.command for one in registrations if one.command is not None):
        for name in command.names:
            other = known.setdefault(name, command)
            if other is not command:
                place = other.signature.place
                problem = f"command {name!r} is {place.name}() already, {place.file}:{place.line}"
                raise command.signature.place.error(problem)


def all_of(filters: Sequence[Filter]) -> Filter | None:
    """The filter that says yes when all of these do; None for none.

    Raises ``HandlerError`` for a handler in a filter's place, and ``TypeError`` for anything else that is no filter.
    """
    for one in filters:
        require_filter(one)
    if not filters:
        return None
    combined = filters[0]
    for filter in filters[1:]:
        combined &= filter
    return combined


def require_filter(value: object) -> None:
    """Raise ``TypeError`` for what is no filter; ``HandlerError`` for a function that was to be decorated."""
    if isinstance(value, Filter):
        return
    require_parentheses(value)
    hint = "where(event type, function)" if callable(value) else "text=, account=, channel=, or what botkit.filters has"
    raise TypeError(f"a filter is expected, got {value!r}; write {hint}")


def require_parentheses(value: object) -> None:
    """Raise ``HandlerError`` when a decorator that takes arguments was given the function itself.

    Without this the function would be swallowed, and never be called.
    """
    if inspect.iscoroutinefunction(value):
        raise place_of(value).error("its decorator wants parentheses, even empty ones, as in @bot.on_message()")


def _wire_router(
    handlers: HandlerSet, scope: Scope, around: Sequence[Filter], resources: list[tuple[Resource, Wired]]
) -> WiredRouter:
    filters = [*around, *([] if handlers.filter is None else [handlers.filter])]
    for resource in handlers.held:
        resources.append((resource, wire_resource(resource, scope, [opened for opened, _ in resources])))
    for provider in handlers.providers:
        require_known(provider.signature, scope)
    return WiredRouter(
        name=handlers.name,
        filter=handlers.filter,
        outer=[(one, _wire_middleware(one, scope)) for one in handlers.outer_middlewares],
        inner=[(one, _wire_middleware(one, scope)) for one in handlers.inner_middlewares],
        handlers=[wire_handler(one, scope, filters) for one in handlers.handlers],
        beats=[(one, wire(one.handler, (), scope)) for one in handlers.timers],
        drains=[(one, wire(one.handler, (), scope)) for one in handlers.drains],
        errors=[(one, _wire_error_handler(one, scope)) for one in handlers.error_handlers],
        routers=[_wire_router(one, scope_of(one, scope), filters, resources) for one in handlers.included],
    )


def _wire_middleware(middleware: Middleware, scope: Scope) -> Wired:
    return wire(middleware.signature, middleware.event_types, scope, {CallNext: CALL_NEXT})


def _wire_error_handler(handler: ErrorHandler, scope: Scope) -> Wired:
    return wire(handler.signature, handler.event_types, scope, {handler.error_type: ERROR})
