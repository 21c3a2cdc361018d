"""Filters: each one, and their combinations."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.events import CallInvited, ChannelMessage, DigitsPressed, Event, InstantMessage, MemberLeft, UserOnline
from botkit.routing import filters as f
from botkit.types import Account, ChannelName, Uid


def message(text: str = "!hello", account: str = "ann", channel: str = "room-1") -> ChannelMessage:
    return ChannelMessage(
        channel=ChannelName(channel), account=Account(account), uid=Uid(1), text=text, ms=0, message_id=1
    )


@pytest.mark.row("B02")
@pytest.mark.parametrize(
    ("filter", "yes", "no"),
    [
        (f.text.startswith("!"), "!x", "x!"),
        (f.text.startswith("!", "/"), "/x", "x"),
        (f.text.endswith("?"), "what?", "?what"),
        (f.text.endswith("?", "!"), "what!", "what."),
        (f.text.contains("spam"), "no spam here", "no Spam"),
        (f.text.is_("stop"), "stop", "stop "),
        (f.text.in_("stop", "end"), "end", "ending"),
        (f.text.regex(r"^\d+$"), "123", "12a"),
        (f.text.regex(r"b+"), "abba", "aa"),
        (f.text.glob("a*[0-9]?"), "abc1x", "xabc1x"),
        (f.text.glob("a*"), "a\nb", "A"),
        (f.where(ChannelMessage, lambda event: len(event.text) > 3), "four", "six"),
    ],
)
def test_each_filter(filter: f.Filter, yes: str, no: str) -> None:
    assert filter(message(yes))
    assert not filter(message(no))


@pytest.mark.row("B02")
@given(left=st.booleans(), right=st.booleans())
def test_truth_table_of_combinations(left: bool, right: bool) -> None:
    a, b = f.where(Event, lambda _: left), f.where(Event, lambda _: right)
    event = message()
    assert (a & b)(event) is (left and right)
    assert (a | b)(event) is (left or right)
    assert (~a)(event) is (not left)
    assert (~a & b | a & ~b)(event) is (left != right)


def test_the_second_filter_is_asked_only_when_it_decides() -> None:
    def never(_event: Event) -> bool:
        raise AssertionError

    no, yes = f.text.is_("x"), f.text.is_("!hello")
    assert not (no & f.where(Event, never))(message())
    assert (yes | f.where(Event, never))(message())


def test_account_is_the_other_side_of_a_call() -> None:
    invited = CallInvited(
        call=1, channel=ChannelName("support-3"), peer=Account("bob"), uid=Uid(2), extra='{"a":1}', ms=0
    )
    assert f.account.is_("bob")(invited)
    assert f.channel.glob("support-*")(invited)
    assert f.extra.contains("a")(invited)


def test_fields_of_other_events() -> None:
    pressed = DigitsPressed(call=1, channel=ChannelName("c"), peer=Account("bob"), digits="12#")
    left = MemberLeft(
        account=Account("ann"), uid=Uid(1), ms=0, epoch="e", seq=1, channel=ChannelName("lobby"), reason="moved"
    )
    assert f.digits.endswith("#")(pressed)
    assert f.reason.in_("moved", "leave")(left)


@pytest.mark.parametrize(
    ("filter", "event_type", "field"),
    [
        (f.text.is_("x"), UserOnline, "text"),
        (f.channel.is_("x"), InstantMessage, "channel"),
        (~f.digits.is_("1") | f.account.is_("x"), ChannelMessage, "digits"),
        (f.account.is_("x") & f.reason.is_("x"), ChannelMessage, "reason"),
        (f.account.is_("x"), Event, "account"),
    ],
)
def test_a_field_that_the_event_has_not(filter: f.Filter, event_type: type[Event], field: str) -> None:
    with pytest.raises(ValueError, match=rf"looks at {field}, but {event_type.__name__} has none"):
        filter.compile(event_type)


@pytest.mark.parametrize("combine", ["a and b", "a or b", "not a"])
def test_and_or_not_are_refused(combine: str) -> None:
    with pytest.raises(TypeError, match=r"&, \| and ~"):
        eval(combine, {"a": f.text.is_("a"), "b": f.text.is_("b")})


def test_a_predicate_is_for_its_type_of_event() -> None:
    long = f.where(ChannelMessage, lambda message: len(message.text) > 3)
    with pytest.raises(ValueError, match="for ChannelMessage, which InstantMessage is not"):
        long.compile(InstantMessage)


WORD, NUMBER = f.text.regex("[a-z]+"), f.extract(ChannelMessage, int, lambda message: len(message.text) % 2 or None)


@pytest.mark.parametrize(
    ("filter", "text", "found"),
    [
        (WORD, "12 ab", {re.Match[str]: "ab"}),
        (WORD, "12", None),
        (NUMBER, "abc", {int: "1"}),
        (NUMBER, "ab", None),
        (WORD & NUMBER, "abc", {re.Match[str]: "abc", int: "1"}),
        (WORD & NUMBER, "ab", None),
        (NUMBER & WORD, "123", None),
        (f.text.regex("1") | WORD, "a1", {re.Match[str]: "1"}),
        (f.text.regex("1") | WORD, "a2", {re.Match[str]: "a"}),
        (f.text.regex("1") | WORD, "-", None),
        (~WORD, "12", {}),
        (~WORD, "ab", None),
        (WORD & ~f.text.regex("x"), "ab", {re.Match[str]: "ab"}),
        (f.account.is_("ann"), "ab", {}),
    ],
)
def test_what_filters_find(filter: f.Filter, text: str, found: dict[object, str] | None) -> None:
    values = filter.capture(ChannelMessage)(message(text))
    assert filter(message(text)) is (found is not None)
    shown = (
        None
        if values is None
        else {key: one[0] if isinstance(one, re.Match) else str(one) for key, one in values.items()}
    )
    assert shown == found


def test_what_a_filter_surely_gives() -> None:
    assert (WORD & NUMBER & WORD).gives == (re.Match[str], int, re.Match[str])
    assert (WORD | f.text.is_("a")).gives == ()
    assert (NUMBER & WORD | WORD).gives == (re.Match[str],)
    assert (~WORD).gives == ()


def test_what_is_extracted_is_for_its_type_of_event() -> None:
    for make in (NUMBER.compile, NUMBER.capture):
        with pytest.raises(ValueError, match="for ChannelMessage, which InstantMessage is not"):
            make(InstantMessage)
