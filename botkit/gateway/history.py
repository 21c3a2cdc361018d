"""The latest notices of the channels, for members whose connection was lost and that come back.

What is kept is bounded three ways: by age, by bytes in each channel, and by bytes in all of them together.
"""

import heapq
from collections import deque
from typing import NamedTuple

from botkit.observability.metrics import Counter
from botkit.wire.limits import RESUME_SECONDS

KEEP_SECONDS = 2 * RESUME_SECONDS
"""A lost connection is noticed after 30 s at the latest, and waited for another 30 s."""

NOTICE_BYTES = 200
"""What a notice takes in memory besides its frame."""


class HistoryRoom:
    """What the histories of all channels may take: bytes of ``each`` one, and all ``together``.

    Beyond ``each`` a channel's oldest notices go. Beyond ``together`` the oldest of those that hold most go, so that
    nobody's flood costs the quiet channels theirs. ``dropped`` counts both; what goes for its age is not counted.
    """

    def __init__(self, each: int, together: int, dropped: Counter) -> None:
        self.each, self._together = each, together
        self.dropped = dropped
        self.used = 0
        self._histories: set[History] = set()

    def prune(self, now: float) -> None:
        """Let go of what is too old; histories that nothing is added to do not do so themselves."""
        for history in list(self._histories):
            history.prune(now)

    def take(self, history: "History", size: int) -> None:
        """``history`` has ``size`` more (or, when negative, less); others may lose theirs to make room."""
        self.used += size
        if history.size:
            self._histories.add(history)
        else:
            self._histories.discard(history)
        if self.used > self._together:
            self._make_room()

    def _make_room(self) -> None:
        """Halve the largest until an eighth of the whole is free: not each notice should look for the largest one."""
        largest = [(-history.size, number, history) for number, history in enumerate(self._histories)]
        heapq.heapify(largest)
        while largest and self.used > self._together - self._together // 8:
            _, number, history = heapq.heappop(largest)
            self.dropped.add_for("all", history.shrink(history.size // 2))
            if history.size:
                heapq.heappush(largest, (-history.size, number, history))


class _Kept(NamedTuple):
    number: int
    at: float
    frame: bytes


class History:
    """Framed notices of one channel, with their numbers. They share their bytes with the deliveries."""

    __slots__ = ("_notices", "_room", "size")

    def __init__(self, room: HistoryRoom) -> None:
        self._room = room
        self._notices: deque[_Kept] = deque()
        self.size = 0

    def add(self, number: int, now: float, frame: bytes) -> None:
        """Keep a notice."""
        self.prune(now)
        self._notices.append(_Kept(number, now, frame))
        added = len(frame) + NOTICE_BYTES
        self.size += added
        self._room.take(self, added)
        if self.size > self._room.each:
            self._room.dropped.add_for("channel", self.shrink(self._room.each))

    def prune(self, now: float) -> None:
        """Let go of what is more than a minute old."""
        notices = self._notices
        gone = 0
        while notices and notices[0].at < now - KEEP_SECONDS:
            gone += len(notices.popleft().frame) + NOTICE_BYTES
        self._give_back(gone)

    def shrink(self, most: int) -> int:
        """Drop the oldest until there are at most ``most`` bytes, and return how many notices that were."""
        count = gone = 0
        while self.size - gone > most:
            gone += len(self._notices.popleft().frame) + NOTICE_BYTES
            count += 1
        self._give_back(gone)
        return count

    def since(self, number: int, newest: int) -> tuple[list[bytes], int]:
        """The frames after ``number`` up to ``newest``, and how many of them are gone."""
        frames = [kept.frame for kept in self._notices if number < kept.number <= newest]
        return frames, max(0, newest - number - len(frames))

    def clear(self) -> None:
        """Forget all: nobody is in the channel who could come back."""
        self._notices.clear()
        self._give_back(self.size)

    def _give_back(self, gone: int) -> None:
        if gone:
            self.size -= gone
            self._room.take(self, -gone)
