"""Who is let in: the rules for invitations, and the places there are. Pure: the time is an argument."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from typing import TypeAlias

import msgspec
from msgspec import Struct

from bots.call_agent.hours import ALL_DAY, Hours, parse_hours, time_zone
from bots.call_agent.settings import ALL_DAYS, AcceptRule, RefuseRule


class Visit(Struct, frozen=True):
    """An invitation, as far as rules look at it. ``extra`` is JSON, or empty."""

    caller: str
    channel: str
    extra: str = ""


class _Opening(Struct, frozen=True):
    """An accept rule, ready for use."""

    rule: AcceptRule
    hours: Hours
    days: frozenset[int]
    zone: tzinfo


IsOver: TypeAlias = Callable[[], bool]
"""Whether the call that has a place is over."""


class Desk:
    """Gives places to calls by the rules, never more than ``max_calls`` at once.

    Asking and taking are one step without a wait in between, so that invitations that come at once cannot share the
    last place. A place is free the moment that its call is over, whatever its record still waits for: who hangs up and
    calls again at once finds it so.
    """

    def __init__(self, accept: Sequence[AcceptRule], refuse: Sequence[RefuseRule] = (), *, max_calls: int) -> None:
        self._openings, self._refuse, self._max_calls = [_opening(rule) for rule in accept], refuse, max_calls
        self._taken: list[IsOver] = []
        self._closed = False

    @property
    def busy(self) -> int:
        """How many places are taken."""
        self._taken = [is_over for is_over in self._taken if not is_over()]
        return len(self._taken)

    def admit(self, visit: Visit, now: datetime, is_over: IsOver) -> str | None:
        """Gives an invitation a place and returns None, or returns the reason for the caller why there is none.

        Reasons are that of a ``refuse`` rule, or ``stopping``, ``no_rule``, ``closed`` (the hours), ``busy`` (a rule's
        ``while_below``), ``full``. Raises ``ValueError`` for a time without a zone.
        """
        if self._closed:
            return "stopping"
        extra = facts_of(visit.extra)
        for refusal in self._refuse:
            if _fits(refusal, visit, extra):
                return refusal.reason
        fitting = [opening for opening in self._openings if _fits(opening.rule, visit, extra)]
        if not fitting:
            return "no_rule"
        fitting = [opening for opening in fitting if opening.hours.contain(now, opening.days, opening.zone)]
        if not fitting:
            return "closed"
        busy = self.busy
        if busy < self._max_calls and all(busy >= (one.rule.while_below or self._max_calls) for one in fitting):
            return "busy"
        return None if self.reserve(is_over) else "full"

    def reserve(self, is_over: IsOver) -> bool:
        """Gives a call of the agent's own a place; False when there is none, or none any more."""
        if self._closed or self.busy >= self._max_calls:
            return False
        self._taken.append(is_over)
        return True

    def close(self) -> None:
        """Let nobody in any more: the agent stops."""
        self._closed = True


def facts_of(extra: str) -> Mapping[str, str]:
    """What an invitation's extra carries: the values of its JSON object, as texts; empty for anything else."""
    try:
        found = msgspec.json.decode(extra or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        key: value if isinstance(value, str) else msgspec.json.encode(value).decode() for key, value in found.items()
    }


def _fits(rule: AcceptRule | RefuseRule, visit: Visit, extra: Mapping[str, str]) -> bool:
    return (
        fnmatchcase(visit.caller, rule.caller)
        and fnmatchcase(visit.channel, rule.channel)
        and all(key in extra and fnmatchcase(extra[key], pattern) for key, pattern in rule.extra.items())
    )


def _opening(rule: AcceptRule) -> _Opening:
    return _Opening(
        rule=rule,
        hours=parse_hours(rule.hours) if rule.hours else ALL_DAY,
        days=frozenset(ALL_DAYS.index(day) for day in rule.days),
        zone=time_zone(rule.timezone),
    )
