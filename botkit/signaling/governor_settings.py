"""What a governor can be told, and what it tells."""

from typing import Protocol

from msgspec import Struct

from botkit.signaling.effects import Lane
from botkit.signaling.governor_window import Scope


class GovernorSettings(Struct, frozen=True, kw_only=True):
    """Bounds of a governor. Raises ``ValueError`` for what cannot work.

    ``queue``: messages of one account that may wait in one lane; a further one is refused (``OutgoingQueueFull``).
    ``retry_seconds``: for how long a message is sent again that was refused since others used up a limit.
    """

    queue: int = 4096
    retry_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.queue < 1:
            raise ValueError(f"GovernorSettings.queue: 1 or more expected, got {self.queue}")
        if self.retry_seconds < 0:
            raise ValueError(f"GovernorSettings.retry_seconds: 0 or more expected, got {self.retry_seconds}")


class GovernorWatch(Protocol):
    """Is told what a governor does, for metrics. Must neither wait nor raise."""

    def waited(self, lane: Lane, seconds: float, /) -> None:
        """A message had to wait so long for its turn."""
        ...

    def refused(self, lane: Lane, /) -> None:
        """A message was refused, since too many waited."""
        ...

    def retried(self, scope: Scope, /) -> None:
        """The gateway refused a message since others used up a limit; it waits for another turn."""
        ...


class Unwatched:
    """A watch that nobody looks at."""

    def waited(self, lane: Lane, seconds: float, /) -> None:
        """See ``GovernorWatch``."""

    def refused(self, lane: Lane, /) -> None:
        """See ``GovernorWatch``."""

    def retried(self, scope: Scope, /) -> None:
        """See ``GovernorWatch``."""


class GovernorStatistics(Struct, frozen=True, kw_only=True):
    """A governor, now: ``waiting`` messages, and the ``accounts`` and ``channels`` whose limits it follows."""

    waiting: int
    accounts: int
    channels: int
