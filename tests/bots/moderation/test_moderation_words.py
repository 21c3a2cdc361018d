import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.moderation.normalise import normalise
from bots.moderation.words import WordList

WORDS = WordList(["spam", "ass", "buy now", "buy now cheap", "c++", "脏话", "Übel", "ano"])


def found(text: str) -> str | None:
    """The entry that is found in a text."""
    match = WORDS.find(normalise(text))
    return match.entry if match else None


@pytest.mark.row("D01")
@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("spam", "spam"),
        ("this is SPAM!", "spam"),
        ("(spam)", "spam"),
        ("_spam_", "spam"),
        ("no-spam-here", "spam"),
        ("ｓｐａｍ", "spam"),
        ("s\u200bpam", "spam"),
        ("BUY   now", "buy now"),
        ("buy\nnow", "buy now"),
        ("buy now cheap", "buy now cheap"),
        ("buy now cheaply", "buy now"),
        ("I like C++.", "c++"),
        ("你说脏话了", "脏话"),
        ("U\u0308BEL", "Übel"),
    ],
)
def test_a_listed_word_is_found(text: str, entry: str) -> None:
    assert found(text) == entry


@pytest.mark.row("D01")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "spammer",
        "antispam",
        "spam2",
        "a class of glass",
        "assassin",
        "buynow",
        "buy. now",
        "c",
        "años",
        "ano\u0308",
        "ubel",
    ],
)
def test_a_part_of_a_word_or_another_word_is_not(text: str) -> None:
    assert found(text) is None


def test_the_match_says_where() -> None:
    message = normalise("well, S\u200bPAM it is")
    match = WORDS.find(message)
    assert match is not None
    assert message.excerpt(match.start, match.end) == "S\u200bPAM"


def test_a_failed_long_entry_does_not_hide_a_short_one_inside() -> None:
    words = WordList(["new york city", "york"])
    match = words.find(normalise("new york cityscape"))
    assert match is not None
    assert match.entry == "york"


@given(st.lists(st.text("ab", min_size=1, max_size=3), min_size=1), st.text("ab ", max_size=30))
def test_agrees_with_splitting_on_blanks(entries: list[str], text: str) -> None:
    """What a word is otherwise: one of letters apart, or with a stretched end."""
    match = WordList(entries).find(normalise(text))
    plain = [word for word in text.split() if word in entries]
    if match is None:
        assert not plain
    elif "aaa" not in text and "bbb" not in text and " a " not in f" {text} ".replace("b", "a"):
        assert match.entry == plain[0]
