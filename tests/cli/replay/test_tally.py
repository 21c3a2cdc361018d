"""What was sent against what arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.cli.replay.tally import Comparison, Flow, Sent, Tally, compare
from botkit.types import Account

ANN, BOB = Account("ann"), Account("bob")


@pytest.mark.parametrize(
    ("sent", "arrived", "expected"),
    [
        ("", "", Comparison()),
        ("abc", "abc", Comparison(arrived=3)),
        ("abc", "ac", Comparison(arrived=2, lost=1)),
        ("abc", "", Comparison(lost=3)),
        ("abc", "abbc", Comparison(arrived=4, extra=1)),
        ("abc", "acb", Comparison(arrived=3, disordered=2)),
        ("aa", "a", Comparison(arrived=1, lost=1)),
        ("ab", "abx", Comparison(arrived=3, extra=1)),
        ("a?b", "ab", Comparison(arrived=2)),
        ("a?b", "a?b", Comparison(arrived=3)),
        ("?", "", Comparison()),
    ],
)
def test_compared(sent: str, arrived: str, expected: Comparison) -> None:
    assert compare([Sent(item, certain=item != "?") for item in sent], list(arrived)) == expected
    assert expected.clean is (expected.lost + expected.disordered + expected.extra == 0)


@given(st.lists(st.sampled_from("abc")), st.data())
def test_every_loss_swap_and_repetition_is_found(sent: list[str], data: st.DataObject) -> None:
    assert compare([Sent(item) for item in sent], sent).clean
    arrived = data.draw(st.permutations(sent) | st.lists(st.sampled_from("abc")))
    comparison = compare([Sent(item) for item in sent], arrived)
    assert comparison.clean is (arrived == sent)
    assert len(sent) - comparison.lost + comparison.extra == len(arrived)


def test_a_flow_keeps_senders_apart() -> None:
    flow = Flow()
    for account, item in [(ANN, "x"), (BOB, "y"), (ANN, "z")]:
        flow.send(account, item)
    for account, item in [(BOB, "y"), (ANN, "x"), (ANN, "z")]:
        flow.arrive(account, item)
    assert flow.compared() == Comparison(arrived=3)
    assert (flow.sent_of("x"), flow.arrived_of("x")) == (1, 1)


def test_what_was_refused_is_not_expected_and_what_is_uncertain_may_come() -> None:
    flow = Flow()
    flow.send(ANN, "refused")
    flow.withdraw(ANN, uncertain=False)
    flow.send(ANN, "maybe")
    flow.withdraw(ANN, uncertain=True)
    flow.send(ANN, "sure")
    assert flow.expected == 2
    flow.arrive(ANN, "sure")
    assert flow.compared().clean
    flow = Flow()
    flow.arrive(BOB, "from nowhere")
    assert flow.compared() == Comparison(arrived=1, extra=1)


def test_a_gap_that_was_announced_is_a_loss() -> None:
    tally = Tally()
    assert tally.nothing_lost
    tally.events_lost.append("observer: overflow")
    assert not tally.nothing_lost
