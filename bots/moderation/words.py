"""The word list: whole words and phrases, disguised or not, found in one pass whatever the length of the list."""

from collections.abc import Iterable, Iterator

import ahocorasick

from bots.moderation.disguised_words import DisguisedWords, WordMatch, parse_entry
from bots.moderation.normalise import Normalised, normalise
from bots.moderation.word_ends import boundary


class WordList:
    """Finds listed words in a text.

    An entry matches only as a whole: ``ass`` is not in ``class``. Case, compatibility forms and invisible characters
    make no difference, a phrase matches over any run of blanks, and ``disguised_words`` says what else is seen through.
    An entry with signs in it (``c++``) is taken literally.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        parsed = [(written, parse_entry(written)) for written in dict.fromkeys(entries)]
        self._disguised = DisguisedWords(entry for _, entry in parsed if entry is not None)
        self._literal = _LiteralWords(written for written, entry in parsed if entry is None)

    def find(self, message: Normalised) -> WordMatch | None:
        """The first listed word of the message, the longest if several begin at one place; None if there is none."""
        found = [*self._disguised.find_all(message), *self._literal.find_all(message)]
        return min(found, key=lambda match: (match.start, -match.end), default=None)


class _LiteralWords:
    """Words that are only found as they are listed."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._automaton = ahocorasick.Automaton()
        for written in entries:
            if text := normalise(written.strip()).text:
                self._automaton.add_word(text, (written, len(text)))
        self._automaton.make_automaton()

    def find_all(self, message: Normalised) -> Iterator[WordMatch]:
        """Every entry that is in the message as a whole."""
        if not len(self._automaton):
            return
        text = message.text
        for last, (written, length) in self._automaton.iter(text):
            start, end = last + 1 - length, last + 1
            if boundary(text, start) and boundary(text, end):
                yield WordMatch(written, start, end)
