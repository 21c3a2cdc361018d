"""The word list: whole words and phrases, found in one pass whatever the length of the list."""

import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from bots.moderation.normalise import Normalised, normalise

_UNSPACED_SCRIPTS = (
    ("\u0e00", "\u0eff"),  # Thai, Lao
    ("\u1000", "\u109f"),  # Myanmar
    ("\u1780", "\u17ff"),  # Khmer
    ("\u3040", "\u30ff"),  # Hiragana, Katakana
    ("\u3400", "\u4dbf"),  # Han, extension A
    ("\u4e00", "\u9fff"),  # Han
    ("\uf900", "\ufaff"),  # Han, compatibility
    ("\U00020000", "\U0003ffff"),  # Han, further extensions
)
"""Scripts that write no blank between words: there, a word ends where the list's entry ends."""


class WordMatch(Struct, frozen=True):
    """``entry`` of the list was found at ``start`` to ``end`` of the normalised text."""

    entry: str
    start: int
    end: int


class _Node:
    """A node of the prefix tree: the next characters, and the entry that ends here."""

    __slots__ = ("children", "entry")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.entry: str | None = None


class WordList:
    """Finds listed words in a text.

    An entry matches only as a whole: ``ass`` is not in ``class``. Case, compatibility forms and invisible
    characters make no difference; a phrase matches over any run of blanks.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._root = _Node()
        for entry in entries:
            node = self._root
            for character in normalise(entry.strip()).text:
                node = node.children.setdefault(character, _Node())
            node.entry = entry

    def find(self, message: Normalised) -> WordMatch | None:
        """The first listed word of the message, the longest if several begin at one place; None if there is none.

        Takes at most length of the text times length of the longest entry.
        """
        text = message.text
        for start in range(len(text)):
            if text[start] not in self._root.children or not _boundary(text, start):
                continue
            match = self._longest_at(text, start)
            if match is not None:
                return match
        return None

    def _longest_at(self, text: str, start: int) -> WordMatch | None:
        node = self._root
        found = None
        for index in range(start, len(text)):
            child = node.children.get(text[index])
            if child is None:
                break
            node = child
            if node.entry is not None and _boundary(text, index + 1):
                found = WordMatch(node.entry, start, index + 1)
        return found


def _boundary(text: str, index: int) -> bool:
    """True if no word goes on across the place before ``text[index]``."""
    if index in (0, len(text)):
        return True
    before, after = text[index - 1], text[index]
    return not (_in_word(before) and _in_word(after))


def _in_word(character: str) -> bool:
    if character.isascii():
        return character.isalnum()
    if any(first <= character <= last for first, last in _UNSPACED_SCRIPTS):
        return False
    return character.isalnum() or unicodedata.category(character).startswith("M")
