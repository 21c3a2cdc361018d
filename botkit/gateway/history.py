"""The latest notices of a channel, for members whose connection was lost and that come back."""

from collections import deque

from botkit.wire.limits import RESUME_SECONDS

MAX_NOTICES = 8192
"""More than a channel can carry in the time that a session is waited for (200/s for 30 s)."""

KEEP_SECONDS = 2 * RESUME_SECONDS
"""A lost connection is noticed after 30 s at the latest, and waited for another 30 s."""


class History:
    """Framed notices with their numbers, at most 8,192 and a minute old. They share their bytes with the deliveries."""

    __slots__ = ("_notices",)

    def __init__(self) -> None:
        self._notices: deque[tuple[int, float, bytes]] = deque(maxlen=MAX_NOTICES)

    def add(self, message_id: int, now: float, frame: bytes) -> None:
        """Keep a notice."""
        notices = self._notices
        while notices and notices[0][1] < now - KEEP_SECONDS:
            notices.popleft()
        notices.append((message_id, now, frame))

    def since(self, message_id: int, newest: int, most_bytes: int) -> tuple[list[bytes], int]:
        """The frames after ``message_id`` up to ``newest``, and how many of them are gone.

        Of more than ``most_bytes`` the oldest are gone too: what a peer cannot take at once costs it the connection.
        """
        frames: deque[bytes] = deque()
        for number, _, frame in reversed(self._notices):
            most_bytes -= len(frame)
            if number <= message_id or most_bytes < 0:
                break
            if number <= newest:
                frames.appendleft(frame)
        return list(frames), max(0, newest - message_id - len(frames))

    def clear(self) -> None:
        """Forget all: nobody is in the channel who could come back."""
        self._notices.clear()
