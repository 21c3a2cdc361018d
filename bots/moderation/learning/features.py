"""What a scorer sees in a text: words, character n-grams inside of words, and its shape.

Digits count by their number alone (every one is a ``0``), links and mentions as what they are. Training and scoring
take their features from here, so that they cannot differ.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["words", "characters"]
"""The two blocks of counted features."""

MAX_SCORED = 2_000
"""Characters of a text that are looked at: of a longer one its beginning and its end."""

MAX_WORD = 64
"""Characters of one run without blanks that n-grams are taken of."""

GRAMS = (2, 5)
"""The shortest and the longest n-gram."""

_LINK = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_MENTION = re.compile(r"(?<!\S)@\w+")
_DIGIT = re.compile(r"\d")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_LONG_NUMBER = re.compile(r"\d{5,}")


def shown(text: str) -> str:
    """A text as it is looked at: compatibility forms resolved, invisible characters gone, not too long."""
    if len(text) > MAX_SCORED:
        text = text[: MAX_SCORED // 2] + " " + text[-MAX_SCORED // 2 :]
    if text.isascii():
        return text
    resolved = unicodedata.normalize("NFKC", text)
    return "".join(character for character in resolved if unicodedata.category(character) != "Cf")[: 2 * MAX_SCORED]


def plain(text: str) -> str:
    """A shown text in small letters, with every digit as ``0``, and names for links and mentions."""
    return _DIGIT.sub("0", _MENTION.sub(" _mention_ ", _LINK.sub(" _link_ ", text))).lower()


def counted_words(text: str) -> list[str]:
    """The words and signs of a plain text."""
    return _TOKEN.findall(text)


@lru_cache(maxsize=8_192)
def grams_of(word: str) -> tuple[str, ...]:
    """The n-grams of one word between blanks; a blank marks where it begins and ends."""
    padded = f" {word[:MAX_WORD]} "
    low, high = GRAMS
    return tuple(padded[at : at + size] for size in range(low, high + 1) for at in range(len(padded) - size + 1))


def counted_characters(text: str) -> list[str]:
    """The n-grams of all words of a plain text."""
    return [gram for word in text.split() for gram in grams_of(word)]


COUNTED: dict[Kind, Callable[[str], list[str]]] = {"words": counted_words, "characters": counted_characters}

SHAPES = ("length", "digits", "digit_share", "capital_share", "link", "money", "exclamations", "long_number", "at_sign")
"""The names of what :func:`shape` measures, in its order."""

SHAPE_MOST = 0.5
"""The most that one measure counts; the counted features of a kind are a vector of length 1."""


def shape(text: str) -> tuple[float, ...]:
    """Measures of a shown text, each from 0 to ``SHAPE_MOST``."""
    length = max(1, len(text))
    digits = sum(map(str.isdigit, text))
    shares = (
        min(length, 300) / 300,
        min(1.0, digits / 20),
        digits / length,
        sum(map(str.isupper, text)) / length,
        float(_LINK.search(text) is not None),
        float("£" in text or "$" in text or "€" in text),
        min(3, text.count("!")) / 3,
        float(_LONG_NUMBER.search(text) is not None),
        float("@" in text),
    )
    return tuple(SHAPE_MOST * share for share in shares)
