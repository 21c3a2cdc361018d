"""Arguments: which parameters they are, what fits them, and what is said when something does not."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from botkit import Account, ChannelName, Context, RestOfLine
from botkit.app.commands.arguments import WrongArguments, parse_arguments, read_arguments
from botkit.app.commands.command import read_command
from botkit.app.commands.durations import MAX_DURATION, format_duration, parse_duration
from botkit.app.signatures import read_signature
from botkit.errors import HandlerError

Handler = Callable[..., Awaitable[None]]


class Colour(Enum):
    RED = "red"
    DARK_BLUE = "dark-blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


async def kick(ctx: Context, account: Account, reason: RestOfLine = "") -> None: ...
async def roll(dice: int, sides: Annotated[int, Meta(ge=2, le=100)] = 6) -> None: ...
async def factor(number: float, on: bool | None = None) -> None: ...
async def paint(colour: Colour, level: Level = Level.LOW) -> None: ...
async def switch(state: Literal["on", "off"], number: Literal[1, 2] = 1) -> None: ...
async def mute(time: timedelta, channel: ChannelName) -> None: ...
async def many(accounts: list[Account]) -> None: ...
async def some(first: str, words: list[str] | None = None) -> None: ...
async def star(first: int, *numbers: int) -> None: ...
async def say(text: RestOfLine, *, ctx: Context) -> None: ...
async def nothing(ctx: Context) -> None: ...
async def word(name: Annotated[str, Meta(max_length=3)]) -> None: ...


def parse(handler: Handler, line: str) -> dict[str, object]:
    return dict(parse_arguments(read_arguments(read_signature(handler, variadic=True)), line, 0))


@pytest.mark.row("B23")
@pytest.mark.parametrize(
    ("handler", "line", "values"),
    [
        (kick, "ann", {"account": "ann", "reason": ""}),
        (kick, 'ann  he said "no"  ', {"account": "ann", "reason": 'he said "no"'}),
        (roll, "3", {"dice": 3, "sides": 6}),
        (roll, "-3 100", {"dice": -3, "sides": 100}),
        (roll, "+999999999999999999 2", {"dice": 999999999999999999, "sides": 2}),
        (factor, "1.5", {"number": 1.5, "on": None}),
        (factor, "1e3 Yes", {"number": 1000.0, "on": True}),
        (factor, "2 OFF", {"number": 2.0, "on": False}),
        (paint, "RED", {"colour": Colour.RED, "level": Level.LOW}),
        (paint, "dark_blue high", {"colour": Colour.DARK_BLUE, "level": Level.HIGH}),
        (paint, "dark-blue 2", {"colour": Colour.DARK_BLUE, "level": Level.HIGH}),
        (switch, "off 2", {"state": "off", "number": 2}),
        (mute, "1h30m lobby", {"time": timedelta(minutes=90), "channel": "lobby"}),
        (mute, '2d "my room"', {"time": timedelta(days=2), "channel": "my room"}),
        (many, "ann bob", {"accounts": ["ann", "bob"]}),
        (some, '"a b"', {"first": "a b", "words": None}),
        (some, "a b c", {"first": "a", "words": ["b", "c"]}),
        (star, "1", {"first": 1, "numbers": []}),
        (star, "1 2 3", {"first": 1, "numbers": [2, 3]}),
        (say, " hello \n world ", {"text": "hello \n world"}),
        (nothing, "", {}),
        (word, "abc", {"name": "abc"}),
    ],
)
def test_what_fits(handler: Handler, line: str, values: dict[str, object]) -> None:
    assert parse(handler, line) == values


@pytest.mark.row("B23")
@pytest.mark.parametrize(
    ("handler", "line", "problem"),
    [
        (kick, "", "account is missing: it is an account"),
        (kick, f"{'a' * 129}", "is no account: account too large"),
        (kick, '"a b"', "account: 'a b' is no account: account has a blank"),
        (roll, "x", "dice: 'x' is not a whole number"),
        (roll, "1.5", "dice: '1.5' is not a whole number"),
        (roll, "1234567890123456789", "is not a whole number"),
        (roll, "1_000", "is not a whole number"),
        (roll, "١", "is not a whole number"),
        (roll, "1 1", "sides: '1' is not a whole number of at least 2 and at most 100"),
        (roll, "1 101", "sides: '101' is not a whole number of at least 2 and at most 100"),
        (roll, "1 2 3", "'3' is more than it takes"),
        (factor, "nan", "number: 'nan' is not a number"),
        (factor, "1e999", "number: '1e999' is not a number"),
        (factor, "1 maybe", "on: 'maybe' is not yes or no"),
        (paint, "green", "colour: 'green' is none of red, dark-blue"),
        (paint, "red middle", "level: 'middle' is none of low, high"),
        (switch, "On", "state: 'On' is none of on, off"),
        (mute, "10 lobby", "time: '10' is not a duration like 90s, 10m, 1h30m or 2d"),
        (mute, "0s lobby", "time: '0s' is not a duration"),
        (mute, '1s ""', "channel: '' is no channel"),
        (many, "", "accounts is missing: it is an account"),
        (star, "1 2 x", "numbers: 'x' is not a whole number"),
        (say, "  ", "text is missing: it is text"),
        (nothing, "x", "'x' is more than it takes"),
        (kick, '"ann', "a double quote needs another one"),
        (nothing, "y" * 50, f"'{'y' * 40}' is more than it takes"),
        (roll, "y" * 50, f"dice: '{'y' * 40}…' is not a whole number"),
        (word, "abcd", "name: 'abcd' does not fit: Expected `str` of length <= 3"),
    ],
)
def test_what_does_not_fit(handler: Handler, line: str, problem: str) -> None:
    with pytest.raises(WrongArguments) as caught:
        parse(handler, line)
    assert problem in str(caught.value)


@pytest.mark.row("B23")
@pytest.mark.parametrize(
    ("handler", "usage"),
    [
        (kick, "!kick <account> [reason …]"),
        (roll, "!roll <dice> [sides]"),
        (factor, "!factor <number> [yes|no]"),
        (paint, "!paint <red|dark-blue> [low|high]"),
        (switch, "!switch <on|off> [1|2]"),
        (many, "!many <accounts …>"),
        (star, "!star <first> [numbers …]"),
        (say, "!say <text …>"),
        (nothing, "!nothing"),
    ],
)
def test_usage(handler: Handler, usage: str) -> None:
    name = handler.__name__
    assert read_command(name, (), (), read_signature(handler, variadic=True)).usage("!") == usage


async def after_many(accounts: list[Account], number: int = 0) -> None: ...
async def after_rest(text: RestOfLine, number: int = 0) -> None: ...
async def optional_first(number: int | None, text: str) -> None: ...
async def keyword(*, number: int) -> None: ...
async def star_of_contexts(*contexts: Context) -> None: ...


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (after_many, "parameter number: accounts takes all that could be left for it"),
        (after_rest, "parameter number: text takes all that could be left for it"),
        (optional_first, "parameter text: it is needed, and number before it is not"),
        (keyword, "parameter number: an argument is a plain parameter"),
        (star_of_contexts, r"parameter \*contexts: Context is nothing that can be written"),
    ],
)
def test_parameters_that_are_refused(handler: Handler, problem: str) -> None:
    with pytest.raises(HandlerError, match=problem):
        read_arguments(read_signature(handler, variadic=True))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ({"name": ""}, "one word"),
        ({"name": "a b"}, "one word"),
        ({"name": "a", "aliases": ("a\n",)}, "one word"),
        ({"name": "a", "aliases": "ab"}, "several words"),
        ({"name": "a", "roles": "admin"}, "several words"),
    ],
)
def test_names_that_are_refused(names: Any, problem: str) -> None:
    with pytest.raises(HandlerError, match=problem):
        read_command(**{"aliases": (), "roles": (), **names}, signature=read_signature(nothing))


@given(st.integers(1, int(MAX_DURATION.total_seconds())))
def test_a_duration_is_read_as_it_is_written(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


def test_durations() -> None:
    assert parse_duration("1w2d3h4m5s") == timedelta(days=9, hours=3, minutes=4, seconds=5)
    assert format_duration(timedelta(seconds=90)) == "1m30s"
    assert format_duration(timedelta(milliseconds=500)) == "0s"
    assert parse_duration("36500d") == MAX_DURATION
    for text in ("", "5", "s", "1m1h", "-1s", "1.5h", "36501d", "1 m", "1M"):
        with pytest.raises(ValueError, match=r"is no duration|too long"):
            parse_duration(text)
