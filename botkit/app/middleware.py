"""Middlewares: what goes around the handling of an event.

::

    import trio

    from botkit import Bot, CallNext, ChannelMessage, Context
    from botkit.events import Event

    bot = Bot("doorman")


    @bot.middleware
    async def timing(event: Event, ctx: Context, call_next: CallNext) -> None:
        began = trio.current_time()
        await call_next()
        ctx.log.info("handled", seconds=trio.current_time() - began)


    @bot.outer_middleware
    def only_members(event: ChannelMessage, ctx: Context) -> None:
        if event.account not in ctx.channel.members:
            ctx.stop()

An ``async def`` asks for ``CallNext`` and calls it, once, more often or not at all. A plain ``def`` is called before.
Either may call ``ctx.stop()``, which ends the event. An outer one that does not call ``CallNext`` ends it, too; an
inner one leaves out the handler that it is around. Either is given what it asks for by type, as handlers are, and sees
the events that its event parameter takes: all of them where it has none.

An inner one is within the timeout of the handler that it is around. An outer one has the bot's ``handler_timeout`` for
what it does itself, before and after ``CallNext``; one that takes longer is cancelled, and the event ends there.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

from botkit.app.binding import Call, Injected, bind
from botkit.app.context import Context
from botkit.app.injection import PerCall, Wired
from botkit.app.signatures import (
    EventTypes,
    Signature,
    is_event,
    members_of,
    read_signature,
    require_no_value,
)
from botkit.events import Event
from botkit.routing.filters import Values

MiddlewareFunction: TypeAlias = Callable[..., Awaitable[None] | None]


class CallNext(Protocol):
    """What a middleware goes around: the next middleware, and in the end the handler, or all routers."""

    async def __call__(self) -> None:
        """Go on with the event; returns when it has been handled."""


CALL_NEXT = PerCall(CallNext)
"""The source of a parameter of type ``CallNext``."""


@dataclass(frozen=True, slots=True, eq=False)
class Middleware:
    """A middleware that was read, and the events that it sees."""

    signature: Signature
    event_types: EventTypes


def read_middleware(function: MiddlewareFunction) -> Middleware:
    """Read a middleware. Raises ``HandlerError`` with file and line."""
    signature = read_signature(function)
    require_no_value(signature)
    goes_on = any(one.annotation is CallNext for one in signature.parameters)
    is_async = inspect.iscoroutinefunction(function)
    if is_async and not goes_on:
        raise signature.place.error("an async middleware needs a parameter of type CallNext, or no event comes through")
    if goes_on and not is_async:
        raise signature.place.error("a middleware that takes CallNext must be written with async def, to await it")
    events = [one.annotation for one in signature.parameters if is_event(one.annotation)]
    event_types = members_of(events[0]) if events else (Event,)
    return Middleware(signature, cast("EventTypes", event_types))


def put_around(inner: Call, wired: Wired, injected: Injected, event_types: EventTypes) -> Call:
    """``inner``, whose result is awaited, with a middleware around it where the event is of ``event_types``."""
    middleware = bind(wired, injected)
    if CALL_NEXT in wired.sources:
        return _around(inner, middleware, event_types)
    return _before(inner, middleware, event_types, is_async=wired.is_async)


def _around(inner: Call, middleware: Call, event_types: EventTypes) -> Call:
    async def call(event: Event | None, context: Context, extras: Values) -> object:
        """The middleware decides whether, and how often, ``inner`` is called; the last result counts."""
        result: object = None

        async def call_next() -> None:
            nonlocal result
            result = await cast("Awaitable[object]", inner(event, context, extras))

        if isinstance(event, event_types):
            await cast("Awaitable[object]", middleware(event, context, {CallNext: call_next}))
        else:
            await call_next()
        return result

    return call


def _before(inner: Call, middleware: Call, event_types: EventTypes, *, is_async: bool) -> Call:
    async def call(event: Event | None, context: Context, extras: Values) -> object:
        """``inner`` is called afterwards, unless the middleware has stopped the event."""
        if isinstance(event, event_types):
            done = middleware(event, context, extras)
            if is_async:
                await cast("Awaitable[object]", done)
        return None if context.stopped else await cast("Awaitable[object]", inner(event, context, extras))

    return call
