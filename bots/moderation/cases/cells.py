"""What should be in force in a cell: the strongest of what was there before and of all acts that count. Pure."""

from collections.abc import Iterable

from bots.moderation.cases.facts import Cell, Level

TOLERANCE_MS = 2_000
"""Two levels whose times differ by less are the same: the gateway counts from when it hears of it."""

MAX_RATE = 1_000_000


def wanted_level(cell: Cell, baseline: Level | None, acts: Iterable[Level], ms: int) -> Level | None:
    """What should be in force at ``ms``; None for nothing.

    A mute or a ban: the one that lasts longest. A limit: the lowest, of equals the one that lasts longest.
    """
    levels = [level for level in (baseline, *acts) if level is not None and level.in_force(ms)]
    if not levels:
        return None
    if cell.kind == "slow":
        return min(levels, key=lambda level: (level.rate or MAX_RATE, -_end(level)))
    return max(levels, key=_end)


def same_level(one: Level | None, other: Level | None) -> bool:
    """Whether there is no need to put ``other`` in the place of ``one``. A channel's limit has no end of its own."""
    if one is None or other is None:
        return one is other
    if one.rate or other.rate:
        return one.rate == other.rate
    return _end(one) == _end(other) or abs(_end(one) - _end(other)) < TOLERANCE_MS


def _end(level: Level) -> float:
    return level.until_ms or float("inf")
