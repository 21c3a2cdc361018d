"""One limit of the service as a sender has to see it: so many messages in any second. No clock: callers pass ``now``.

The gateway counts a message from when it takes it, for a second. When that was, a sender cannot know, but it was
between the sending and the answer. So here a message counts from its sending until a second after its answer:
whatever the network does to it, no second as the gateway sees it has too many.
"""

import math
from collections import deque
from typing import Generic, Literal, TypeAlias, TypeVar

from botkit.signaling.effects import Lane

Scope: TypeAlias = Literal["user", "channel", "attribute"]
"""What has a limit."""

T = TypeVar("T")

PERIOD = 1.001
"""Seconds that a message counts after its answer; the thousandth is for clocks that do not run alike."""

CROWD_SECONDS = 5.0
"""For so long after somebody else was seen to use a limit, others are taken to be at it."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds to wait after a refusal; each further one in a row doubles it."""

AT_ONCE = {Lane.MODERATION: math.inf, Lane.ALERT: 0.5, Lane.CHAT: 0.25}
"""The share of a limit up to which a lane may go out at once; beyond, it keeps to an even pace."""

CATCH_UP = 0.05
"""Seconds that senders may be behind the pace and still make up for it."""

PASSED_OVER = 9
"""So often in a row a lane lets those before it go first; then it is its turn."""


class Window(Generic[T]):
    """What is left of a limit, and who waits for it, by lanes.

    What is not most urgent goes out at once only while little of the limit is used, and beyond that spread evenly over
    time: so that there is room soon for what is more urgent, however much of the other there is.
    """

    def __init__(self, scope: Scope, limit: int) -> None:
        self.scope, self.limit = scope, limit
        self.wake_at = math.inf
        self._under_way = 0
        self._ends: deque[float] = deque()  # when what was answered, or seen, stops to count
        self._paced_until = -math.inf
        self._shut_until = -math.inf
        self._crowded_until = -math.inf
        self._refusals = 0
        self._lanes: tuple[deque[T], ...] = tuple(deque() for _ in Lane)
        self._passed_over = [0 for _ in Lane]

    def fits(self, lane: Lane, now: float) -> bool:
        """Whether one more may go out ``now``."""
        used = self._used(now)
        return (
            used < self.limit and now >= self._shut_until and (now >= self._paced_until or not self._paced(lane, used))
        )

    def take(self, lane: Lane, now: float) -> None:
        """One goes out, or is about to."""
        self._under_way += 1
        if lane is not Lane.MODERATION:
            self._paced_until = max(self._paced_until + 1 / max(1, self.limit), now - CATCH_UP)

    def give_back(self, now: float, *, counts: bool = True) -> None:
        """What was taken is answered; unless it ``counts``, the gateway has not counted it."""
        self._under_way -= 1
        if counts:
            self._refusals = 0
            self._ends.append(now + PERIOD)

    def see(self, now: float) -> None:
        """A message of somebody else, which counts like one's own."""
        self._ends.append(now + PERIOD)
        self._crowded_until = now + CROWD_SECONDS

    def refuse(self, now: float) -> None:
        """The gateway found no room: others were there whom nobody has seen yet."""
        self._crowded_until = now + CROWD_SECONDS
        if now >= self._shut_until:  # else it is one of those that were under way together
            self._shut_until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._refusals, 10))
            self._refusals += 1

    def crowded(self, now: float) -> bool:
        """Whether others use the limit too, so that one of ours may be refused."""
        return now < self._crowded_until

    def idle(self, now: float) -> bool:
        """Whether nothing counts and nobody waits."""
        return not self._used(now) and not any(self._lanes)

    def park(self, waiting: T, lane: Lane) -> None:
        """Put somebody at the end of a lane."""
        self._lanes[lane].append(waiting)

    @property
    def has_parked(self) -> bool:
        """Whether somebody waits."""
        return any(self._lanes)

    def next(self, now: float) -> T | None:
        """Whose turn it is now, taken out of its lane; None while nobody fits."""
        for lane in sorted(Lane, key=lambda lane: (self._passed_over[lane] < PASSED_OVER, lane)):
            if self._lanes[lane] and self.fits(lane, now):
                for later in range(lane + 1, len(Lane)):
                    self._passed_over[later] += bool(self._lanes[later])
                self._passed_over[lane] = 0
                return self._lanes[lane].popleft()
        return None

    def opens_at(self, now: float) -> float:
        """When the next one that waits will fit; infinity when nobody does, or only an answer can tell."""
        used = self._used(now)
        lanes = [lane for lane in Lane if self._lanes[lane]]
        full = used - self.limit
        if not lanes or full >= len(self._ends):
            return math.inf
        opens = max(self._shut_until, self._ends[full] if full >= 0 else now)
        return opens if not all(self._paced(lane, used) for lane in lanes) else max(opens, self._paced_until)

    def _used(self, now: float) -> int:
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        return self._under_way + len(self._ends)

    def _paced(self, lane: Lane, used: int) -> bool:
        return used >= max(1.0, self.limit * AT_ONCE[lane])
