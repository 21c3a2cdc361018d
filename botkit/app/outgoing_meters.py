"""What the governor of an app tells, as metrics."""

from botkit.observability.metrics import Meters
from botkit.signaling import Lane
from botkit.signaling.governor_window import Scope

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)


class OutgoingMeters:
    """A ``GovernorWatch`` that counts."""

    def __init__(self, meters: Meters) -> None:
        self._waits = meters.histogram(
            "outgoing_wait_seconds", "Seconds that messages waited for the service's limits", _SECONDS
        )
        self._refused = meters.counter("outgoing_refused", "Messages refused since too many waited", "lane")
        self._retries = meters.counter(
            "outgoing_retries", "Messages sent again since others had used up the limit", "scope"
        )

    def waited(self, _lane: Lane, seconds: float, /) -> None:
        """See ``GovernorWatch``."""
        self._waits.observe(seconds)

    def refused(self, lane: Lane, /) -> None:
        """See ``GovernorWatch``."""
        self._refused.add_for(lane.name.lower())

    def retried(self, scope: Scope, /) -> None:
        """See ``GovernorWatch``."""
        self._retries.add_for(scope)
