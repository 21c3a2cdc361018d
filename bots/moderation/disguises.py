"""What stands for a letter, in text that hides words: look-alikes, digits and signs, accents, stretched letters.

A text's **key** has one character for each letter, the same for all that may stand for it; runs count once, and what
stands between is left out. A word that is in a text in any disguise has its key in the text's key. The reverse does not
hold, and so :class:`Disguised` keeps, for each character of the key, what it comes from.
"""

import re
import unicodedata

from msgspec import Struct

from bots.moderation.lookalikes import LOOKALIKES
from bots.moderation.normalise import Normalised, normalise

LEET = {"4": "aч", "@": "a", "8": "b", "6": "gbб", "(": "c", "<": "c", "¢": "c", "3": "eз", "€": "e", "9": "g"}
LEET |= {"1": "il", "!": "i", "|": "il", "£": "l", "0": "oо", "$": "s", "5": "s", "7": "t", "+": "t", "¥": "y"}
"""What stands for letters by habit."""

BETWEEN_LETTERS = frozenset("!|+(<")
"""Those that are letters only between two letters; elsewhere they are what they are."""

_AMBIGUOUS = re.compile(r"[\w@$€£¥¢][!|+(<]+\w")
_RUNS = re.compile(r"(.)\1+", re.DOTALL)
_RUN = re.compile(r"(.)\1*", re.DOTALL)
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
    """For ``str.translate``: each character's class, a blank for what is left out; what is asked for is remembered."""

    def __init__(self, left_out: frozenset[str]) -> None:
        super().__init__()
        self._classes, self._left_out = _classes(), left_out

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_letter = character not in self._left_out and is_unit(character)
        found = self._classes.get(character, character) if is_letter else " "
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


def key_of(text: str) -> str:
    """The key of a normalised text; signs of ``BETWEEN_LETTERS`` are none of it."""
    return Disguised.of(normalise(text)).key


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
    """A text and its key. ``classes`` is as long as the text: each character's class, a blank for what is no unit."""

    message: Normalised
    classes: str
    key: str

    @classmethod
    def of(cls, message: Normalised, *, signs: bool = False) -> "Disguised":
        """A message by its key; with ``signs`` those of ``BETWEEN_LETTERS`` are units, too."""
        classes = message.text.translate(_SIGN_KEYS if signs else _PLAIN_KEYS)
        return cls(message, classes, _RUNS.sub(r"\1", classes.replace(" ", "")))

    def places(self) -> "Places":
        """Where the characters of the key come from. Takes longer than the key, and few texts need it."""
        units = [at for at, kind in enumerate(self.classes) if kind != " "]
        firsts = [run.start() for run in _RUN.finditer(self.classes.replace(" ", ""))]
        return Places(self.message, self.classes, units, [*firsts, len(units)])


class Places(Struct, frozen=True):
    """The places of a text's units, and for each character of its key the first unit that it comes from."""

    message: Normalised
    classes: str
    units: list[int]
    firsts: list[int]

    def run(self, number: int) -> range:
        """The units that a character of the key comes from."""
        return range(self.firsts[number], self.firsts[number + 1])

    def unit(self, number: int) -> Unit:
        """One unit, with the accents behind it."""
        text, at = self.message.text, self.units[number]
        end = at + 1
        while end < len(text) and is_diacritic(text[end]):
            end += 1
        return Unit(text[at], at, _may_stand_for(self.message, at, text[at]), text[at + 1 : end])


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
