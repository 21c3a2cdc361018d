"""Which events a handler wants: predicates on the fields of an event, to be combined. The guide's chapter on filters.

A filter is made from a field: ``text``, ``account``, ``channel``, ``digits``, ``extra``, ``name``, ``value``,
``reason``. ``&``, ``|`` and ``~`` combine filters; several that stand side by side must all say yes::

    import re

    from msgspec import Struct
    from trio.testing import MockClock

    from botkit import Bot, CallInvited, ChannelMessage, Context, InstantMessage, filters as f
    from botkit.testing import open_world

    bot = Bot("croupier")


    @bot.on_invite(f.channel.glob("support-*") | f.account.regex(r"^vip-\\d+$"))
    async def answer(invite: CallInvited, ctx: Context) -> None:
        await ctx.call.accept()


    @bot.on_message(f.where(InstantMessage, lambda message: len(message.text) > 500))
    async def too_long(message: InstantMessage, ctx: Context) -> None:
        await ctx.reply("shorter, please")

The keywords ``channel``, ``account`` and ``text`` of the decorators are short for ``glob``::

    @bot.on_channel_message(~f.account.is_("moderator"), text="rules*")
    async def rules(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply("there is one rule")

A filter may also find a value, which the handler then asks for by its type: ``regex`` finds the ``re.Match[str]``, and
``extract`` whatever your function finds::

    class Bet(Struct, frozen=True):
        coins: int


    def read_bet(message: InstantMessage) -> Bet | None:
        word, _, coins = message.text.partition(" ")
        return Bet(int(coins)) if word == "bet" and coins.isdecimal() else None


    @bot.on_channel_message(f.text.regex(r"^roll (\\d+)$"))
    async def roll(message: ChannelMessage, ctx: Context, match: re.Match[str]) -> None:
        await ctx.reply(f"a die with {match[1]} sides")


    @bot.on_message(f.extract(InstantMessage, Bet, read_bet))
    async def take(message: InstantMessage, ctx: Context, bet: Bet) -> None:
        await ctx.reply(f"{bet.coins} on red")


    async def test_croupier(autojump_clock: MockClock) -> None:
        async with open_world(bot) as world:
            ann = await world.user("ann", channel="lobby")
            await ann.say("roll 20")
            await ann.expect_text("a die with 20 sides")
            await ann.say("rules?")
            await ann.expect_text("there is one rule")
            await ann.tell("croupier", "bet 5")
            await ann.expect_text("5 on red")
            await ann.tell("croupier", "x" * 501)
            await ann.expect_text("shorter, please")
            await ann.call("croupier", channel="support-1")
            await ann.wait_answered()

Filters are synchronous and cheap: they run for every event of their type. One that needs a field which the
event has not is refused when the handler is registered. ``and``, ``or`` and ``not`` are refused as well: Python would
ask a filter for its truth, and it has none before there is an event.
"""

import fnmatch
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import NamedTuple, TypeAlias, TypeVar, cast

from botkit.events import Event

Check: TypeAlias = Callable[[Event], bool]
Values: TypeAlias = Mapping[object, object]
"""What filters found in one event, by type."""
Capture: TypeAlias = Callable[[Event], Values | None]
"""A filter that says yes with its values, and no with None."""
E = TypeVar("E", bound=Event)
V = TypeVar("V")

_NOTHING: Values = {}


class Filter(ABC):
    """A yes or no for an event. ``&``, ``|`` and ``~`` combine filters; calling one applies it."""

    @property
    def late(self) -> bool:
        """Whether its answer depends on more than the event: then it is asked when the event's turn has come."""
        return False

    @property
    def gives(self) -> tuple[object, ...]:
        """The types of the values that it has whenever it says yes; one that is there twice is ambiguous."""
        return ()

    @property
    def beginning(self) -> "Beginning | None":
        """What a field must begin with for a yes, if that is known; nothing is missed where it is not asked else."""
        return None

    @abstractmethod
    def compile(self, event_type: type[Event]) -> Check:
        """The filter as a function for events of one type. Raises ``ValueError`` when that type lacks a field."""

    def capture(self, event_type: type[Event]) -> Capture:
        """Like ``compile``, but it hands over the values, too."""
        check = self.compile(event_type)
        return lambda event: _NOTHING if check(event) else None

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

    @property
    def beginning(self) -> "Beginning | None":
        return self.left.beginning  # the right one is not asked where the left one says no, but the left one always is

    @property
    def late(self) -> bool:
        return self.left.late or self.right.late

    @property
    def gives(self) -> tuple[object, ...]:
        return (*self.left.gives, *self.right.gives)

    def compile(self, event_type: type[Event]) -> Check:
        left, right = self.left.compile(event_type), self.right.compile(event_type)
        return lambda event: left(event) and right(event)

    def capture(self, event_type: type[Event]) -> Capture:
        left, right = self.left.capture(event_type), self.right.capture(event_type)

        def both(event: Event) -> Values | None:
            found = left(event)
            more = None if found is None else right(event)
            return None if found is None or more is None else {**found, **more}

        return both


class _Either(Filter):
    def __init__(self, left: Filter, right: Filter) -> None:
        self.left, self.right = left, right

    @property
    def beginning(self) -> "Beginning | None":
        left, right = self.left.beginning, self.right.beginning
        if left is None or right is None or left.field is not right.field:
            return None
        return Beginning(left.field, (*left.prefixes, *right.prefixes))

    @property
    def late(self) -> bool:
        return self.left.late or self.right.late

    @property
    def gives(self) -> tuple[object, ...]:
        return tuple(value for value in self.left.gives if value in self.right.gives)

    def compile(self, event_type: type[Event]) -> Check:
        left, right = self.left.compile(event_type), self.right.compile(event_type)
        return lambda event: left(event) or right(event)

    def capture(self, event_type: type[Event]) -> Capture:
        left, right = self.left.capture(event_type), self.right.capture(event_type)

        def either(event: Event) -> Values | None:
            found = left(event)
            return right(event) if found is None else found

        return either


class _Not(Filter):
    def __init__(self, inner: Filter) -> None:
        self.inner = inner

    @property
    def late(self) -> bool:
        return self.inner.late

    def compile(self, event_type: type[Event]) -> Check:
        inner = self.inner.compile(event_type)
        return lambda event: not inner(event)


class _Where(Filter):
    def __init__(self, event_type: type[Event], predicate: Check) -> None:
        self.event_type, self.predicate = event_type, predicate

    def compile(self, event_type: type[Event]) -> Check:
        _require(event_type, self.event_type)
        return self.predicate


class _Extract(Filter):
    def __init__(self, event_type: type[Event], value_type: object, function: Callable[[Event], object]) -> None:
        self.event_type, self.value_type, self.function = event_type, value_type, function

    @property
    def gives(self) -> tuple[object, ...]:
        return (self.value_type,)

    def compile(self, event_type: type[Event]) -> Check:
        _require(event_type, self.event_type)
        function = self.function
        return lambda event: function(event) is not None

    def capture(self, event_type: type[Event]) -> Capture:
        _require(event_type, self.event_type)
        function, value_type = self.function, self.value_type

        def extract(event: Event) -> Values | None:
            value = function(event)
            return None if value is None else {value_type: value}

        return extract


class _FieldFilter(Filter):
    """``make`` gets what reads the field, and returns the check: one call less per event than a test of its own."""

    def __init__(
        self, field: "Field", make: Callable[[Callable[[Event], str]], Check], prefixes: tuple[str, ...] = ()
    ) -> None:
        self.field, self.make, self.prefixes = field, make, prefixes

    @property
    def beginning(self) -> "Beginning | None":
        return Beginning(self.field, self.prefixes) if self.prefixes else None

    def compile(self, event_type: type[Event]) -> Check:
        return self.make(self.field.reader(event_type))


class _RegexFilter(Filter):
    def __init__(self, field: "Field", search: Callable[[str], re.Match[str] | None]) -> None:
        self.field, self.search = field, search

    @property
    def gives(self) -> tuple[object, ...]:
        return (re.Match[str],)

    def compile(self, event_type: type[Event]) -> Check:
        read, search = self.field.reader(event_type), self.search
        return lambda event: search(read(event)) is not None

    def capture(self, event_type: type[Event]) -> Capture:
        read, search = self.field.reader(event_type), self.search

        def capture(event: Event) -> Values | None:
            match = search(read(event))
            return None if match is None else {re.Match[str]: match}

        return capture


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
        return _FieldFilter(self, lambda read: lambda event: read(event) == value, (value,))

    def in_(self, *values: str) -> Filter:
        """Equal to one of ``values``."""
        wanted = frozenset(values)
        return _FieldFilter(self, lambda read: lambda event: read(event) in wanted, values)

    def startswith(self, *prefixes: str) -> Filter:
        """Begins with one of ``prefixes``."""
        return _FieldFilter(self, lambda read: lambda event: read(event).startswith(prefixes), prefixes)

    def endswith(self, *suffixes: str) -> Filter:
        """Ends with one of ``suffixes``."""
        return _FieldFilter(self, lambda read: lambda event: read(event).endswith(suffixes))

    def contains(self, part: str) -> Filter:
        """Has ``part`` somewhere in it."""
        return _FieldFilter(self, lambda read: lambda event: part in read(event))

    def regex(self, pattern: str | re.Pattern[str]) -> Filter:
        """``pattern`` is found somewhere in it (``re.search``); gives the ``re.Match[str]``.

        Raises ``re.error`` for a pattern that is none.
        """
        return _RegexFilter(self, re.compile(pattern).search)

    def glob(self, pattern: str) -> Filter:
        """Matches a shell pattern as a whole, with case: ``*``, ``?``, ``[abc]``, ``[!abc]``."""
        match = re.compile(fnmatch.translate(pattern)).match
        return _FieldFilter(self, lambda read: lambda event: match(read(event)) is not None)


class Beginning(NamedTuple):
    """A field begins with one of these, or the filter says no."""

    field: Field
    prefixes: tuple[str, ...]


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


def extract(event_type: type[E], value_type: type[V], function: Callable[[E], V | None]) -> Filter:
    """Events of ``event_type`` in which ``function`` finds a value, which a handler asks for by ``value_type``.

    None means no. ``function`` must be quick and must not block.
    """
    return _Extract(event_type, value_type, cast("Callable[[Event], object]", function))


def _require(event_type: type[Event], wanted: type[Event]) -> None:
    if not issubclass(event_type, wanted):
        raise ValueError(f"the filter is for {wanted.__name__}, which {event_type.__name__} is not")
