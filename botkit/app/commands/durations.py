"""Durations as people write them in commands: ``90s``, ``10m``, ``1h30m``, ``2d``, ``1w``."""

import re
from datetime import timedelta

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")

MAX_DURATION = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """The duration that ``text`` says. Raises ``ValueError`` for what is none, nothing, or more than 100 years."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is no duration")
    numbers = zip(match.groups(default="0"), _UNITS.values(), strict=True)
    seconds = sum(int(number) * unit for number, unit in numbers)
    if not 0 < seconds <= MAX_DURATION.total_seconds():
        raise ValueError(f"{text!r} is nothing, or too long")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """The duration in whole seconds, as ``parse_duration`` reads it; ``0s`` for less."""
    left, text = int(duration.total_seconds()), ""
    for unit, seconds in _UNITS.items():
        number, left = divmod(left, seconds)
        text += f"{number}{unit}" if number else ""
    return text or "0s"
