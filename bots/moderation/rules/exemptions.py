"""Whom a rule leaves alone: decided by account, role and channel, and said in words."""

import re
from collections.abc import Iterable, KeysView
from fnmatch import translate

from bots.moderation.rules.facts import Fact
from bots.moderation.rules.settings import Exempt


class Exemptions:
    """The exemptions of a rule: its own and those of all rules, and where the rule holds (``only_in``; empty: all)."""

    def __init__(self, exempts: Iterable[Exempt], only_in: tuple[str, ...] = ()) -> None:
        exempts = list(exempts)
        self._accounts = _unique(name for exempt in exempts for name in exempt.accounts)
        self._roles = _unique(name for exempt in exempts for name in exempt.roles)
        self._channels = _unique(name for exempt in exempts for name in exempt.channels)
        self._account, self._channel = _pattern(self._accounts), _pattern(self._channels)
        self._only_in = _pattern(only_in) if only_in else None

    def holds(self, channel: str) -> bool:
        """Whether the rule is one for this channel at all."""
        return self._only_in is None or self._only_in.match(channel) is not None

    def cover(self, fact: Fact) -> bool:
        """Whether the fact's account, one of its roles, or its channel is exempt."""
        return (
            (bool(self._accounts) and self._account.match(fact.account) is not None)
            or (bool(self._channels) and self._channel.match(fact.channel) is not None)
            or (bool(fact.roles) and not self._roles.isdisjoint(fact.roles))
        )

    def considered(self, fact: Fact) -> tuple[str, ...]:
        """For a fact that none of them covers: what was looked at, in words."""
        roles = ", ".join(fact.roles) or "none"
        lines = [f"accounts {', '.join(self._accounts)}: {fact.account} is none of them"] if self._accounts else []
        lines += [f"roles {', '.join(self._roles)}: {fact.account} has {roles}"] if self._roles else []
        lines += [f"channels {', '.join(self._channels)}: {fact.channel} is none of them"] if self._channels else []
        return tuple(lines)


def _unique(names: Iterable[str]) -> KeysView[str]:
    return dict.fromkeys(names).keys()


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(name) for name in names) or r"(?!)")
