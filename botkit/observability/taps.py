"""Taps: who follows the logs while they are written, besides the stream that they go to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from structlog.typing import EventDict, WrappedLogger

Tap: TypeAlias = Callable[[EventDict], None]
"""Gets a copy of each entry, redacted, from whatever thread logs it. It must be quick, and not fail."""

_taps: list[Tap] = []


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """Inside, ``tap`` gets every entry that is logged, from the level up that is set for the process."""
    _taps.append(tap)
    try:
        yield
    finally:
        _taps.remove(tap)


def feed_taps(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor of structlog that does it."""
    for tap in tuple(_taps):
        tap(dict(event))
    return event
