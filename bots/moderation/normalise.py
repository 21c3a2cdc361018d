"""A message as a rule should see it: no case, no compatibility forms, no invisible characters.

``normalise`` keeps, for every character of its result, the place in the original that it came from, so that a
verdict can show what the person really wrote. Word lists and messages go through the same function.
"""

import unicodedata
from functools import lru_cache
from itertools import groupby

from msgspec import Struct

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks by category that no font shows; the rest of the invisible ones are found by category."""

_VARIATION_SELECTORS = (("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))

_BRAILLE_BLANK = "\u2800"


class Normalised(Struct, frozen=True):
    """A normalised text. ``origins[i]`` is the index in ``original`` that character ``i`` of ``text`` came from."""

    original: str
    text: str
    origins: tuple[int, ...] | range

    def excerpt(self, start: int, end: int) -> str:
        """What stands in the original where ``text[start:end]`` (not empty) came from."""
        return self.original[self.origins[start] : self.origins[end - 1] + 1]


def normalise(text: str) -> Normalised:
    """The text under NFKD and case folding, without invisible characters, each run of blanks as one blank.

    Two texts that are equal under NFKC, case aside, come out equal: NFKD differs from NFKC only in leaving
    characters decomposed, which lets every character be mapped back to where it stood. Accents stay: in many
    languages they make another word.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return Normalised(text, text.lower(), range(len(text)))
    folded: list[tuple[str, int]] = []
    for index, character in enumerate(text):
        for part in _fold(character):
            if part == " " and folded and folded[-1][0] == " ":
                continue
            folded.append((part, index))
    folded = _in_canonical_order(folded)
    return Normalised(text, "".join(part for part, _ in folded), tuple(index for _, index in folded))


@lru_cache(maxsize=8192)
def _fold(character: str) -> str:
    if character.isspace() or character == _BRAILLE_BLANK:
        return " "
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(part for part in decomposed if not _invisible(part))


def _invisible(character: str) -> bool:
    if character in _FILLERS or unicodedata.category(character) in {"Cc", "Cf"}:
        return True
    return any(first <= character <= last for first, last in _VARIATION_SELECTORS)


def _in_canonical_order(folded: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Marks on one letter in Unicode's order, so that the order in which they were typed makes no difference."""
    ordered: list[tuple[str, int]] = []
    for _, run in groupby(folded, key=lambda item: unicodedata.combining(item[0]) > 0):
        # Sorting is stable, and letters all have class 0: only marks change places.
        ordered += sorted(run, key=lambda item: unicodedata.combining(item[0]))
    return ordered
