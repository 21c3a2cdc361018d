"""Regular expressions on an engine whose time grows with the text alone (RE2): no pattern can hang the bot."""

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
        options = re2.Options()
        options.log_errors = False
        options.max_mem = MAX_MEMORY
        self._pattern = re2.compile(pattern, options)

    def find(self, text: str) -> tuple[int, int] | None:
        match = self._pattern.search(text)
        return None if match is None else cast("tuple[int, int]", match.span())


@lru_cache(maxsize=4096)
def compile_regex(pattern: str) -> Regex:
    """The pattern, ready to be looked for. Raises ``RegexError``: look-around and back-references do not exist."""
    try:
        return _Re2Regex(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise RegexError(f"{text} (no look-around, no back-references: they would take time without bound)") from None
