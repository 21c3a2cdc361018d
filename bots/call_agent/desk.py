"""Who is let in: the rules for invitations, and the places there are. Pure: the time is an argument."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from bots.call_agent.hours import ALL_DAY, Hours, parse_hours, time_zone
from bots.call_agent.settings import ALL_DAYS, AcceptRule

Refusal: TypeAlias = Literal["no_rule", "closed", "full"]
"""Why an invitation is refused; it goes to the caller as ``{"reason": …}``."""


class State(Protocol):
    """Where a call is."""

    @property
    def terminal(self) -> bool:
        """True when the call is over."""


class Visitor(Protocol):
    """What is needed of a call to give it a place; botkit's calls have it."""

    @property
    def channel(self) -> str:
        """The channel that the invitation is to."""

    @property
    def state(self) -> State:
        """Where the call is, now."""


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
        self._admitted: list[Visitor] = []

    @property
    def busy(self) -> int:
        """How many places are taken: by calls that were admitted and are not over."""
        self._admitted = [call for call in self._admitted if not call.state.terminal]
        return len(self._admitted)

    def admit(self, call: Visitor, now: datetime) -> Refusal | None:
        """Gives a place to ``call`` until it is over and returns None, or returns why there is none.

        Asking and taking are one step without a wait in between, so that invitations that come at once cannot share
        the last place. A place is free the moment that its call is over, whatever its record still waits for: who
        hangs up and calls again at once finds it so. Raises ``ValueError`` for a time without a zone.
        """
        fitting = [opening for opening in self._openings if fnmatchcase(call.channel, opening.channel)]
        if not fitting:
            return "no_rule"
        if not any(opening.hours.contain(now, opening.days, opening.zone) for opening in fitting):
            return "closed"
        if self.busy >= self._max_calls:
            return "full"
        self._admitted.append(call)
        return None


def _opening(rule: AcceptRule) -> _Opening:
    return _Opening(
        channel=rule.channel,
        hours=parse_hours(rule.hours) if rule.hours else ALL_DAY,
        days=frozenset(ALL_DAYS.index(day) for day in rule.days),
        zone=time_zone(rule.timezone),
    )
