"""Breaks loops of bots that answer one another without end.

Bots answer at once, people do not: whoever answers within the window, time after time, each time after having been
answered, is taken for a bot, and is not listened to for a while. Nobody reads and types so fast so often: who chats
fast takes longer than the window now and then, and that begins the count anew. A script that pours in messages as fast
as it is answered is taken for a bot as well. So is one of several bots in a ring: what counts is that something was
said because of what the account had said, to whomever. The caller passes the time.
"""

from enum import Enum, auto
from typing import TypeVar

from msgspec import Struct

V = TypeVar("V")

MAX_PAIRS = 4096
"""Accounts that are followed at a time, and as many that are not listened to; above, the oldest one is let go."""


class LoopLimits(Struct, frozen=True, kw_only=True):
    """When a loop is broken: after ``turns`` answers of an account, each within ``window_seconds`` of being answered.

    Then it is not listened to for ``pause_seconds``. With 0 ``turns`` nothing is ever broken. Raises ``ValueError`` for
    less than 0 turns, and for times of not more than 0.
    """

    turns: int = 30
    window_seconds: float = 0.5
    pause_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.turns < 0:
            raise ValueError(f"loops: turns is 0 or more, not {self.turns}")
        for name in ("window_seconds", "pause_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"loops: {name} is more than 0, not {getattr(self, name)}")


class Verdict(Enum):
    """What becomes of a message: it is listened to; it breaks a loop; it comes in the pause after that."""

    LISTEN = auto()
    BREAK = auto()
    PAUSE = auto()


class _Exchange:
    """What goes on with one account: when it was last answered (None: it has spoken since), and its turns so far."""

    __slots__ = ("answered", "turns")

    def __init__(self) -> None:
        self.answered: float | None = None
        self.turns = 0


class LoopBreaker:
    """Follows who answers whom, for one bot."""

    def __init__(self, limits: LoopLimits) -> None:
        self.limits = limits
        self._exchanges: dict[str, _Exchange] = {}
        self._paused: dict[str, float] = {}

    def heard(self, account: str, now: float) -> Verdict:
        """A message of ``account`` came."""
        until = self._paused.get(account)
        if until is not None:
            if now < until:
                return Verdict.PAUSE
            del self._paused[account]
        exchange = self._exchanges.get(account)
        if exchange is None or exchange.answered is None:
            return Verdict.LISTEN
        if now - exchange.answered > self.limits.window_seconds:
            del self._exchanges[account]
            return Verdict.LISTEN
        exchange.answered = None
        exchange.turns += 1
        if exchange.turns < self.limits.turns:
            return Verdict.LISTEN
        del self._exchanges[account]
        _keep(self._paused, account, now + self.limits.pause_seconds)
        return Verdict.BREAK

    def answered(self, account: str, now: float) -> None:
        """Something was said because of what ``account`` had said."""
        if not self.limits.turns:
            return
        exchange = self._exchanges.pop(account, None) or _Exchange()
        exchange.answered = now
        _keep(self._exchanges, account, exchange)

    def __len__(self) -> int:
        return len(self._exchanges) + len(self._paused)


def _keep(kept: dict[str, V], account: str, value: V) -> None:
    """Put it at the end, and let the oldest go when there are too many."""
    kept[account] = value
    if len(kept) > MAX_PAIRS:
        del kept[next(iter(kept))]
