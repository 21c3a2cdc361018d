"""Regular expressions on an engine whose time grows with the text alone (RE2): no pattern can hang the bot."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, cast

import re2

MAX_MEMORY = 8 << 20
"""Bytes that one compiled pattern may take; RE2 refuses what would take more."""


class RegexError(ValueError):
    """A pattern that this engine does not take, and why."""


class Regex(Protocol):
    """A compiled pattern."""

    def find(self, text: str) -> tuple[int, int] | None:
        """Where it matches first, from and to; None when it does not."""
        ...


class _Re2Regex:
    def __init__(self, pattern: str) -> None:
        self._pattern = re2.compile(pattern, _options(MAX_MEMORY))

    def find(self, text: str) -> tuple[int, int] | None:
        match = self._pattern.search(text)
        return None if match is None else cast("tuple[int, int]", match.span())


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False  # texts come in lower case: a pattern with a capital would never be found
    options.max_mem = memory
    return options


@lru_cache(maxsize=4096)
def compile_regex(pattern: str) -> Regex:
    """The pattern, ready for any case. Raises ``RegexError``: look-around and back-references do not exist."""
    try:
        return _Re2Regex(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise RegexError(f"{text} (no look-around, no back-references: they would take time without bound)") from None


class RegexSet:
    """Several patterns, looked for at once: a text that none of them is in costs one pass, however many there are.

    Raises ``RegexError`` like ``compile_regex``.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [compile_regex(pattern) for pattern in patterns]
        self._all: re2.Set | None = None
        if len(patterns) > 1:
            self._all = re2.Set.SearchSet(_options(MAX_MEMORY * len(patterns)))
            for pattern in patterns:
                self._all.Add(pattern)
            self._all.Compile()

    def find(self, text: str) -> tuple[int, int] | None:
        """Where the first pattern of the list that finds something finds it; an empty place is nothing."""
        if not text.isascii():
            text = text.encode(errors="replace").decode()  # a lone surrogate is no UTF-8, in which RE2 searches
        numbers = range(len(self._patterns)) if self._all is None else sorted(self._all.Match(text) or ())
        for number in numbers:
            span = self._patterns[number].find(text)
            if span is not None and span[0] < span[1]:
                return span
        return None
