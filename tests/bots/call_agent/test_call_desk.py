from datetime import UTC, datetime, timedelta

import pytest

from bots.call_agent.desk import Desk, Visit, facts_of
from bots.call_agent.settings import AcceptRule, RefuseRule

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
NIGHT = datetime(2024, 1, 1, 23, tzinfo=UTC)
VIP = '{"tier": "gold", "score": 7}'


class Seat:
    """A call that is over when it is said to be."""

    def __init__(self) -> None:
        self.over = False

    def is_over(self) -> bool:
        """Whether it is."""
        return self.over


@pytest.mark.row("F01")
@pytest.mark.parametrize(
    ("visit", "now", "refusal"),
    [
        (Visit("ann", "support-1"), NOON, None),
        (Visit("ann", "support-1"), NIGHT, "closed"),
        (Visit("ann", "Support-1"), NOON, "no_rule"),
        (Visit("ann", "sales"), NOON, "no_rule"),
        (Visit("ann", "sales", VIP), NIGHT, None),
        (Visit("ann", "sales", '{"tier": "silver", "score": 7}'), NIGHT, "no_rule"),
        (Visit("ann", "sales", '{"tier": "gold", "score": 17}'), NIGHT, "no_rule"),
        (Visit("ann", "sales", "no json"), NIGHT, "no_rule"),
        (Visit("ann", "sales", "[1]"), NIGHT, "no_rule"),
        (Visit("boss-7", "anything"), NIGHT, None),
        (Visit("mallory", "support-1"), NOON, "banned"),
        (Visit("mallory", "support-1", VIP), NOON, "banned"),
        (Visit("ann", "support-1", '{"test": "yes"}'), NOON, "refused"),
        (Visit("", ""), NOON, "no_rule"),
        (Visit("ann", "night-7"), NIGHT, None),  # a Monday
        (Visit("ann", "night-7"), NIGHT + timedelta(days=1), "closed"),
        (Visit("ann", "night-7"), NIGHT + timedelta(hours=4), None),  # it belongs to Monday
        (Visit("ann", "rome"), NIGHT, None),  # midnight in Rome
        (Visit("ann", "rome"), NOON, "closed"),
    ],
)
def test_the_rules_decide_by_caller_channel_extra_and_hour(visit: Visit, now: datetime, refusal: str | None) -> None:
    accept = [
        AcceptRule(channel="support-*", hours="09:00-17:00"),
        AcceptRule(extra={"tier": "gold", "score": "?"}),
        AcceptRule(caller="boss-*"),
        AcceptRule(channel="night-*", hours="22:00-06:00", days=("mon",)),
        AcceptRule(channel="rome", hours="00:00-06:00", timezone="Europe/Rome"),
    ]
    refuse = [RefuseRule(caller="mal*", reason="banned"), RefuseRule(extra={"test": "*"})]
    assert Desk(accept, refuse, max_calls=10).admit(visit, now, Seat().is_over) == refusal


@pytest.mark.row("F01")
def test_the_load_decides_too() -> None:
    desk = Desk([AcceptRule(while_below=2), AcceptRule(caller="boss")], max_calls=3)
    answers = [desk.admit(Visit(caller, "c"), NOON, Seat().is_over) for caller in ("ann", "bob", "eve", "boss", "boss")]
    assert answers == [None, None, "busy", None, "full"]


@pytest.mark.row("F11")
def test_the_last_place_is_given_once() -> None:
    desk = Desk([AcceptRule()], max_calls=2)
    assert [desk.admit(Visit("ann", "c"), NOON, Seat().is_over) for _ in range(4)] == [None, None, "full", "full"]
    assert desk.busy == 2
    assert not desk.reserve(Seat().is_over)


def test_a_call_that_is_over_has_no_place() -> None:
    desk, seats = Desk([AcceptRule()], max_calls=2), [Seat(), Seat()]
    assert [desk.admit(Visit("ann", "c"), NOON, seat.is_over) for seat in seats] == [None, None]
    seats[0].over = True
    assert desk.busy == 1
    assert desk.reserve(Seat().is_over)
    assert desk.admit(Visit("ann", "c"), NOON, Seat().is_over) == "full"


def test_a_refusal_takes_no_place() -> None:
    desk = Desk([AcceptRule(channel="a", hours="09:00-17:00")], max_calls=1)
    assert desk.admit(Visit("ann", "a"), NIGHT, Seat().is_over) == "closed"
    assert desk.admit(Visit("ann", "b"), NOON, Seat().is_over) == "no_rule"
    assert desk.busy == 0
    assert desk.admit(Visit("ann", "a"), NOON, Seat().is_over) is None


@pytest.mark.row("F14")
def test_a_desk_that_is_closed_lets_nobody_in() -> None:
    desk = Desk([AcceptRule()], max_calls=2)
    desk.close()
    assert desk.admit(Visit("ann", "c"), NOON, Seat().is_over) == "stopping"
    assert not desk.reserve(Seat().is_over)


def test_what_an_extra_says() -> None:
    assert facts_of('{"a": "x", "b": 1, "c": {"d": true}}') == {"a": "x", "b": "1", "c": '{"d":true}'}
    assert facts_of("") == facts_of("{") == facts_of("7") == {}
