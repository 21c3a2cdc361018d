"""What stands for a letter, in text that hides words: look-alikes, digits and signs, accents, stretched letters.

Each character of a text has a **class**, the same for all that may stand for one letter. A text's **keys** are made
of these, runs counted once: the words key keeps where words end, the letters key leaves that out. A word that is in a
text in any disguise has its key in one of the text's keys. The reverse does not hold, and so what is found in a key is
looked at again, in :class:`Unit` after unit of the text.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import compress
from operator import ne

from msgspec import Struct

from bots.moderation.lookalikes import LOOKALIKES
from bots.moderation.normalise import Normalised

LEET = {"4": "aч", "@": "a", "8": "b", "6": "gbб", "(": "c", "<": "c", "¢": "c", "3": "eз", "€": "e", "9": "g"}
LEET |= {"1": "il", "!": "i", "|": "il", "£": "l", "0": "oо", "$": "s", "5": "s", "7": "t", "+": "t", "¥": "y"}
"""What stands for letters by habit."""

BETWEEN_LETTERS = frozenset("!|+(<")
"""Those that are letters only between two letters; elsewhere they are what they are."""

ACCENT = "\x01"
"""The class of all accents: they are part of the letter before."""

_AMBIGUOUS = re.compile(r"[\w@$€£¥¢][!|+(<]+\w")
_RUN = re.compile(r"(.)\1*", re.DOTALL)
_WORD = re.compile(rf"{ACCENT}*[^ {ACCENT}][^ ]*")
_SINGLES = re.compile(r" [^ ] [^ ] [^ ] ")
_GLUED = re.compile(r"[^\W_](?:_|[^\w\s\u0300-\u036f])+[^\W_]|[@$€£¥¢]")
_DIACRITICS = (
    ("\u0300", "\u036f"),
    ("\u1ab0", "\u1aff"),
    ("\u1dc0", "\u1dff"),
    ("\u20d0", "\u20ff"),
    ("\ufe20", "\ufe2f"),
)


def _stands_for() -> dict[str, str]:
    table: dict[str, str] = dict(LEET)
    for letter, alike in LOOKALIKES.items():
        for character in alike:
            table[character] = table.get(character, "") + letter
    return table


STANDS_FOR = _stands_for()
"""For each character the letters that it may stand for, besides itself."""


def _classes() -> dict[str, str]:
    """For each character the one that stands in keys for all that can be taken for one another."""
    parent: dict[str, str] = {}

    def root(character: str) -> str:
        while parent.setdefault(character, character) != character:
            character = parent[character]
        return character

    for character, letters in STANDS_FOR.items():
        for letter in letters:
            one, other = sorted((root(character), root(letter)))
            parent[other] = one
    return {character: root(character) for character in parent}


class _KeyTable(dict[int, str]):
    """For ``str.translate``: each character's class, a blank for what is no letter; what is asked for is remembered."""

    def __init__(self, left_out: frozenset[str]) -> None:
        super().__init__()
        self._classes, self._left_out = _classes(), left_out

    def __missing__(self, code: int) -> str:
        character = chr(code)
        found = " "
        if is_diacritic(character):
            found = ACCENT
        elif character not in self._left_out and is_unit(character):
            found = self._classes.get(character, character)
        if len(self) < 8_192:
            self[code] = found
        return found


def is_unit(character: str) -> bool:
    """Whether a character of a normalised text is, or may stand for, a letter: no sign, no blank, no accent."""
    if character in STANDS_FOR:
        return True
    return not is_diacritic(character) and (character.isalnum() or unicodedata.category(character)[0] == "M")


def is_diacritic(character: str) -> bool:
    """Whether it is an accent, of those that are put on any letter."""
    return character > "\u02ff" and any(first <= character <= last for first, last in _DIACRITICS)


_PLAIN_KEYS, _SIGN_KEYS = _KeyTable(BETWEEN_LETTERS), _KeyTable(frozenset())


def has_signs_between(text: str) -> bool:
    """Whether a text has signs that are letters between two letters, so that it has a second key."""
    return _AMBIGUOUS.search(text) is not None


class Unit(Struct, frozen=True):
    """A character of a text that may be a letter: its place, what it may stand for, and its accents."""

    character: str
    at: int
    letters: str
    accents: str

    @property
    def end(self) -> int:
        """The place behind it and its accents."""
        return self.at + 1 + len(self.accents)


class Disguised(Struct, frozen=True):
    """A text with ``classes``, as long as the text: each character's class, a blank for what is no letter."""

    message: Normalised
    classes: str

    @classmethod
    def of(cls, message: Normalised, *, signs: bool = False) -> "Disguised":
        """A message; with ``signs`` those of ``BETWEEN_LETTERS`` are taken for letters."""
        return cls(message, message.text.translate(_SIGN_KEYS if signs else _PLAIN_KEYS))

    def letters_key(self) -> str:
        """The key of all letters, whatever stands between them."""
        return _runs_once(self._letters.replace(" ", ""))

    def part(self, start: int, end: int) -> "Disguised":
        """A part of the text as a text of its own."""
        message = self.message
        part = Normalised(message.original, message.text[start:end], message.origins[start:end])
        return Disguised(part, self.classes[start:end])

    def word_spans(self) -> list[tuple[int, int]]:
        """Where the words are that have blanks around them in the words key."""
        return [word.span() for word in _WORD.finditer(self.classes)]

    def letters(self) -> "Letters":
        """Where the characters of the letters key come from."""
        units = [at for at, kind in enumerate(self.classes) if kind not in (" ", ACCENT)]
        firsts = [run.start() for run in _RUN.finditer(self._letters.replace(" ", ""))]
        return Letters(units, [*firsts, len(units)])

    def unit_at(self, at: int) -> Unit:
        """The letter at a place, with the accents behind it."""
        end = at + 1
        while self.classes[end : end + 1] == ACCENT:
            end += 1
        text = self.message.text
        return Unit(text[at], at, _may_stand_for(self.message, at, text[at]), text[at + 1 : end])

    def units(self, start: int, end: int) -> list[Unit]:
        """The letters from one place to another."""
        return [self.unit_at(at) for at in range(start, end) if self.classes[at] not in (" ", ACCENT)]

    @property
    def _letters(self) -> str:
        return self.classes.replace(ACCENT, "")


class Letters(Struct, frozen=True):
    """The places of a text's letters, and for each character of its letters key the first that it comes from."""

    places: list[int]
    firsts: list[int]

    def run(self, number: int) -> list[int]:
        """The places that a character of the key comes from."""
        return self.places[self.firsts[number] : self.firsts[number + 1]]


@lru_cache(maxsize=64)
def words_key(text: str) -> str:
    """The words key of a normalised text; it is kept, since several rules ask for that of one message."""
    return _runs_once(f" {text.translate(_PLAIN_KEYS).replace(ACCENT, '')} ")


@lru_cache(maxsize=64)
def broken_parts(text: str) -> tuple[tuple[int, int], ...]:
    """The parts of a normalised text that may hold words in pieces: all, if letters stand alone; what signs glue."""
    if _SINGLES.search(words_key(text)):
        return ((0, len(text)),)
    if text.replace(" ", "").isalnum():
        return ()  # nothing is glued without signs: most messages have none, and the search costs thirty times as much
    parts, end = [], 0
    while found := _GLUED.search(text, end):
        start, end = text.rfind(" ", 0, found.start()) + 1, text.find(" ", found.end())
        end = len(text) if end < 0 else end
        parts.append((start, end))
    return tuple(parts)


def _runs_once(text: str) -> str:
    return "".join(compress(text, map(ne, text, f"{text[1:]}\n")))  # all of it in C: each message comes through here


def _may_stand_for(message: Normalised, at: int, character: str) -> str:
    """What a character may stand for: a capital I in small letters may be an l, and a small l in capitals an i."""
    if character in "il":
        written, place = message.original, message.origins[at]
        around = written[max(0, place - 1) : place] + written[place + 1 : place + 2]
        if written[place] == "I" and any(map(str.islower, around)):
            return "l"
        if written[place] == "l" and any(map(str.isupper, around)):
            return "i"
    return STANDS_FOR.get(character, "")
