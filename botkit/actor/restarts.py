"""OTP's rules for restarts, pure: who is restarted when a child ends, and when to give up."""

from collections import deque
from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from botkit.actor.child import Restart
from botkit.actor.exits import Exit


class Strategy(Enum):
    """Who is restarted along with a child (OTP's supervision strategies)."""

    ONE_FOR_ONE = "one_for_one"
    """Nobody else."""
    ONE_FOR_ALL = "one_for_all"
    """All its siblings: the children need one another."""
    REST_FOR_ONE = "rest_for_one"
    """Those that were started after it: each child needs those before it."""


def needs_restart(restart: Restart, exit: Exit) -> bool:
    """Whether a child with this restart type is started again after it ended by itself, in this way."""
    return restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and exit.crashed)


def restart_group(strategy: Strategy, children: Sequence[str], ended: str) -> list[str]:
    """The names of the children, in start order, that are restarted when ``ended`` needs a restart."""
    position = list(children).index(ended)
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return [ended]
        case Strategy.ONE_FOR_ALL:
            return list(children)
        case Strategy.REST_FOR_ONE:
            return list(children[position:])


class RestartBudget(Struct, frozen=True):
    """At most ``restarts`` (0 or more) within ``seconds``; one more, and the supervisor gives up."""

    restarts: int = 5
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.restarts < 0 or self.seconds <= 0:
            raise ValueError(
                f"restart budget: 0 or more restarts in more than 0 s expected, got {self.restarts} in {self.seconds} s"
            )


class RestartCount:
    """The restarts of the last period. The restarts of a group count once, as in OTP."""

    def __init__(self, budget: RestartBudget) -> None:
        self.budget = budget
        self._times: deque[float] = deque()

    def spend(self, now: float) -> bool:
        """Count one restart at ``now`` (seconds); False when that is one too many."""
        while self._times and self._times[0] < now - self.budget.seconds:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= self.budget.restarts

    def begin_spent(self, now: float) -> None:
        """Begin with nothing left: the budget comes back once its period has passed."""
        self._times = deque([now] * self.budget.restarts)
