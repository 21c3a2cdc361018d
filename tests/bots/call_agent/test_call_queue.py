"""Queues without a clock: who is next, who hears what, and that nobody is forgotten."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.call_agent.flow.flows import QueueSettings
from bots.call_agent.queues import CallQueue, Humans, Ticket

SETTINGS = QueueSettings(
    humans=("anna", "bert"), max_waiting=3, max_wait_seconds=100, announce_seconds=30, pause_seconds=15
)


def make_queue(*busy: str) -> CallQueue:
    """A queue whose ``busy`` humans have somebody already."""
    humans = Humans()
    for human in busy:
        humans.take(human)
    return CallQueue(SETTINGS, humans)


def join(queue: CallQueue, caller: str, now: float = 0, priority: int = 0) -> Ticket:
    """A caller comes, and there is room."""
    ticket = queue.join(caller, priority, now)
    assert ticket is not None
    return ticket


@pytest.mark.row("F08")
def test_position_is_by_priority_and_then_by_time() -> None:
    queue = make_queue("anna", "bert")
    ann, bob, vip = join(queue, "ann", 0), join(queue, "bob", 1), join(queue, "vip", 2, priority=5)
    assert [queue.position(ticket) for ticket in (vip, ann, bob)] == [1, 2, 3]
    queue.leave(ann, 3)
    assert [queue.position(ticket) for ticket in (vip, bob)] == [1, 2]


@pytest.mark.row("F08")
def test_a_queue_that_is_full_overflows() -> None:
    queue = make_queue("anna", "bert")
    tickets = [queue.join(name, 0, 0) for name in ("a", "b", "c", "d")]
    assert [ticket is None for ticket in tickets] == [False, False, False, True]
    assert (queue.joined, queue.overflowed, len(queue)) == (3, 1, 3)
    assert tickets[0] is not None
    queue.leave(tickets[0], 1)
    assert queue.join("d", 0, 1) is not None


@pytest.mark.row("F08")
def test_who_leaves_is_counted_once() -> None:
    queue = make_queue("anna", "bert")
    ticket = join(queue, "ann")
    queue.leave(ticket, 1)
    queue.leave(ticket, 2)
    assert (queue.abandoned, len(queue)) == (1, 0)


@pytest.mark.row("F08")
def test_the_wait_has_an_end() -> None:
    queue = make_queue("anna", "bert")
    ticket = join(queue, "ann", 10)
    assert not queue.is_due(ticket, 109.9)
    assert queue.is_due(ticket, 110)
    queue.time_out(ticket, 110)
    queue.leave(ticket, 111)
    assert (queue.timed_out, queue.abandoned, len(queue)) == (1, 0, 0)


@pytest.mark.row("F08")
def test_announcements_come_at_first_and_then_in_turn() -> None:
    queue = make_queue("anna", "bert")
    ann, bob = join(queue, "ann", 0), join(queue, "bob", 5)
    assert queue.announcement(bob, 5) == {"position": "2", "waited": "0"}
    assert queue.announcement(bob, 34.9) is None
    assert queue.deadline(bob, 34.9) == 35
    queue.leave(ann, 20)
    assert queue.announcement(bob, 35) == {"position": "1", "waited": "30"}


@pytest.mark.row("F08")
def test_free_humans_get_the_first_callers_the_longest_free_one_first() -> None:
    queue = make_queue()
    humans = queue._humans
    for human, now in (("anna", 1), ("bert", 2)):
        humans.take(human)
        humans.release(human, now)
    ann, bob, eve = (join(queue, name, 3) for name in ("ann", "bob", "eve"))
    assert queue.match(4) == [ann, bob]
    assert (ann.human, bob.human, eve.human) == ("anna", "bert", "")
    queue.serve(ann)
    assert queue.position(bob) == 1
    humans.release("anna", 5)
    assert queue.match(5) == [eve]


@pytest.mark.row("F08")
def test_a_human_who_does_not_answer_costs_no_place_and_is_left_alone_for_a_while() -> None:
    queue = make_queue("bert")
    ann, bob = join(queue, "ann", 0), join(queue, "bob", 1)
    assert queue.match(2) == [ann]
    queue.declined(ann, 10)
    assert queue.position(ann) == 1
    assert queue.match(24.9) == []
    queue.announcement(bob, 24.9)
    assert queue.deadline(bob, 24.9) == 25
    assert queue.match(25) == [ann]
    queue.leave(ann, 26)
    assert queue.match(26) == [bob]


@pytest.mark.row("F08")
def test_humans_are_shared_by_queues() -> None:
    humans = Humans()
    first, second = CallQueue(SETTINGS, humans), CallQueue(QueueSettings(humans=("anna",)), humans)
    ann, bob = join(first, "ann"), join(second, "bob")
    assert first.match(0) == [ann]
    assert ann.human == "anna"
    assert second.match(0) == []
    first.serve(ann)
    humans.release("anna", 5)
    assert second.match(5) == [bob]


EVENTS = st.lists(
    st.tuples(st.sampled_from(["join", "leave", "decline", "serve", "free", "wait"]), st.integers(0, 5)), max_size=60
)


@pytest.mark.row("F08")
@given(EVENTS)
def test_nobody_is_lost_and_no_human_has_two(events: list[tuple[str, int]]) -> None:
    queue, now, there, talking = make_queue(), 0.0, list[Ticket](), list[str]()
    for what, number in events:
        now += 1
        chosen = there[number % len(there)] if there else None
        match what:
            case "join":
                ticket = queue.join(f"caller-{number}", number - 2, now)
                there += [] if ticket is None else [ticket]
            case "leave" if chosen is not None:
                there.remove(chosen)
                queue.leave(chosen, now)
            case "decline" if chosen is not None and chosen.human:
                queue.declined(chosen, now)
            case "serve" if chosen is not None and chosen.human:
                there.remove(chosen)
                talking.append(chosen.human)
                queue.serve(chosen)
            case "free" if talking:
                queue._humans.release(talking.pop(), now)
            case _:
                now += 20
        queue.match(now)
        rung = [ticket.human for ticket in there if ticket.human]
        assert len({*rung, *talking}) == len(rung) + len(talking) <= 2
        assert sorted(queue.position(ticket) for ticket in there) == list(range(1, len(there) + 1))
        assert queue.joined == queue.served + queue.abandoned + queue.timed_out + len(queue)
        assert all(queue.deadline(ticket, now) < math.inf for ticket in there)
