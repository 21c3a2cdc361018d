"""What stands under ``settings:`` of a call agent in the YAML."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from botkit import sqlite_path
from bots.call_agent.hours import parse_hours, time_zone

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALL_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DIGITS = "0123456789*#"

Text: TypeAlias = Annotated[str, Meta(max_length=2_000)]
"""Sent as an instant message of at most 8192 bytes; a character takes up to four. Empty: nothing is said."""

_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=3_600)]


class AcceptRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Invitations that are accepted: to a channel that fits the pattern, on these days, in these hours.

    ``hours`` are local time of ``timezone``, from and until: ``09:00-17:30``; ``22:00-06:00`` goes on past midnight,
    and belongs to the day on which it begins; empty is all day.
    """

    channel: str = "*"
    hours: str = ""
    days: tuple[Day, ...] = ALL_DAYS
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if not self.channel.strip() or len(self.channel.encode()) > 128:
            raise ValueError(f"`channel` is {self.channel!r}: write a channel's name, or a pattern such as support-*")
        if not self.days:
            raise ValueError("`days` is empty: list some of mon, tue, …, or leave it out for all of them")
        if self.hours:
            parse_hours(self.hours)
        time_zone(self.timezone)


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a digit does: says something, goes into a menu, ends the call.

    ``say`` alone is followed by the same menu again; with ``menu`` or ``end`` it is said before.
    """

    say: Text = ""
    menu: "Menu | None" = None
    end: bool = False

    def __post_init__(self) -> None:
        if not self.say and self.menu is None and not self.end:
            raise ValueError("the choice does nothing: give it `say`, `menu` or `end: true`")
        if self.menu is not None and self.end:
            raise ValueError("the choice has both `menu` and `end`: the call cannot go on and end, drop one")


class Menu(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question and what the digits do.

    ``prompt`` is said each time that the menu begins. Without a digit for ``timeout_seconds``, or with one that is no
    choice, the caller is told and asked again, ``retries`` times in a row; then the call ends.
    """

    prompt: Text
    choices: dict[str | int, Choice]
    timeout_seconds: _Seconds = 10
    retries: Annotated[int, Meta(ge=0, le=100)] = 2
    on_invalid: Text = "That is not one of the choices."
    on_timeout: Text = "I did not get that."

    def __post_init__(self) -> None:
        if not self.prompt:
            raise ValueError("`prompt` is empty: say which digits there are")
        if not self.choices:
            raise ValueError('`choices` is empty: give at least one, such as "1": {say: "Hello."}')
        keys = [str(key) for key in self.choices]
        for key in keys:
            if len(key) != 1 or key not in DIGITS:
                raise ValueError(f'`choices` has {key!r}: a choice is one of the digits 0 to 9, "*" and "#"')
            if keys.count(key) > 1:
                raise ValueError(f"`choices` has {key!r} twice, as a number and as a text: drop one")

    def choice(self, digit: str) -> Choice | None:
        """What ``digit`` does here, or None. A YAML key may be the number or the text."""
        return self.choices.get(digit) or (self.choices.get(int(digit)) if digit.isdecimal() else None)


class CallAgentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it.

    An invitation is accepted if one of the ``accept`` rules takes it and fewer than ``max_calls`` calls are going on.
    The caller hears ``greeting``, goes through ``menu`` (without one, the call ends after the greeting) and hears
    ``farewell``. No call is longer than ``max_call_seconds``. ``database`` is where the call records are kept:
    ``sqlite:///`` and a path, relative to where botkit was started.
    """

    accept: Annotated[tuple[AcceptRule, ...], Meta(max_length=1_000)] = (AcceptRule(),)
    max_calls: Annotated[int, Meta(ge=1, le=1_000)] = 10
    greeting: Text = "Hello."
    menu: Menu | None = None
    farewell: Text = "Goodbye."
    max_call_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 300
    database: str = "sqlite:///var/calls.db"

    def __post_init__(self) -> None:
        if not self.accept:
            raise ValueError("`accept` is empty, so no call would be taken: give a rule, or leave it out for all calls")
        sqlite_path(self.database)  # raises ConfigError for what names no database
