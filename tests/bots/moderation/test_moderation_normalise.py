import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.moderation.normalise import normalise


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Hello World", "hello world"),
        ("ＳＰＡＭ", "spam"),
        ("s\u200bp\u200ca\u200dm", "spam"),
        ("sp\u00adam\ufeff", "spam"),
        ("s\ufe0fpam", "spam"),
        ("sp\x07am", "spam"),
        ("buy \t\n  now", "buy now"),
        ("buy\u2800now", "buy now"),
        ("Straße", "strasse"),
        ("ﬁsh", "fish"),
        ("año", "an\u0303o"),
    ],
)
def test_what_makes_no_difference_is_gone(written: str, seen: str) -> None:
    assert normalise(written).text == seen


def test_an_excerpt_is_what_was_written() -> None:
    message = normalise("xx Ｓ\u200bＰam! yy")
    start = message.text.index("spam")
    assert message.excerpt(start, start + 4) == "Ｓ\u200bＰam"


def test_an_excerpt_of_an_expanded_character_is_that_character() -> None:
    message = normalise("a ﬁ b")
    assert message.text == "a fi b"
    assert message.excerpt(2, 4) == "ﬁ"
    assert message.excerpt(2, 3) == "ﬁ"


@given(st.text())
def test_equal_under_nfkc_is_equal_here(text: str) -> None:
    composed = unicodedata.normalize("NFKC", text)
    assert normalise(composed).text == normalise(text).text


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once


@given(st.text())
def test_origins_point_into_the_text_and_never_back_over_a_letter(text: str) -> None:
    message = normalise(text)
    assert len(message.origins) == len(message.text)
    letters = [
        origin for origin, part in zip(message.origins, message.text, strict=True) if unicodedata.combining(part) == 0
    ]
    assert letters == sorted(letters)
    assert all(0 <= origin < len(text) for origin in message.origins)
