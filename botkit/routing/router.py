"""The router: an index by event type, then filters. Its cost grows with the handlers that could match."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from botkit.events import Event
from botkit.routing.filters import Check, Filter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """A target, the events that it wants, and the filter's check (None: all of them)."""

    event_type: type[Event]
    target: T
    check: Check | None


OnFilterError: TypeAlias = Callable[[T, Event, Exception], None]


class Router(Generic[T]):
    """Finds the targets of an event, in the order of their registration.

    A target that is registered for a base class gets all its subclasses. ``on_filter_error`` is told when a
    filter raised; the target is left out for that event.
    """

    def __init__(self, on_filter_error: "OnFilterError[T]") -> None:
        self._on_filter_error = on_filter_error
        self._routes: list[Route[T]] = []
        self._by_type: dict[type[Event], tuple[tuple[Check | None, T], ...]] = {}

    def __len__(self) -> int:
        return len(self._routes)

    def add(self, event_type: type[Event], target: T, filter: Filter | None = None) -> None:
        """Register ``target``. Raises ``ValueError`` when the filter looks at a field that the event has not."""
        check = None if filter is None else filter.compile(event_type)
        self._routes.append(Route(event_type, target, check))
        self._by_type.clear()

    def wants(self, event_type: type[Event]) -> bool:
        """Whether any target takes events of this type, or of a type derived from it."""
        return any(
            issubclass(event_type, route.event_type) or issubclass(route.event_type, event_type)
            for route in self._routes
        )

    def match(self, event: Event) -> Sequence[T]:
        """The targets of ``event``, in order."""
        event_type = type(event)
        candidates = self._by_type.get(event_type)
        if candidates is None:
            candidates = self._by_type[event_type] = tuple(
                (route.check, route.target) for route in self._routes if issubclass(event_type, route.event_type)
            )
        matching: list[T] = []
        for check, target in candidates:
            try:
                if check is None or check(event):
                    matching.append(target)
            except Exception as error:  # noqa: BLE001 - a filter is a bot's code: the handler border
                self._on_filter_error(target, event, error)
        return matching
