"""The table of routes: who gets an event, in which order, and what it looks at."""

import re
from collections.abc import Callable
from random import Random

import pytest
from msgspec import structs

from botkit.events import (
    CallEvent,
    CallInvited,
    ChannelMessage,
    DigitsPressed,
    Event,
    InstantMessage,
)
from botkit.routing import filters as f
from botkit.routing.table import Route, RouteNode, RouteTable
from botkit.types import Account, ChannelName, Uid

MESSAGE = ChannelMessage(
    channel=ChannelName("lobby"), account=Account("ann"), uid=Uid(1), text="hi", ms=0, message_id=1
)
PRESSED = DigitsPressed(call=1, channel=ChannelName("c"), peer=Account("bob"), digits="1")


def raising(_target: str | RouteNode[str], _event: Event, error: Exception) -> None:
    raise error


def node(
    name: str, *routes: tuple[type[Event], str, f.Filter | None], filter: f.Filter | None = None
) -> RouteNode[str]:
    made = RouteNode[str](name, filter)
    made.routes = [Route((event_type,), target, filter) for event_type, target, filter in routes]
    return made


def first(table: RouteTable[str], event: Event) -> list[str]:
    """The targets in the first router that has any."""
    return [target for target, _ in table.match(event)[0]]


def all_in_turn(table: RouteTable[str], event: Event) -> list[list[str]]:
    """The targets of each router that has any, if each lets the event go on."""
    found: list[list[str]] = []
    at = 0
    while True:
        matching, at = table.match(event, at)
        if not matching:
            return found
        found.append([target for target, _ in matching])


@pytest.mark.row("B01")
def test_an_event_finds_the_targets_of_its_type_in_order() -> None:
    root = node("r", (ChannelMessage, "a", None), (InstantMessage, "b", None), (Event, "c", None))
    root.routes.append(Route((ChannelMessage,), "d"))
    table = RouteTable(root, raising)
    assert first(table, MESSAGE) == ["a", "c", "d"]
    assert first(table, PRESSED) == ["c"]


def test_a_base_class_takes_what_derives_from_it() -> None:
    table = RouteTable(node("r", (CallEvent, "call", None)), raising)
    assert first(table, PRESSED) == ["call"]
    assert first(table, MESSAGE) == []


def test_filters_decide() -> None:
    table = RouteTable(
        node("r", (ChannelMessage, "hi", f.text.is_("hi")), (ChannelMessage, "ho", f.text.is_("ho"))), raising
    )
    assert first(table, MESSAGE) == ["hi"]


def test_only_filters_of_the_type_are_asked() -> None:
    asked: list[str] = []

    def ask(event: Event) -> bool:
        asked.append(type(event).__name__)
        return True

    root = node("r", (ChannelMessage, "a", f.where(Event, ask)))
    root.routes += [Route((InstantMessage,), "b", f.where(Event, ask))] * 100
    RouteTable(root, raising).match(MESSAGE)
    assert asked == ["ChannelMessage"]


@pytest.mark.row("B14")
def test_a_filter_that_raises_costs_its_own_target_that_event() -> None:
    errors: list[tuple[str, Event, Exception]] = []

    def broken(_event: Event) -> bool:
        raise KeyError("x")

    def note(whose: str | RouteNode[str], event: Event, error: Exception) -> None:
        errors.append((whose if isinstance(whose, str) else whose.name, event, error))

    root = node("r", (ChannelMessage, "a", f.where(Event, broken)), (ChannelMessage, "b", None))
    below = node("broken", (ChannelMessage, "c", None), filter=f.where(Event, broken))
    root.children = [below, node("fine", (ChannelMessage, "d", None))]
    assert all_in_turn(RouteTable(root, note), MESSAGE) == [["b"], ["d"]]
    assert [(whose, event, repr(error)) for whose, event, error in errors] == [
        (whose, MESSAGE, "KeyError('x')") for whose in ("a", "broken")
    ]


@pytest.mark.row("B03")
def test_routers_are_met_in_order_each_before_those_below_it() -> None:
    root = node("root", (ChannelMessage, "root", None))
    one = node("one", (ChannelMessage, "one", None))
    one.children = [node("one a", (ChannelMessage, "one a", None)), node("one b", (ChannelMessage, "one b", None))]
    two = node("two", (ChannelMessage, "two", None), (ChannelMessage, "two again", None))
    root.children = [one, node("other", (InstantMessage, "other", None)), two]
    table = RouteTable(root, raising)
    assert all_in_turn(table, MESSAGE) == [["root"], ["one"], ["one a"], ["one b"], ["two", "two again"]]
    assert len(table.way(ChannelMessage).stops) == 5
    assert table.way(DigitsPressed).stops == ()


@pytest.mark.row("B03")
def test_where_a_router_says_no_those_below_are_left_out() -> None:
    asked: list[str] = []

    def yes(event: Event) -> bool:
        asked.append("asked")
        return True

    root = RouteNode[str]("root")
    closed = node("closed", (ChannelMessage, "closed", None), filter=f.channel.is_("help"))
    closed.children = [node("below", (ChannelMessage, "below", f.where(Event, yes)))]
    open_ = node("open", filter=f.channel.is_("lobby"))
    open_.children = [node("found", (ChannelMessage, "found", None))]
    root.children = [closed, open_]
    assert all_in_turn(RouteTable(root, raising), MESSAGE) == [["found"]]
    assert asked == []


def test_a_target_gets_what_its_filter_found() -> None:
    root = RouteNode[str]("root")
    root.routes = [
        Route((ChannelMessage,), "wants", f.text.regex("h(.)"), captures=True),
        Route((ChannelMessage,), "does not", f.text.regex("h(.)")),
        Route((ChannelMessage,), "not met", f.text.regex("x"), captures=True),
    ]
    wants, does_not = RouteTable(root, raising).match(MESSAGE)[0]
    assert wants.values is not None
    match = wants.values[re.Match[str]]
    assert isinstance(match, re.Match)
    assert match[1] == "i"
    assert (does_not.target, does_not.values) == ("does not", None)


def test_what_is_around_a_router_is_there_for_its_events_whether_or_not_they_are_wanted() -> None:
    root = node("root", (ChannelMessage, "a", None))
    root.around = [Route((CallEvent, InstantMessage), "around")]
    table = RouteTable(root, raising)
    assert not table.way(ChannelMessage).late
    way = table.way(CallInvited)
    assert way.late
    assert [stop.around for stop in way.stops] == [("around",)]


PIECES = ("", "!", "!a", "!ab", "!b", "x", "a", "é")


def random_filter(random: Random, depth: int = 0) -> f.Filter:
    pieces = random.sample(PIECES, random.randint(1, 3))
    kinds: list[Callable[[], f.Filter]] = [
        lambda: f.text.startswith(*pieces),
        lambda: f.text.is_(pieces[0]),
        lambda: f.text.in_(*pieces),
        lambda: f.account.startswith(pieces[0]),
        lambda: f.text.contains(pieces[0]),
    ]
    if depth < 2:
        kinds += [
            lambda: random_filter(random, depth + 1) & random_filter(random, depth + 1),
            lambda: random_filter(random, depth + 1) | random_filter(random, depth + 1),
            lambda: ~random_filter(random, depth + 1),
        ]
    return random.choice(kinds)()


@pytest.mark.parametrize("seed", range(100))
def test_targets_are_the_same_as_if_every_filter_were_asked(seed: int) -> None:
    random = Random(seed)
    some = [random_filter(random) for _ in range(random.randint(1, 12))]
    filters = [None if random.random() < 0.2 else one for one in some]
    table = RouteTable(node("all", *((ChannelMessage, str(n), one) for n, one in enumerate(filters))), raising)
    for text in (*PIECES, "!abc", "!aa", "ax", "!x", "éa"):
        for account in ("ann", "x", "!a"):
            message = structs.replace(MESSAGE, text=text, account=Account(account))
            expected = [str(n) for n, one in enumerate(filters) if one is None or one(message)]
            assert first(table, message) == expected


def test_of_many_commands_only_those_are_asked_that_could_be_meant() -> None:
    asked: list[str] = []

    def ask(name: str) -> f.Filter:
        def answer(_message: ChannelMessage) -> bool:
            asked.append(name)
            return True

        return f.where(ChannelMessage, answer)

    routes = [(ChannelMessage, name, f.text.startswith(f"!{name} ") & ask(name)) for name in ("one", "two", "three")]
    table = RouteTable(node("all", *routes, (ChannelMessage, "any", ask("any"))), raising)
    assert first(table, structs.replace(MESSAGE, text="!three any")) == ["three", "any"]
    assert asked == ["three", "any"]
    assert first(table, structs.replace(MESSAGE, text="?")) == ["any"]
    assert asked == ["three", "any", "any"]
