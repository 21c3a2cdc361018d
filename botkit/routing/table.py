"""The table of routes: a tree of routers, an index by event type, then filters.

Its cost grows with the targets that could match, not with all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeAlias, TypeVar, cast

from botkit.events import Event
from botkit.routing.filters import Check, Filter, Values
from botkit.routing.index import FirstLetters, index_routes

T = TypeVar("T")


class Match(NamedTuple, Generic[T]):
    """A target that wants the event, and what its filter found in it, if the target asked for that."""

    target: T
    values: Values | None


class Route(NamedTuple, Generic[T]):
    """A target, the events that it wants, and the filter before it. ``captures``: it wants the filter's values."""

    event_types: tuple[type[Event], ...]
    target: T
    filter: Filter | None = None
    captures: bool = False


class RouteNode(Generic[T]):
    """One router: its routes, the routers below it, in order, and what is before and around all of them.

    ``around`` are middlewares that see each event which comes to the router, before ``filter`` does.
    """

    def __init__(self, name: str, filter: Filter | None = None) -> None:
        self.name, self.filter = name, filter
        self.around: list[Route[T]] = []
        self.routes: list[Route[T]] = []
        self.children: list[RouteNode[T]] = []


_Find: TypeAlias = Callable[[Event], bool | Values | None]
_Compiled: TypeAlias = tuple[_Find | None, T, Match[T] | None]


class Stop(NamedTuple, Generic[T]):
    """One router as events of one type meet it. ``letters`` finds those of many ``routes`` that could match; ``after``
    is the place of the stop behind all that are below it.

    ``late``: something is around it, or one of its filters is late.
    """

    node: RouteNode[T]
    around: tuple[T, ...]
    check: Check | None
    routes: tuple["_Compiled[T]", ...]
    letters: "FirstLetters[_Compiled[T]] | None"
    after: int
    late: bool


class Way(NamedTuple, Generic[T]):
    """The routers that events of one type meet, in order; none when nobody wants them.

    ``late``: who gets the event is only known when its turn has come.
    """

    stops: tuple[Stop[T], ...]
    late: bool


OnFilterError: TypeAlias = Callable[[T | RouteNode[T], Event, Exception], None]


class RouteTable(Generic[T]):
    """Finds the targets of an event.

    Routers are met in order, each before those that are below it. Where a router's filter says no, those below it are
    left out, too. A target that is registered for a base class gets all its subclasses. ``on_filter_error`` is told
    when a filter raised; whatever is behind it is left out for that event. Raises ``ValueError``, at the first event
    of a type, for a filter that looks at a field which the event has not.
    """

    def __init__(self, root: RouteNode[T], on_filter_error: "OnFilterError[T]") -> None:
        self._root, self._on_filter_error = root, on_filter_error
        self._ways: dict[type[Event], Way[T]] = {}

    def way(self, event_type: type[Event]) -> Way[T]:
        """The routers that events of this type meet."""
        way = self._ways.get(event_type)
        if way is None:
            stops = tuple(_stops(self._root, event_type, 0))
            way = self._ways[event_type] = Way(stops, any(stop.late for stop in stops))
        return way

    def match(self, event: Event, begin: int = 0, way: Way[T] | None = None) -> tuple[Sequence[Match[T]], int]:
        """The targets in the first router that has any, from the stop ``begin`` on, and where the next stop is.

        What is around a router is not looked at. ``way`` saves looking up the event's.
        """
        stops = (way or self.way(type(event))).stops
        at, end = begin, len(stops)
        while at < end:
            stop = stops[at]
            if stop.check is not None and not self.passes(stop, event):
                at = stop.after
                continue
            at += 1
            if stop.routes and (matching := self.matches_at(stop, event)):
                return matching, at
        return (), end

    def passes(self, stop: Stop[T], event: Event) -> bool:
        """Whether the router's own filter lets the event in."""
        try:
            return stop.check is None or stop.check(event)
        except Exception as error:  # noqa: BLE001 - a filter is a bot's code: the handler border
            self._on_filter_error(stop.node, event, error)
            return False

    def matches_at(self, stop: Stop[T], event: Event) -> Sequence[Match[T]]:
        """The router's own targets that want the event, in order."""
        matching: list[Match[T]] = []
        letters, routes = stop.letters, stop.routes
        if letters is not None:
            routes = letters.routes.get(letters.read(event)[: letters.length], letters.others)
        for find, target, match in routes:
            try:
                found = True if find is None else find(event)
            except Exception as error:  # noqa: BLE001 - a filter is a bot's code: the handler border
                self._on_filter_error(target, event, error)
                continue
            if found:
                matching.append(match or Match(target, cast("Values", found)))
        return matching


def _stops(node: RouteNode[T], event_type: type[Event], at: int) -> Iterator[Stop[T]]:
    """The router and all below it that events of this type concern; it gets the place ``at``."""
    around = tuple(one.target for one in node.around if issubclass(event_type, one.event_types))
    wanting = [one for one in node.routes if issubclass(event_type, one.event_types)]
    routes = tuple(_compiled(one, event_type) for one in wanting)
    below: list[Stop[T]] = []
    for child in node.children:
        below += _stops(child, event_type, at + 1 + len(below))
    if around or routes or below:
        check = node.filter.compile(event_type) if node.filter is not None and (routes or below) else None
        filters = [node.filter, *(one.filter for one in wanting)]
        beginnings = [one.filter.beginning if one.filter is not None else None for one in wanting]
        letters = index_routes(list(zip(routes, beginnings, strict=True)), event_type)
        late = bool(around) or any(one is not None and one.late for one in filters)
        yield Stop(node, around, check, routes, letters, at + 1 + len(below), late)
        yield from below


def _compiled(route: Route[T], event_type: type[Event]) -> _Compiled[T]:
    if route.filter is not None and route.captures:
        return route.filter.capture(event_type), route.target, None
    find = None if route.filter is None else route.filter.compile(event_type)
    return find, route.target, Match(route.target, None)
