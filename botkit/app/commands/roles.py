"""Roles: which accounts may use which commands, said where a bot is placed."""

import fnmatch
import re
from collections.abc import Collection, Mapping, Sequence


class Roles:
    """The roles of one placement: for each its accounts, or shell patterns of them (``mod-*``), with case."""

    def __init__(self, accounts: Mapping[str, Sequence[str]]) -> None:
        self._patterns = {
            role: re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")
            for role, patterns in accounts.items()
        }

    def has_one(self, account: str, roles: Collection[str]) -> bool:
        """Whether the account has one of these roles."""
        patterns = (self._patterns.get(role) for role in roles)
        return any(pattern is not None and pattern.match(account) is not None for pattern in patterns)

    def of(self, account: str) -> tuple[str, ...]:
        """The roles that the account has, in alphabetical order."""
        return tuple(sorted(role for role, pattern in self._patterns.items() if pattern.match(account) is not None))

    def nobodys(self, commands: Mapping[str, Collection[str]]) -> list[str]:
        """Those of these commands, each with the roles that it is for, that no account has a role for."""
        return sorted(name for name, roles in commands.items() if roles and not self._patterns.keys() & roles)
