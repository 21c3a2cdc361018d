"""Listed words in any disguise, found in one pass over the text whatever the length of the list.

Aho-Corasick automata find the keys of all entries in a text's keys (``disguises``): words as words in the whole text,
letters one after another where the text has letters that stand alone, or signs inside of words. What they find is then
looked at closely, in the text itself, since some of it is innocent:

- it begins and ends where a word does, and each character can stand for its letter;
- letters stand apart one by one (``c a s i n o``, ``c.a.s.i.n.o``), a word of five letters or more also in pieces with
  signs between (``cas-ino``); ``the rapist`` is no other word;
- a letter is stretched to three or more, or all letters are doubled: ``latter`` is no ``later``;
- digits stand for two thirds of the letters at most; in a word of three letters for none, and there accents count, and
  only the last letter is stretched;
- a word in letters of another script alone counts only where nobody writes that script: ``сор`` in a Russian sentence
  is Russian, and no ``cop``.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise

import ahocorasick
from msgspec import Struct

from bots.moderation.disguises import (
    LEET,
    STANDS_FOR,
    Disguised,
    Letters,
    Unit,
    broken_parts,
    has_signs_between,
    is_diacritic,
    is_unit,
    words_key,
)
from bots.moderation.normalise import Normalised, normalise
from bots.moderation.word_ends import boundary, in_word

SHORT = 3
"""Letters of a word that is only seen through the disguises that make no other word of it."""

MIN_BROKEN = 5
"""Letters of a word that is found when signs break it into pieces."""

MAX_GAP = 3
"""Characters between two letters that stand apart."""

STRETCHED = 3
"""From so many on, equal letters are a stretched one."""

MAX_TRIES = 8
"""Places in one run of equal letters at which a word is tried to begin, and to end."""

CONNECTORS = frozenset("-_.,'’*/~·•")
"""What joins the words of a phrase as a blank does."""


@lru_cache(maxsize=8_192)
def script_of(character: str) -> str:
    """The script by the character's name: LATIN, CYRILLIC; empty for digits and signs."""
    return unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""


class Letter(Struct, frozen=True):
    """A letter of an entry, with its accents, and all that it is written with in other scripts."""

    character: str
    accents: str
    alike: frozenset[str]


class Entry(Struct, frozen=True):
    """A listed word or phrase, by its words' letters; ``size`` is how many there are.

    ``plain`` is the normalised entry.
    """

    written: str
    words: tuple[tuple[Letter, ...], ...]
    size: int
    plain: str

    @property
    def letters(self) -> tuple[Letter, ...]:
        """The letters of all words."""
        return tuple(letter for word in self.words for letter in word)


def parse_entry(written: str) -> Entry | None:
    """The entry for a listed word; None if it has signs in it, or next to no letters, and is only taken literally."""
    text = normalise(written.strip()).text
    if not all(part == " " or is_diacritic(part) or (is_unit(part) and not _is_sign(part)) for part in text):
        return None
    words = tuple(_letters(word) for word in text.split())
    key = Disguised.of(normalise(written)).letters_key()
    return Entry(written, words, sum(map(len, words)), text) if len(key) > 1 and all(words) else None


def _is_sign(character: str) -> bool:
    return character.isascii() and not character.isalnum()


def _letters(word: str) -> tuple[Letter, ...]:
    letters: list[Letter] = []
    for character in word:
        if is_diacritic(character) and letters:
            last = letters[-1]
            letters[-1] = Letter(last.character, last.accents + character, last.alike)
        elif is_unit(character):
            letters.append(Letter(character, "", _alike(character)))
    return tuple(letters)


def _alike(character: str) -> frozenset[str]:
    """What a letter of the list may be written with; a digit of the list is meant as a digit."""
    return frozenset(character if character.isdigit() else character + STANDS_FOR.get(character, ""))


class WordMatch(Struct, frozen=True):
    """``entry`` of the list was found at ``start`` to ``end`` of the normalised text."""

    entry: str
    start: int
    end: int


class DisguisedWords:
    """Finds entries, disguised or not."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_words: dict[str, list[Entry]] = {}
        self._by_letters: dict[str, list[Entry]] = {}
        self._unspaced = False
        for entry in entries:
            text = Disguised.of(normalise(entry.written))
            self._by_words.setdefault(words_key(text.message.text), []).append(entry)
            self._by_letters.setdefault(text.letters_key(), []).append(entry)
            self._unspaced = self._unspaced or not all(in_word(letter.character) for letter in entry.letters)
        self._words, self._letters = _automaton(self._by_words), _automaton(self._by_letters)

    def find_all(self, message: Normalised) -> Iterator[WordMatch]:
        """Every entry that is in the message, in no order, and some of them twice."""
        if not self._by_words:
            return
        yield from self._find_words(message)
        parts = broken_parts(message.text)
        if self._unspaced and not message.text.isascii():
            parts = ((0, len(message.text)),)
        if not parts:
            return
        for signs in (False, True) if has_signs_between(message.text) else (False,):
            text = Disguised.of(message, signs=signs)
            for start, end in parts:
                for match in self._find_letters(text.part(start, end)):
                    yield WordMatch(match.entry, match.start + start, match.end + start)

    def _find_words(self, message: Normalised) -> Iterator[WordMatch]:
        """Entries whose words stand there as words."""
        text: Disguised | None = None
        key = words_key(message.text)
        for last, found in self._words.iter(key):
            text = text or Disguised.of(message)
            spans = text.word_spans()
            words = key.count(" ", 0, last)
            start, end = spans[words - found.count(" ") + 1][0], spans[words - 1][1]
            written = message.text[start:end]
            for entry in self._by_words[found]:
                if _is_other_word(entry, written):
                    continue
                units = text.units(start, end)
                if entry.size <= len(units) and is_written(entry, text, units):
                    yield WordMatch(entry.written, units[0].at, units[-1].end)

    def _find_letters(self, text: Disguised) -> Iterator[WordMatch]:
        """Entries whose letters stand there, whatever is between them."""
        letters: Letters | None = None
        for last, found in self._letters.iter(text.letters_key()):
            letters = letters or text.letters()
            begin, end = letters.run(last - len(found) + 1), letters.run(last)
            starts = [at for at in begin if boundary(text.message.text, at)][-MAX_TRIES:]
            for entry in self._by_letters[found] if starts else ():
                span = _look_closely(entry, text, starts, end)
                if span is not None:
                    yield WordMatch(entry.written, *span)


def _is_other_word(entry: Entry, written: str) -> bool:
    """Whether what stands there is plainly another word: nothing disguised, and nothing stretched."""
    if len(written) != entry.size or not written.isascii() or not written.isalpha():
        return False
    return written.replace("l", "i") != entry.plain.replace("l", "i")


def _automaton(keys: Iterable[str]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for key in keys:
        automaton.add_word(key, key)
    automaton.make_automaton()
    return automaton


def _look_closely(entry: Entry, text: Disguised, starts: Sequence[int], run: Sequence[int]) -> tuple[int, int] | None:
    """Where the entry really is, from one of the places ``starts`` to one of ``run``; None if it is not."""
    if run[-1] - starts[0] + 1 < entry.size:
        return None
    ends = [last for last in map(text.unit_at, run) if boundary(text.message.text, last.end)][:MAX_TRIES]
    for start in starts:
        for last in reversed(ends):
            if last.at - start + 1 < entry.size:
                continue
            units = text.units(start, last.at + 1)
            if is_written(entry, text, units):
                return units[0].at, units[-1].end
    return None


def is_written(entry: Entry, text: Disguised, units: Sequence[Unit]) -> bool:
    """Whether these units of a text are the entry, and nothing else."""
    written = text.message.text
    gaps = [written[one.end : other.at] for one, other in pairwise(units)]
    return _in_shape(entry, units, gaps) and not _too_many_digits(entry, units) and not _foreign(entry, text, units)


def _in_shape(entry: Entry, units: Sequence[Unit], gaps: Sequence[str]) -> bool:
    chunks = [[units[0]]]
    for unit, gap in zip(units[1:], gaps, strict=True):
        if gap:
            chunks.append([unit])
        else:
            chunks[-1].append(unit)
    between = [gap for gap in gaps if gap]
    as_listed = len(chunks) == len(entry.words) and all(gap == " " or gap in CONNECTORS for gap in between)
    if as_listed and all(_spells(word, chunk) for word, chunk in zip(entry.words, chunks, strict=True)):
        return True
    if len(chunks) == 1 or any(len(gap) > MAX_GAP for gap in between):
        return False
    breakable = len(entry.letters) >= MIN_BROKEN or not any(in_word(letter.character) for letter in entry.letters)
    in_pieces = len(entry.words) == 1 and breakable and not any(" " in gap for gap in between)
    return (in_pieces or _apart(chunks)) and _spells(entry.letters, units)


def _apart(chunks: Sequence[Sequence[Unit]]) -> bool:
    """Whether letters stand one by one: three at least, and all of them, or all but one piece."""
    single = sum(len({unit.character for unit in chunk}) == 1 for chunk in chunks)
    return single >= SHORT and len(chunks) - single <= 1


def _spells(letters: Sequence[Letter], units: Sequence[Unit]) -> bool:
    runs = [(letter, len(list(run))) for letter, run in groupby(letters)]
    if _consumes(runs, units, lambda there, wanted, _last: there == wanted):
        return True
    if len(letters) <= SHORT:
        return _consumes(
            runs, units, lambda there, wanted, last: there == wanted or (last and there >= max(wanted, STRETCHED))
        )
    if any(len(list(run)) >= STRETCHED for _, run in groupby(units, key=lambda unit: unit.character)):
        return _consumes(runs, units, lambda there, wanted, _last: there >= wanted)
    return _consumes(runs, units, lambda there, wanted, _last: there >= 2 * wanted)


def _consumes(
    runs: Sequence[tuple[Letter, int]], units: Sequence[Unit], enough: Callable[[int, int, bool], bool]
) -> bool:
    """Whether the units are runs of these letters, from the first to the last, each of them ``enough``.

    ``enough`` is told how many there are, how many the entry has, and whether it is the last run.
    """
    strict = sum(wanted for _, wanted in runs) <= SHORT
    places = {0}
    for number, (letter, wanted) in enumerate(runs, start=1):
        reached = set[int]()
        for place in places:
            there = 0
            while place + there < len(units) and _stands(letter, units[place + there], strict=strict):
                there += 1
                if enough(there, wanted, number == len(runs)):
                    reached.add(place + there)
        places = reached
    return len(units) in places


def _stands(letter: Letter, unit: Unit, *, strict: bool) -> bool:
    if (letter.accents or strict) and unit.accents != letter.accents:
        return False
    if unit.character == letter.character:
        return True
    there, wanted = script_of(unit.character), script_of(letter.character)
    if there == wanted != "LATIN":
        return False  # two letters of one script differ, whatever they look like
    return any(meant in letter.alike for meant in unit.letters) or (there != wanted and unit.character in letter.alike)


def _too_many_digits(entry: Entry, units: Sequence[Unit]) -> bool:
    letters = entry.letters
    digits = sum(unit.character.isdigit() for unit in units) - sum(letter.character.isdigit() for letter in letters)
    real = sum(unit.character not in LEET for unit in units)
    return digits > (0 if len(letters) <= SHORT else len(letters) * 2 / 3) or 3 * real < len(letters)


def _foreign(entry: Entry, text: Disguised, units: Sequence[Unit]) -> bool:
    """Whether the units are all of scripts that the entry is not in, and the text is written in one of these."""
    there = {script_of(unit.character) for unit in units} - {""}
    if not there or there & {script_of(letter.character) for letter in entry.letters}:
        return False
    if there == {"LATIN"}:
        return True
    written = set(text.message.text)
    return any(script_of(character) in there and character not in STANDS_FOR for character in written)
