"""What rules are told, and what they answer: frozen values."""

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from bots.moderation.normalise import Normalised
from bots.moderation.rules.actions import Action
from bots.moderation.rules.state import RuleState

Mode: TypeAlias = Literal["enforce", "shadow", "off"]
"""``shadow``: the rule judges, its verdicts are written down as what it would have done, and nobody notices."""

Scores: TypeAlias = Mapping[str, float | None]
"""What scorers say of a text, by their names: 0 to 1, or None for one that gave no answer."""


class Message(Struct, frozen=True, kw_only=True):
    """Somebody said something in a channel. ``ms``: the gateway's time in milliseconds since 1970."""

    channel: str
    account: str
    text: str
    ms: int
    roles: tuple[str, ...] = ()


class Joined(Struct, frozen=True, kw_only=True):
    """Somebody came into a channel. Told twice for one joining, it counts once."""

    channel: str
    account: str
    ms: int
    roles: tuple[str, ...] = ()


Fact: TypeAlias = Message | Joined


class Finding(Struct, frozen=True, kw_only=True):
    """What a check found: ``start`` to ``end`` of the original text, and ``matched``, that part as the rule saw it.

    ``key`` is what the check counts by (an account, a channel), empty for one that counts nothing. ``again``: it goes
    on with what was found before, and is no new offence. ``accounts``: who else has a part in it.
    """

    detail: str
    start: int = 0
    end: int = 0
    matched: str = ""
    key: str = ""
    again: bool = False
    accounts: tuple[str, ...] = ()


class Check(Protocol):
    """One rule's test, compiled."""

    def check(self, fact: Fact, text: Normalised, state: RuleState, scores: Scores) -> Finding | None:
        """What is wrong with the fact, or None. ``text`` is the message's, normalised once for all rules."""
        ...


class Verdict(Struct, frozen=True, kw_only=True):
    """A rule's answer to a fact.

    ``evidence`` is what stands at ``start`` to ``end`` of the original text, ``matched`` the same as the rule saw it,
    ``detail`` in plain words what is wrong with it. ``considered`` are the exemptions that did not apply.
    """

    rule: str
    version: str
    kind: str
    mode: Mode
    actions: tuple[Action, ...]
    deliver: bool
    detail: str
    start: int
    end: int
    evidence: str
    matched: str
    key: str
    again: bool
    accounts: tuple[str, ...]
    considered: tuple[str, ...]
