"""Which events a handler wants: predicates on the fields of an event, to be combined.

::

    from botkit import filters as f

    @bot.on_channel_message(f.text.startswith("!") & ~f.account.is_("moderator"))
    @bot.on_invite(f.channel.glob("support-*") | f.account.regex(r"vip-\\d+"))
    @bot.on_message(f.where(InstantMessage, lambda message: len(message.text) > 500))

Filters are synchronous and cheap: they run for every event of their type. One that needs a field which the
event has not is refused when the handler is registered.
"""

import fnmatch
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from operator import attrgetter
from typing import TypeAlias, TypeVar, cast

from botkit.events import Event

Check: TypeAlias = Callable[[Event], bool]
E = TypeVar("E", bound=Event)


class Filter(ABC):
    """A yes or no for an event. ``&``, ``|`` and ``~`` combine filters; calling one applies it."""

    @abstractmethod
    def compile(self, event_type: type[Event]) -> Check:
        """The filter as a function for events of one type. Raises ``ValueError`` when that type lacks a field."""

    def __call__(self, event: Event) -> bool:
        """Whether the filter lets ``event`` through."""
        return self.compile(type(event))(event)

    def __and__(self, other: "Filter") -> "Filter":
        return _Both(self, other)

    def __or__(self, other: "Filter") -> "Filter":
        return _Either(self, other)

    def __invert__(self) -> "Filter":
        return _Not(self)

    def __bool__(self) -> bool:
        raise TypeError("a filter has no truth value of its own: combine filters with &, | and ~, not and, or, not")


class _Both(Filter):
    def __init__(self, left: Filter, right: Filter) -> None:
        self.left, self.right = left, right

    def compile(self, event_type: type[Event]) -> Check:
        left, right = self.left.compile(event_type), self.right.compile(event_type)
        return lambda event: left(event) and right(event)


class _Either(Filter):
    def __init__(self, left: Filter, right: Filter) -> None:
        self.left, self.right = left, right

    def compile(self, event_type: type[Event]) -> Check:
        left, right = self.left.compile(event_type), self.right.compile(event_type)
        return lambda event: left(event) or right(event)


class _Not(Filter):
    def __init__(self, inner: Filter) -> None:
        self.inner = inner

    def compile(self, event_type: type[Event]) -> Check:
        inner = self.inner.compile(event_type)
        return lambda event: not inner(event)


class _Where(Filter):
    def __init__(self, event_type: type[Event], predicate: Check) -> None:
        self.event_type, self.predicate = event_type, predicate

    def compile(self, event_type: type[Event]) -> Check:
        if not issubclass(event_type, self.event_type):
            raise ValueError(f"the filter is for {self.event_type.__name__}, which {event_type.__name__} is not")
        return self.predicate


class _FieldFilter(Filter):
    def __init__(self, field: "Field", test: Callable[[str], bool]) -> None:
        self.field, self.test = field, test

    def compile(self, event_type: type[Event]) -> Check:
        read, test = self.field.reader(event_type), self.test
        return lambda event: test(read(event))


class Field:
    """A text field of events, to make filters from. ``names`` are tried in order."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def reader(self, event_type: type[Event]) -> Callable[[Event], str]:
        """How to read the field from an event of this type. Raises ``ValueError`` when there is none."""
        for name in self.names:
            if name in event_type.__struct_fields__:
                return attrgetter(name)
        raise ValueError(f"the filter looks at {self.names[0]}, but {event_type.__name__} has none")

    def is_(self, value: str) -> Filter:
        """Equal to ``value``."""
        return _FieldFilter(self, value.__eq__)

    def in_(self, *values: str) -> Filter:
        """Equal to one of ``values``."""
        return _FieldFilter(self, frozenset(values).__contains__)

    def startswith(self, *prefixes: str) -> Filter:
        """Begins with one of ``prefixes``."""
        return _FieldFilter(self, lambda text: text.startswith(prefixes))

    def endswith(self, *suffixes: str) -> Filter:
        """Ends with one of ``suffixes``."""
        return _FieldFilter(self, lambda text: text.endswith(suffixes))

    def contains(self, part: str) -> Filter:
        """Has ``part`` somewhere in it."""
        return _FieldFilter(self, lambda text: part in text)

    def regex(self, pattern: str | re.Pattern[str]) -> Filter:
        """``pattern`` is found somewhere in it (``re.search``). Raises ``re.error`` for a pattern that is none."""
        search = re.compile(pattern).search
        return _FieldFilter(self, lambda text: search(text) is not None)

    def glob(self, pattern: str) -> Filter:
        """Matches a shell pattern as a whole, with case: ``*``, ``?``, ``[abc]``, ``[!abc]``."""
        match = re.compile(fnmatch.translate(pattern)).match
        return _FieldFilter(self, lambda text: match(text) is not None)


text = Field("text")
"""The text of a message."""

account = Field("account", "peer")
"""Whom the event is about: the sender, the joiner; in a call the other side."""

channel = Field("channel")
"""The channel where it happened."""

digits = Field("digits")
"""The DTMF digits of ``DigitsPressed``."""

extra = Field("extra")
"""The JSON text that came with a call event."""

name = Field("name")
"""The name of the attribute of ``ChannelAttributeUpdated``."""

value = Field("value")
"""The value of the attribute of ``ChannelAttributeUpdated``."""

reason = Field("reason")
"""Why somebody is gone: ``UserOffline``, ``MemberLeft``."""


def where(event_type: type[E], predicate: Callable[[E], bool]) -> Filter:
    """Any predicate on events of ``event_type``; it must be quick and must not block."""
    return _Where(event_type, cast("Check", predicate))  # compile() lets it meet nothing else
