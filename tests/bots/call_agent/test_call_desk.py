from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from bots.call_agent.desk import Desk
from bots.call_agent.settings import AcceptRule

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
NIGHT = datetime(2024, 1, 1, 23, tzinfo=UTC)


@dataclass
class Visit:
    """A call, as far as a desk looks at it; its own state, too."""

    channel: str = "c"
    terminal: bool = False

    @property
    def state(self) -> "Visit":
        """Where it is."""
        return self


@pytest.mark.row("F01")
@pytest.mark.parametrize(
    ("channel", "now", "refusal"),
    [
        ("support-1", NOON, None),
        ("support-1", NIGHT, "closed"),
        ("Support-1", NOON, "no_rule"),
        ("sales", NOON, "no_rule"),
        ("support-vip", NIGHT, None),
        ("", NOON, "no_rule"),
    ],
)
def test_the_rules_decide_by_channel_and_hour(channel: str, now: datetime, refusal: str | None) -> None:
    desk = Desk([AcceptRule(channel="support-*", hours="09:00-17:00"), AcceptRule(channel="support-vip")], 10)
    assert desk.admit(Visit(channel), now) == refusal


@pytest.mark.row("F11")
def test_the_last_place_is_given_once() -> None:
    desk = Desk([AcceptRule()], 2)
    calls = [Visit() for _ in range(4)]
    assert [desk.admit(call, NOON) for call in calls] == [None, None, "full", "full"]
    assert desk.busy == 2


def test_a_call_that_is_over_has_no_place() -> None:
    desk = Desk([AcceptRule()], 2)
    calls = [Visit() for _ in range(4)]
    assert [desk.admit(call, NOON) for call in calls[:2]] == [None, None]
    calls[0].terminal = True
    assert desk.busy == 1
    assert [desk.admit(call, NOON) for call in calls[2:]] == [None, "full"]


def test_a_refusal_takes_no_place() -> None:
    desk = Desk([AcceptRule(channel="a", hours="09:00-17:00")], 1)
    assert desk.admit(Visit("a"), NIGHT) == "closed"
    assert desk.admit(Visit("b"), NOON) == "no_rule"
    assert desk.busy == 0
    assert desk.admit(Visit("a"), NOON) is None
