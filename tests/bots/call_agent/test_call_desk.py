from datetime import UTC, datetime

import pytest

from bots.call_agent.desk import Desk
from bots.call_agent.settings import AcceptRule

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
NIGHT = datetime(2024, 1, 1, 23, tzinfo=UTC)


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
    assert desk.admit(channel, now) == refusal


@pytest.mark.row("F11")
def test_the_last_place_is_given_once() -> None:
    desk = Desk([AcceptRule()], 2)
    assert [desk.admit("c", NOON) for _ in range(4)] == [None, None, "full", "full"]
    desk.release()
    assert desk.busy == 1
    assert [desk.admit("c", NOON) for _ in range(2)] == [None, "full"]


def test_a_refusal_takes_no_place() -> None:
    desk = Desk([AcceptRule(channel="a", hours="09:00-17:00")], 1)
    assert desk.admit("a", NIGHT) == "closed"
    assert desk.admit("b", NOON) == "no_rule"
    assert desk.admit("a", NOON) is None


def test_a_place_cannot_be_given_back_twice() -> None:
    desk = Desk([AcceptRule()], 1)
    assert desk.admit("a", NOON) is None
    desk.release()
    with pytest.raises(RuntimeError, match="more places than were taken"):
        desk.release()
