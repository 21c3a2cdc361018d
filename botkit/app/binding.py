"""Functions with their parameters filled in: what is there for a bot's life once, all else at each call."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias, cast

from botkit.app.context import Context
from botkit.app.injection import CONTEXT, EVENT, Offer, PerCall, Provided, Source, Wired
from botkit.app.signatures import Signature
from botkit.events import Event
from botkit.routing.filters import Values

Injected: TypeAlias = Mapping[Offer, object]
"""The values of what is offered, in one life of a bot."""

Call: TypeAlias = Callable[[Event | None, Context, Values], object]
"""A function with everything filled in but the event, the context, and what else comes with a call, by its key."""


_Getter: TypeAlias = Callable[[Event | None, Context, Values], object]


def bind(wired: Wired, injected: Injected) -> Call:
    """The function with all filled in but event, context and extras. What comes back is for the caller to await
    where ``wired.is_async``.
    """
    if any(isinstance(source, Provided) for source in wired.sources):
        return _bind_with_providers(wired, injected)
    function = _spreading(wired.signature)
    parameters = wired.signature.parameters
    getters = [_getter(source, injected) for source in wired.sources]
    plain = [get for get, parameter in zip(getters, parameters, strict=True) if not parameter.keyword_only]
    named = {one.name: get for get, one in zip(getters, parameters, strict=True) if one.keyword_only}

    def call(event: Event | None, context: Context, extras: Values) -> object:
        """The usual case: arguments by their places."""
        return function(*[get(event, context, extras) for get in plain])

    def call_with_names(event: Event | None, context: Context, extras: Values) -> object:
        """Some are keyword-only."""
        keywords = {name: get(event, context, extras) for name, get in named.items()}
        return function(*[get(event, context, extras) for get in plain], **keywords)

    return call_with_names if named else call


def _bind_with_providers(wired: Wired, injected: Injected) -> Call:
    function, awaited = _spreading(wired.signature), inspect.iscoroutinefunction(wired.signature.function)
    getters = [
        (parameter, _getter(source, injected), isinstance(source, Provided))
        for parameter, source in zip(wired.signature.parameters, wired.sources, strict=True)
    ]

    async def call(event: Event | None, context: Context, extras: Values) -> object:
        """What providers make is made first, in the order of the parameters."""
        arguments: list[object] = []
        keywords: dict[str, object] = {}
        for parameter, get, is_provided in getters:
            value = get(event, context, extras)
            if is_provided:
                value = await cast("Awaitable[object]", value)
            if parameter.keyword_only:
                keywords[parameter.name] = value
            else:
                arguments.append(value)
        result = function(*arguments, **keywords)
        return await cast("Awaitable[object]", result) if awaited else result

    return call


def _spreading(signature: Signature) -> Callable[..., object]:
    """The function; one with ``*arguments`` as one that takes them as one list, in the place where they stand."""
    function = signature.function
    place = next((index for index, one in enumerate(signature.parameters) if one.variadic), None)
    if place is None:
        return function

    def call(*arguments: object, **keywords: object) -> object:
        """The list is in the place of ``*arguments``."""
        spread = arguments[place]
        assert isinstance(spread, list)
        return function(*arguments[:place], *spread, **keywords)

    return call


def _getter(source: Source, injected: Injected) -> _Getter:
    if source is EVENT:
        return lambda event, _context, _extras: event
    if source is CONTEXT:
        return lambda _event, context, _extras: context
    if isinstance(source, PerCall):
        key = source.key
        return lambda _event, _context, extras: extras[key]
    if isinstance(source, Provided):
        return _provider_getter(source, injected)
    value = injected[source]
    return lambda _event, _context, _extras: value


def _provider_getter(provided: Provided, injected: Injected) -> _Getter:
    provider, make, is_async = provided.provider, bind(provided.wired, injected), provided.wired.is_async

    async def get(event: Event | None, context: Context, extras: Values) -> object:
        made = context.provided
        if provider not in made:
            value = make(event, context, extras)
            made[provider] = await cast("Awaitable[object]", value) if is_async else value
        return made[provider]

    return get
