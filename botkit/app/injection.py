"""Where the values of parameters come from: found by type when a bot is put together. ``binding`` hands them over.

=========================  =============================================================================
a parameter of type        gets
=========================  =============================================================================
the event's, or its base   the event
``Context``                the context of the event
``BotInfo``, the settings  what the bot was started with
``Meters``                 what the process counts, for meters of the bot's own
``Registry``               the app's live actors: other bots, by name, kind and tag
of a resource              what the bot holds for its life (``resource``)
of a provider              what a provider makes of the event (``provide``), once per event
of a filter's value        what the handler's filter, or its router's, found in the event
=========================  =============================================================================

Routers see what the bot offers, and what they offer themselves; so do the routers below them.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from botkit.app.context import Context
from botkit.app.signatures import EventTypes, Parameter, Place, Signature, describe, describe_all, is_event, takes
from botkit.events import Event


class PerCall:
    """A value that comes with each call. Its key is what the caller hands it over under."""

    __slots__ = ("key",)

    def __init__(self, key: object) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"<PerCall {self.key}>"


EVENT, CONTEXT = PerCall("event"), PerCall("context")


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What is there for a bot's whole life: a resource, the settings, ``BotInfo``. It is its own key."""

    provides: object


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """A function that makes a value of one event, or of its context."""

    signature: Signature
    provides: object


@dataclass(frozen=True, slots=True, eq=False)
class Provided:
    """A provider with the sources of its own parameters."""

    provider: Provider
    wired: "Wired"


Source: TypeAlias = PerCall | Offer | Provided


@dataclass(frozen=True, slots=True)
class Wired:
    """A function, and the source of each of its parameters."""

    signature: Signature
    sources: tuple[Source, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the function asks for."""
        return self.signature.parameters

    @property
    def place(self) -> Place:
        """Where the function is written."""
        return self.signature.place

    @property
    def is_async(self) -> bool:
        """Whether a call of it, with its providers, is to be awaited."""
        is_async = inspect.iscoroutinefunction(self.signature.function)
        return is_async or any(isinstance(source, Provided) for source in self.sources)


@dataclass(slots=True)
class Scope:
    """What can be asked for in one router, and by way of ``outer`` in those around it."""

    offers: Mapping[object, Offer | Provider]
    outer: "Scope | None" = None
    making: set[Provider] = field(default_factory=set)

    def find(self, annotation: object) -> "tuple[Offer | Provider, Scope] | None":
        """What gives values of this type, and the scope that it is in."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.offers.get(annotation)
            if found is not None:
                return found, scope
            scope = scope.outer
        return None

    def known(self) -> Iterator[object]:
        """All types that something is there for."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.offers
            scope = scope.outer


def wire(
    signature: Signature,
    event_types: EventTypes,
    scope: Scope,
    extras: Mapping[object, PerCall] | None = None,
    named: Mapping[str, PerCall] | None = None,
) -> Wired:
    """Find a source for each parameter of a function that is called with events of these types; none: with none.

    ``extras`` are further values that come with a call, by type, and ``named`` by the name of the parameter. Raises
    ``HandlerError``, with file and line, for a parameter that nothing is there for.
    """
    extras = extras or {}
    named = named or {}
    sources = [
        named.get(one.name) or _source(signature.place, one, event_types, scope, extras) for one in signature.parameters
    ]
    return Wired(signature, tuple(sources))


def _source(
    place: Place, parameter: Parameter, event_types: EventTypes, scope: Scope, extras: Mapping[object, PerCall]
) -> Source:
    annotation = parameter.annotation
    if annotation is Context:
        return CONTEXT
    if is_event(annotation):
        check_event(place, parameter, event_types)
        return EVENT
    if annotation in extras:
        return extras[annotation]
    found = scope.find(annotation)
    if found is None:
        raise place.error(_nothing_there(parameter, event_types, scope, extras))
    offer, home = found
    return offer if isinstance(offer, Offer) else _provided(place, parameter, offer, event_types, home)


def check_event(place: Place, parameter: Parameter, event_types: EventTypes) -> None:
    """Raise ``HandlerError`` when a parameter for an event cannot take all of ``event_types``, or there is none."""
    if not event_types:
        raise place.error(f"parameter {parameter.name}: {describe(parameter.annotation)} is an event, but here is none")
    if not all(takes(parameter.annotation, one) for one in event_types):
        wanted, here = describe(parameter.annotation), describe_all(event_types)
        raise place.error(f"parameter {parameter.name}: {wanted} is not the event here, which is {here}")


def require_known(signature: Signature, scope: Scope) -> None:
    """Raise ``HandlerError`` for a parameter of a provider that nothing is there for, whatever the event."""
    for one in signature.parameters:
        if one.annotation is not Context and not is_event(one.annotation) and scope.find(one.annotation) is None:
            raise signature.place.error(_nothing_there(one, (), scope, {}))


def _provided(place: Place, parameter: Parameter, provider: Provider, event_types: EventTypes, home: Scope) -> Provided:
    asked = f"parameter {parameter.name}, for which there is {provider.signature.place.name}()"
    if provider in home.making:
        raise place.error(f"{asked}: it is made from itself")
    home.making.add(provider)
    try:
        for one in provider.signature.parameters:
            if is_event(one.annotation) and not all(takes(one.annotation, event) for event in event_types or (Event,)):
                here = describe_all(event_types) or "none"
                raise place.error(f"{asked}: that takes {describe(one.annotation)}, and the event here is {here}")
        return Provided(provider, wire(provider.signature, event_types, home))
    finally:
        home.making.discard(provider)


def _nothing_there(
    parameter: Parameter, event_types: EventTypes, scope: Scope, extras: Mapping[object, PerCall]
) -> str:
    offered = [event.__name__ for event in event_types]
    offered += sorted({"Context", *(describe(one) for one in (*extras, *scope.known()))})
    return (
        f"parameter {parameter.name}: nothing of type {describe(parameter.annotation)} is known here; known are"
        f" {', '.join(offered)} (what a bot provides must be declared above its handlers and routers)"
    )
