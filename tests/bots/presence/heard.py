"""Handlers for sinks that call a function."""

from bots.presence.records import Record

heard: list[Record] = []
"""What ``note`` was called with."""


async def note(record: Record) -> None:
    """Keep it."""
    heard.append(record)


def no_coroutine(record: Record) -> None:
    """It cannot be awaited."""
