"""Limits: both sides of each border, in bytes of UTF-8."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import ErrorCode
from botkit.wire import limits

Check = Callable[[str], limits.Violation | None]

SIZES: list[tuple[Check, int]] = [
    (limits.account_violation, 128),
    (limits.channel_violation, 128),
    (limits.attribute_name_violation, 128),
    (limits.channel_attribute_violation, 8096),
    (limits.user_attribute_violation, 1024),
    (limits.message_violation, 8192),
]
NAMES: list[Check] = [limits.account_violation, limits.channel_violation, limits.attribute_name_violation]


@pytest.mark.row("G04", "0.12")
@pytest.mark.parametrize(("check", "most"), SIZES)
@pytest.mark.parametrize("character", ["a", "é", "漢", "😀"])
def test_both_sides_of_the_border(check: Check, most: int, character: str) -> None:
    width = len(character.encode())
    fits = character * (most // width) + "a" * (most % width)
    assert len(fits.encode()) == most
    assert check(fits) is None
    violation = check(fits + "a")
    assert violation is not None
    assert violation.code is ErrorCode.GENERAL_E_LARGE_PARAM
    assert f"{most + 1} bytes" in violation.reason
    assert f"at most {most}" in violation.reason


@pytest.mark.parametrize("check", [check for check, _ in SIZES if check not in NAMES])
@pytest.mark.parametrize("value", [None, 5, b"bytes"])
def test_what_is_no_text_is_refused_by_its_type(check: Callable[[Any], limits.Violation | None], value: object) -> None:
    violation = check(value)
    assert violation is not None
    assert violation.code is ErrorCode.GENERAL_E_WRONG_PARAM
    assert violation.reason.endswith(f"is no text, but of type {type(value).__name__}")


@pytest.mark.row("G04", "0.12")
def test_the_border_of_an_extra_which_must_be_json() -> None:
    assert limits.extra_violation('"' + "a" * 8190 + '"') is None
    violation = limits.extra_violation('"' + "a" * 8191 + '"')
    assert violation is not None
    assert violation.code is ErrorCode.GENERAL_E_LARGE_PARAM


@pytest.mark.row("M20")
@pytest.mark.parametrize("extra", ["", "{}", "0", '"x"', "null", ' {"_timeout": 5, "any": ["thing"]} '])
def test_extras_that_are_fine(extra: str) -> None:
    assert limits.extra_violation(extra) is None


@pytest.mark.row("M20")
@pytest.mark.parametrize("extra", [" ", "x", "{", '{"a":}', "1 2", "NaN", "'a'", '"\ud800"', "[" * 3000 + "]" * 3000])
def test_extras_that_are_no_json(extra: str) -> None:
    violation = limits.extra_violation(extra)
    assert violation is not None
    assert violation.code is ErrorCode.GENERAL_E_WRONG_PARAM


@pytest.mark.parametrize("check", NAMES)
@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "\u200b", "\ud800"])
def test_names_that_are_none(check: Check, name: str) -> None:
    violation = check(name)
    assert violation is not None
    assert violation.code is ErrorCode.GENERAL_E_WRONG_PARAM


@pytest.mark.row("M03")
@pytest.mark.parametrize("account", ["", " ", "a b", "ann ", "a\u00a0b", "a\u3000b"])
def test_an_account_is_not_empty_and_has_no_blank(account: str) -> None:
    assert limits.account_violation(account) is not None


def test_a_channel_name_may_have_blanks() -> None:
    assert limits.channel_violation("the lobby") is None


@pytest.mark.parametrize(
    "check", [limits.message_violation, limits.channel_attribute_violation, limits.user_attribute_violation]
)
@pytest.mark.parametrize("text", ["\ud800", "fine until \udfff", "\ud800" * 9000])
def test_what_cannot_be_sent_as_utf8_is_refused_however_short(check: Check, text: str) -> None:
    violation = check(text)
    assert violation is not None
    assert violation.code is ErrorCode.GENERAL_E_WRONG_PARAM


@given(st.text(alphabet=st.characters()))
def test_every_check_has_an_answer_for_every_text_and_what_passes_can_be_encoded(text: str) -> None:
    for check, most in [*SIZES, (limits.extra_violation, 8192), (limits.digits_violation, 128)]:
        if check(text) is None:
            assert len(text.encode()) <= most


@pytest.mark.row("C27")
@pytest.mark.parametrize(
    ("digits", "fine"),
    [("0123456789*#", True), ("1" * 128, True), ("1" * 129, False), ("", False), ("1a", False), ("٣", False)],
)
def test_digits(digits: str, fine: bool) -> None:
    assert (limits.digits_violation(digits) is None) is fine


def test_the_largest_message_fits_a_client_frame_with_every_byte_escaped() -> None:
    escaped = "\\u0000" * limits.MAX_MESSAGE_BYTES
    assert len(escaped) < limits.MAX_CLIENT_FRAME_BYTES


def test_a_page_of_the_largest_messages_fits_a_gateway_frame() -> None:
    twice_escaped = "\\\\u0000" * limits.MAX_MESSAGE_BYTES
    assert limits.INBOX_PAGE * len(twice_escaped) < limits.MAX_GATEWAY_FRAME_BYTES
