"""Settings and statistics."""

import msgspec
import pytest

from botkit.signaling import SessionStatistics, SignalSettings
from botkit.signaling.statistics import Counters, snapshot


@pytest.mark.parametrize(
    "values",
    [
        {"request_timeout": 0},
        {"ping_interval": -1},
        {"event_buffer": 0},
        {"max_requests": 0},
        {"ended_calls": -1},
        {"message_ttl": -1},
        {"reconnect_attempts": -1},
    ],
)
def test_values_that_cannot_work_are_refused(values: dict[str, int]) -> None:
    name = next(iter(values))
    with pytest.raises(ValueError, match=f"SignalSettings.{name}"):
        SignalSettings(**values)  # type: ignore[arg-type]


def test_a_snapshot_carries_every_counter() -> None:
    counters = Counters(frames_sent=3, events_dropped=4)
    taken = snapshot(counters, events_waiting=1, requests_waiting=2, calls_open=5)
    counters.frames_sent = 9
    assert isinstance(taken, SessionStatistics)
    assert (taken.frames_sent, taken.events_dropped, taken.calls_open) == (3, 4, 5)
    assert {field.name for field in msgspec.structs.fields(Counters)} <= set(SessionStatistics.__struct_fields__)
