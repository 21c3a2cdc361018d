"""Checks that look at one text alone: words, patterns, links, mentions, capitals, scores."""

import re
from collections.abc import Iterable, Sequence

from bots.moderation.links import MAX_HOST_LENGTH, LinkFinder
from bots.moderation.normalise import Normalised
from bots.moderation.regexes import RegexSet
from bots.moderation.rules.facts import Fact, Finding, Message, Scores
from bots.moderation.rules.state import RuleState
from bots.moderation.words import WordList

MENTION = re.compile(r"(?<![\w@.])@[\w][\w.\-]{0,63}")


def finding_at(text: Normalised, start: int, end: int, detail: str) -> Finding:
    """A finding at ``start`` to ``end`` (more than nothing) of a normalised text, by places of the original."""
    first, last = text.origins[start], text.origins[end - 1] + 1
    return Finding(detail=detail, start=first, end=last, matched=text.text[start:end])


class NoScore(Exception):
    """A scorer that was wanted gave no answer."""

    def __init__(self, scorer: str) -> None:
        super().__init__(f"scorer {scorer} gave no answer")


class WordsCheck:
    """``kind: words``."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = WordList(words)

    def check(self, _fact: Fact, text: Normalised, _state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``."""
        match = self._words.find(text)
        if match is None:
            return None
        return finding_at(text, match.start, match.end, f"“{match.entry}” is not said here")


class RegexCheck:
    """``kind: regex``."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = RegexSet(patterns)

    def check(self, _fact: Fact, text: Normalised, _state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``. A pattern that matches nothing at all, such as ``x*``, finds nothing."""
        span = self._patterns.find(text.text)
        return None if span is None else finding_at(text, *span, "that is not said here")


class LinksCheck:
    """``kind: links``."""

    def __init__(self, allowed: Iterable[str], bare_endings: Iterable[str]) -> None:
        self._finder = LinkFinder(allowed, bare_endings)

    def check(self, _fact: Fact, text: Normalised, _state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``."""
        link = self._finder.find_forbidden(text)
        if link is None:
            return None
        return finding_at(text, link.start, link.end, f"links to {link.host[:MAX_HOST_LENGTH]} are not allowed")


class MentionsCheck:
    """``kind: mentions``."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most

    def check(self, _fact: Fact, text: Normalised, _state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``."""
        if text.text.count("@") <= self._at_most:
            return None
        names: set[str] = set()
        first: int | None = None
        for match in MENTION.finditer(text.text):
            names.add(match[0])
            first = match.start() if first is None else first
            if len(names) > self._at_most:
                return finding_at(text, first, match.end(), f"more than {self._at_most} people are mentioned")
        return None


class CapsCheck:
    """``kind: caps``: it looks at the text as it was written."""

    def __init__(self, share: float, letters: int) -> None:
        self._share, self._letters = share, letters

    def check(self, fact: Fact, _text: Normalised, _state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``."""
        if not isinstance(fact, Message):
            return None
        upper = sum(map(str.isupper, fact.text))
        if upper < self._letters * self._share:
            return None
        letters = upper + sum(map(str.islower, fact.text))
        if letters < self._letters or upper <= self._share * letters:
            return None
        detail = f"{round(100 * upper / letters)} % of the letters are capitals"
        return Finding(detail=detail, start=0, end=len(fact.text), matched=fact.text)


class ScoreCheck:
    """``kind: score``. It is about messages only."""

    def __init__(self, scorer: str, at_least: float) -> None:
        self._scorer, self._at_least = scorer, at_least

    def check(self, fact: Fact, text: Normalised, _state: RuleState, scores: Scores) -> Finding | None:
        """See ``Check``. Raises ``NoScore``."""
        if not isinstance(fact, Message):
            return None
        score = scores.get(self._scorer)
        if score is None:
            raise NoScore(self._scorer)
        if score < self._at_least:
            return None
        detail = f"{self._scorer} gives it {score:.2f} of 1"
        return Finding(detail=detail, start=0, end=len(text.original), matched=text.text)
