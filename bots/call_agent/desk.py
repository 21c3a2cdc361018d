"""Who is let in: the rules for invitations, and the places there are. Pure: the time is an argument."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from msgspec import Struct

from bots.call_agent.hours import ALL_DAY, Hours, parse_hours, time_zone
from bots.call_agent.settings import ALL_DAYS, AcceptRule

Refusal: TypeAlias = Literal["no_rule", "closed", "full"]
"""Why an invitation is refused; it goes to the caller as ``{"reason": …}``."""


class _Opening(Struct, frozen=True):
    """An accept rule, ready for use."""

    channel: str
    hours: Hours
    days: frozenset[int]
    zone: tzinfo


class Desk:
    """Takes calls by the rules, never more than ``max_calls`` at once."""

    def __init__(self, rules: Sequence[AcceptRule], max_calls: int) -> None:
        self._openings = [_opening(rule) for rule in rules]
        self._max_calls = max_calls
        self._busy = 0

    @property
    def busy(self) -> int:
        """How many places are taken."""
        return self._busy

    def admit(self, channel: str, now: datetime) -> Refusal | None:
        """Takes a place for a call in ``channel`` and returns None, or returns why there is none.

        Asking and taking are one step without a wait in between, so that invitations that come at once cannot share
        the last place. Who was admitted calls :meth:`release` once. Raises ``ValueError`` for a time without a zone.
        """
        fitting = [opening for opening in self._openings if fnmatchcase(channel, opening.channel)]
        if not fitting:
            return "no_rule"
        if not any(opening.hours.contain(now, opening.days, opening.zone) for opening in fitting):
            return "closed"
        if self._busy >= self._max_calls:
            return "full"
        self._busy += 1
        return None

    def release(self) -> None:
        """Gives a place back. Raises ``RuntimeError`` if none is taken: it would let one call too many in."""
        if not self._busy:
            raise RuntimeError("released more places than were taken")
        self._busy -= 1


def _opening(rule: AcceptRule) -> _Opening:
    return _Opening(
        channel=rule.channel,
        hours=parse_hours(rule.hours) if rule.hours else ALL_DAY,
        days=frozenset(ALL_DAYS.index(day) for day in rule.days),
        zone=time_zone(rule.timezone),
    )
