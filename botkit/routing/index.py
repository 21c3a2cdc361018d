"""Which of many routes an event could match, by the first letters of one of its fields: one look-up for all of them.

Commands are typically told apart by how a text begins. Where several routes of a router say so
(:class:`~botkit.routing.filters.Beginning`), those that cannot match are not asked at all; the others are asked as
before, in their order.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from botkit.events import Event
from botkit.routing.filters import Beginning, Field

R = TypeVar("R")

WORTHWHILE = 3
"""So many routes that could be told apart: with fewer the look-up costs more than it saves."""


class FirstLetters(NamedTuple, Generic[R]):
    """Routes, in their order, by the first ``length`` letters of what ``read`` reads.

    ``others`` are those that an event could match whose letters are no route's.
    """

    read: Callable[[Event], str]
    length: int
    routes: dict[str, tuple[R, ...]]
    others: tuple[R, ...]


def index_routes(routes: Sequence[tuple[R, Beginning | None]], event_type: type[Event]) -> FirstLetters[R] | None:
    """The index of a router's routes for events of one type; None where it would not help."""
    field = next(
        (beginning.field for _, beginning in routes if beginning is not None and all(beginning.prefixes)), None
    )
    if field is None:
        return None
    of_field = [(route, _prefixes(beginning, field)) for route, beginning in routes]
    known = [prefix for _, prefixes in of_field for prefix in prefixes or ()]
    if sum(prefixes is not None for _, prefixes in of_field) < WORTHWHILE:
        return None
    length = min(map(len, known))
    table = {letters: tuple(_routes_for(of_field, letters)) for letters in {prefix[:length] for prefix in known}}
    others = tuple(route for route, prefixes in of_field if prefixes is None)
    return FirstLetters(field.reader(event_type), length, table, others)


def _prefixes(beginning: Beginning | None, field: Field) -> tuple[str, ...] | None:
    """What a route's field begins with; None for a route that must always be asked."""
    if beginning is None or beginning.field is not field or not all(beginning.prefixes):
        return None
    return beginning.prefixes


def _routes_for(of_field: Sequence[tuple[R, tuple[str, ...] | None]], letters: str) -> Iterator[R]:
    for route, prefixes in of_field:
        if prefixes is None or any(prefix.startswith(letters) for prefix in prefixes):
            yield route
