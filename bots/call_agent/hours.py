"""Opening hours in the local time of a place."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from botkit import ConfigError

MINUTES_A_DAY = 24 * 60

_HOURS = re.compile(r"(\d{2}):(\d{2})\s*-\s*(\d{2}):(\d{2})")


class Hours(Struct, frozen=True):
    """From minute ``start`` of a day until before minute ``end``; with ``end`` before ``start``, of the day after."""

    start: int
    end: int

    def contain(self, now: datetime, days: Collection[int], zone: tzinfo) -> bool:
        """True if ``now`` is within the hours of one of the ``days`` (0 is Monday) in ``zone``.

        Hours past midnight belong to the day on which they begin. Raises ``ValueError`` for a time without a zone.
        """
        if now.tzinfo is None:
            raise ValueError("now has no time zone")
        local = now.astimezone(zone)
        minute, today = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.end:
            return today in days and self.start <= minute < self.end
        yesterday = (today - 1) % 7
        return (today in days and minute >= self.start) or (yesterday in days and minute < self.end)


ALL_DAY = Hours(0, MINUTES_A_DAY)


def parse_hours(text: str) -> Hours:
    """``09:00-17:30`` as hours. Raises ``ConfigError`` about ``hours``."""
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{text!r} is no time", key="hours", hint="write from and until, such as 09:00-17:30")
    start, end = (int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3))
    if start >= MINUTES_A_DAY or end > MINUTES_A_DAY or int(match[2]) > 59 or int(match[4]) > 59:
        raise ConfigError(f"{text!r} is no time", key="hours", hint="a day has 00:00 to 24:00")
    if start == end:
        raise ConfigError(f"{text!r} ends as it begins", key="hours", hint="leave it out for all day")
    return Hours(start, end)


def time_zone(name: str) -> tzinfo:
    """The zone of that name (IANA). Raises ``ConfigError``. ``UTC`` is there even without the system's list."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "write UTC, or a name such as Europe/Berlin; a system without any has them in the Python package tzdata"
        raise ConfigError(f"this system knows no zone {name!r}", key="timezone", hint=hint) from None
