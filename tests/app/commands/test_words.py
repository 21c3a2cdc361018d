"""How a command's line falls into words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.app.commands.words import BadLine, first_word, read_word


def words(line: str) -> list[str]:
    found: list[str] = []
    at = 0
    while True:
        word, at = read_word(line, at)
        if word is None:
            return found
        found.append(word.text)


@pytest.mark.row("B23")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("  ", []),
        ("one two", ["one", "two"]),
        (" one\t two\nthree ", ["one", "two", "three"]),
        ('"one two" three', ["one two", "three"]),
        ('"" x', ["", "x"]),
        ("don't panic", ["don't", "panic"]),
        ('6" screen', ['6"', "screen"]),
        (r'"say \"hi\"" now', ['say "hi"', "now"]),
        (r'"a\\" b', ["a\\", "b"]),
        (r'"a\b"', [r"a\b"]),
        (r"a\ b", ["a\\", "b"]),
        ('"two\nlines"', ["two\nlines"]),
    ],
)
def test_words(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize("line", ['"open', '"open "x', 'a "b"c', r'"a\"'])
def test_quotes_that_cannot_be_read(line: str) -> None:
    with pytest.raises(BadLine, match="a double quote needs another one"):
        words(line)


@given(st.text())
def test_no_line_is_too_odd(line: str) -> None:
    try:
        found = words(line)
    except BadLine:
        assert '"' in line
    else:
        assert '"' in line or found == line.split()


@given(st.lists(st.text()))
def test_whatever_is_quoted_comes_back(texts: list[str]) -> None:
    quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    assert words(" ".join(quoted)) == texts


def test_the_first_word() -> None:
    assert (first_word("!kick ann"), first_word(""), first_word("!x\ny")) == ("!kick", "", "!x")
