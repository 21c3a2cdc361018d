"""What a scorer sees in a text: words, pairs of words, character n-grams inside of words, traits, and its shape.

Digits count by their number alone (every one is a ``0``), links and mentions as what they are. Traits are what tells
kinds of texts apart whatever their words are: how long, how many digits and capitals, which numbers are in it. Training
and scoring take their features from here, so that they cannot differ.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["words", "pairs", "characters", "traits"]
"""The blocks of counted features."""

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
_NUMBER = re.compile(r"\+?\d+")
_MONEY = frozenset("£$€")
_ADDRESS = re.compile(r"https?:|www\.|\.(?:com|net|org|co|uk|biz|tv)", re.IGNORECASE)

_STEPS = {
    "length": (20, 40, 60, 80, 100, 120, 140, 155, 165, 200),
    "digits": (1, 3, 5, 8, 12, 16, 22),
    "capitals": (0.02, 0.05, 0.1, 0.2, 0.5),
    "shouted": (1, 2, 3, 5, 8),
    "signs": (1, 3, 5, 8, 12, 18),
    "word length": (4, 4.5, 5, 5.5, 6, 7, 9),
}
"""Where the classes of a measure begin: a linear model cannot learn by itself that it is those in the middle."""


class Seen(NamedTuple):
    """A text as it is looked at, and its plain form."""

    shown: str
    plain: str


def look(text: str) -> Seen:
    """What is looked at of a text."""
    seen = shown(text)
    return Seen(seen, plain(seen))


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


def counted_pairs(words: list[str]) -> list[str]:
    """Words and signs that follow each other."""
    return [f"{one} {other}" for one, other in pairwise(words)]


def traits(text: str) -> list[str]:
    """The classes that a shown text belongs to, and the numbers in it by their beginning and length."""
    words, length = text.split(), max(1, len(text))
    measures = {
        "length": length,
        "digits": sum(map(str.isdigit, text)),
        "capitals": sum(map(str.isupper, text)) / length,
        "shouted": sum(len(word) > 1 and word.isupper() for word in words),
        "signs": sum(not (character.isalnum() or character.isspace()) for character in text),
        "word length": length / max(1, len(words)),
    }
    found = [f"{name}: {bisect_right(_STEPS[name], value)}" for name, value in measures.items()]
    found.append(f"begins with a capital: {text[:1].isupper()}")
    found.append(f"money: {not _MONEY.isdisjoint(text)}")
    found.append(f"address: {_ADDRESS.search(text) is not None}")
    for number in _NUMBER.findall(text):
        found += (f"number {number[:2]} of {len(number)}", f"number {number[:1]} of {len(number)}")
    return found


COUNTED: dict[Kind, Callable[[Seen], list[str]]] = {
    "words": lambda seen: counted_words(seen.plain),
    "pairs": lambda seen: counted_pairs(counted_words(seen.plain)),
    "characters": lambda seen: counted_characters(seen.plain),
    "traits": lambda seen: traits(seen.shown),
}

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
        float(not _MONEY.isdisjoint(text)),
        min(3, text.count("!")) / 3,
        float(_LONG_NUMBER.search(text) is not None),
        float("@" in text),
    )
    return tuple(SHAPE_MOST * share for share in shares)
