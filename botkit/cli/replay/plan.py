"""From a log to what the sessions do: who is there at the start, and then step by step.

A log tells less than what happened: who was there before it began, and (in these logs) who quit. What a nick does
tells the rest: somebody who speaks without having joined was there from the start, somebody who joins while being
there had gone before, and somebody who speaks after having gone is back.
"""

from collections import Counter
from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from botkit.cli.replay.accounts import AccountNames
from botkit.irc_log import Joined, Left, Line, ModeChanged, Quit, Renamed, Said, Unknown
from botkit.types import Account


class Join(Struct, frozen=True):
    """The account joins the channel, logging in if it has no session."""

    account: Account


class Leave(Struct, frozen=True):
    """The account leaves the channel and stays logged in."""

    account: Account


class LogOut(Struct, frozen=True):
    """The account's session ends."""

    account: Account


class Send(Struct, frozen=True):
    """The account sends ``text`` to the channel."""

    account: Account
    text: str


Action: TypeAlias = Join | Leave | LogOut | Send


class Step(Struct, frozen=True):
    """What one line has the sessions do, ``offset`` seconds of the log's time after its start."""

    offset: float
    line: int
    actions: tuple[Action, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """All of a replay.

    ``kinds`` counts the log's lines by kind; ``unknown`` are those that the parser does not know; ``cast`` is who is in
    the channel when the log begins.
    """

    kinds: dict[str, int]
    unknown: tuple[Unknown, ...]
    cast: tuple[Account, ...]
    steps: tuple[Step, ...]

    @property
    def lines(self) -> int:
        """How many lines the log has."""
        return sum(self.kinds.values())

    @property
    def messages(self) -> int:
        """How many messages are to be sent."""
        return sum(isinstance(action, Send) for step in self.steps for action in step.actions)

    @property
    def accounts(self) -> frozenset[Account]:
        """Everybody who is there at some time."""
        return frozenset(self.cast) | {action.account for step in self.steps for action in step.actions}


class _Presence(Enum):
    THERE = "there"
    LEFT = "left"
    GONE = "gone"


class _Planner:
    """Follows who is where while the lines go by."""

    def __init__(self, names: AccountNames) -> None:
        self._names = names
        self._where: dict[Account, _Presence] = {}
        self.cast: list[Account] = []

    def actions(self, line: Line) -> tuple[Action, ...]:
        """What sessions do for a line, after what must be so for it: whoever speaks is logged in and in the channel."""
        match line:
            case Said(nick=nick, text=text, action=action):
                account = self._names.account_of(nick)
                return (*self._be_there(account), Send(account, f"* {nick} {text}" if action else text))
            case Joined(nick=nick):
                return self._join(self._names.account_of(nick))
            case Left(nick=nick):
                account = self._names.account_of(nick)
                return (*self._be_there(account), self._go(account, _Presence.LEFT))
            case Quit(nick=nick):
                account = self._names.account_of(nick)
                return (*self._be_there(account), self._go(account, _Presence.GONE))
            case Renamed(nick=nick, new_nick=new_nick):
                return self._rename(self._names.account_of(nick), self._names.account_of(new_nick))
            case ModeChanged() | Unknown():
                return ()

    def _be_there(self, account: Account) -> tuple[Action, ...]:
        if account not in self._where:
            self.cast.append(account)
            self._where[account] = _Presence.THERE
        return () if self._where[account] is _Presence.THERE else self._join(account)

    def _join(self, account: Account) -> tuple[Action, ...]:
        was_there = self._where.get(account) is _Presence.THERE
        self._where[account] = _Presence.THERE
        return (LogOut(account), Join(account)) if was_there else (Join(account),)

    def _go(self, account: Account, where: _Presence) -> Action:
        self._where[account] = where
        return LogOut(account) if where is _Presence.GONE else Leave(account)

    def _rename(self, old: Account, new: Account) -> tuple[Action, ...]:
        arrive = self._be_there(old)
        if old == new:
            return arrive
        already_there = self._where.get(new) is _Presence.THERE
        return (*arrive, self._go(old, _Presence.GONE), *(() if already_there else self._join(new)))


def make_plan(lines: Sequence[Line], names: AccountNames) -> Plan:
    """The replay of ``lines``; lines of the same minute are spread over it."""
    planner = _Planner(names)
    per_minute = Counter(line.minute for line in lines)
    seen: Counter[int] = Counter()
    steps = []
    for line in lines:
        offset = 60 * (line.minute + seen[line.minute] / per_minute[line.minute])
        seen[line.minute] += 1
        if actions := planner.actions(line):
            steps.append(Step(offset, line.number, actions))
    return Plan(
        kinds=dict(Counter(type(line).__name__ for line in lines)),
        unknown=tuple(line for line in lines if isinstance(line, Unknown)),
        cast=tuple(planner.cast),
        steps=tuple(steps),
    )
