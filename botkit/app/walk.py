"""The way of one event through a bot's routers: who gets it, and where it ends.

In the first router where handlers match all of them are called, in order, until one stops the event. Then it has been
handled, unless one of them has propagated it: then it goes on to the next router.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

from botkit.app.context import Context
from botkit.app.handling import HandlerBorder
from botkit.app.middleware import CALL_NEXT
from botkit.app.targets import Target
from botkit.events import Event
from botkit.routing.keys import is_lasting
from botkit.routing.table import Match, RouteTable, Stop

Next: TypeAlias = Callable[[], Awaitable[None]]


async def call_all(border: HandlerBorder, matching: Sequence[Match[Target]], event: Event, context: Context) -> bool:
    """Call the handlers of one router that match; True when the event goes on to the next router."""
    lasting = is_lasting(type(event))
    for match in matching:
        seconds = match.target.lasting_timeout if lasting else match.target.timeout
        await border.call(match, event, context, seconds)
        if context.stopped:
            return False
    goes_on, context.propagated = context.propagated, False
    return goes_on


class Walk:
    """The whole way of an event whose handlers are found on the way: by late filters, or behind outer middlewares.

    Each of those goes around its router and the ones below.
    """

    def __init__(self, table: RouteTable[Target], border: HandlerBorder, event: Event, context: Context) -> None:
        self._table, self._border, self._event, self._context = table, border, event, context
        self._stops = table.way(type(event)).stops
        self.wanted = False
        """Whether a handler wanted the event, or a middleware ended it."""

    async def run(self) -> None:
        """Have the event meet all routers, until it ends."""
        await self._run(0, len(self._stops))

    async def _run(self, at: int, end: int) -> bool:
        """Meet the routers from ``at`` to before ``end``; True when the event goes on to those behind."""
        while at < end:
            stop = self._stops[at]
            if not await (self._pass_around(stop, at) if stop.around else self._enter(stop, at)):
                return False
            at = stop.after
        return True

    async def _enter(self, stop: Stop[Target], at: int) -> bool:
        if not self._table.passes(stop, self._event):
            return True
        matching = self._table.matches_at(stop, self._event)
        if matching:
            self.wanted = True
            if not await call_all(self._border, matching, self._event, self._context):
                return False
        return await self._run(at + 1, stop.after)

    async def _pass_around(self, stop: Stop[Target], at: int) -> bool:
        """Go through the router's outer middlewares into the router; an event that does not come through ends."""
        goes_on, came_through = False, False

        async def enter() -> None:
            nonlocal goes_on, came_through
            came_through = True
            goes_on = await self._enter(stop, at)

        call_next: Next = enter
        for middleware in reversed(stop.around):
            call_next = partial(self._through, middleware, call_next)
        await call_next()
        self.wanted = self.wanted or not came_through
        return goes_on

    async def _through(self, middleware: Target, call_next: Next) -> None:
        values = {CALL_NEXT.key: call_next} if middleware.goes_on else None
        went_well = await self._border.call(Match(middleware, values), self._event, self._context, middleware.timeout)
        if went_well and not middleware.goes_on and not self._context.stopped:
            await call_next()
