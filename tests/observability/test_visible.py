"""Text for a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from botkit.observability.visible import visible


@given(st.text(alphabet=st.characters()))
def test_whatever_is_shown_is_printable(text: str) -> None:
    assert visible(text).isprintable()


def test_what_can_be_seen_stays_as_it_is() -> None:
    assert visible("héllo 😀 wörld") == "héllo 😀 wörld"
    assert visible("\x1b[2Jgone\r\n\x07") == "\\x1b[2Jgone\\r\\n\\x07"


def test_long_texts_are_cut() -> None:
    assert visible("x" * 200, 200) == "x" * 200
    assert visible("x" * 201, 200) == "x" * 200 + "…"
