"""Nicks as accounts: most are valid as they are, the others are mapped, visibly and each to its own."""

from collections.abc import Iterable

from botkit.types import Account
from botkit.wire.limits import MAX_ACCOUNT_BYTES, account_violation


class AccountNames:
    """Gives every nick an account of its own. ``reserved`` are accounts that no nick may have."""

    def __init__(self, reserved: Iterable[Account]) -> None:
        self._accounts: dict[str, Account] = {}
        self._taken: set[str] = set(reserved)

    def account_of(self, nick: str) -> Account:
        """The account of ``nick``: the nick itself unless that is no valid account, or is taken."""
        if nick not in self._accounts:
            self._accounts[nick] = self._free_account(nick)
        return self._accounts[nick]

    def mapped(self) -> dict[str, Account]:
        """The nicks that could not keep their name, with the account that each has."""
        return {nick: account for nick, account in self._accounts.items() if nick != account}

    def _free_account(self, nick: str) -> Account:
        valid = nick if account_violation(nick) is None else _cleaned(nick)
        name, number = valid, 1
        while name in self._taken:
            number += 1
            suffix = f"~{number}"
            name = _cut(valid, MAX_ACCOUNT_BYTES - len(suffix)) + suffix
        self._taken.add(name)
        return Account(name)


def _cleaned(nick: str) -> str:
    visible = "".join("_" if character.isspace() or not character.isprintable() else character for character in nick)
    return _cut(visible, MAX_ACCOUNT_BYTES) or "_"


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
