import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.presence.spans import Moment, Projection, Span


def moment(seq: int, account: str = "ann", channel: str = "", *, epoch: str = "e", reason: str = "") -> Moment:
    """An event at ``seq`` seconds."""
    return Moment(account=account, uid=7, ms=seq * 1000, epoch=epoch, seq=seq, channel=channel, reason=reason)


def test_a_stay_has_start_end_and_reason() -> None:
    projection = Projection()
    (opened,) = projection.begin(moment(1))
    assert opened == Span(id="online/e/1", kind="online", account="ann", uid=7, channel="", epoch="e", start_ms=1000)
    (closed,) = projection.end(moment(5, reason="logout"))
    assert (closed.id, closed.start_ms, closed.end_ms, closed.reason) == ("online/e/1", 1000, 5000, "logout")
    assert not closed.uncertain


@pytest.mark.row("E01")
def test_online_and_members_are_known_apart() -> None:
    projection = Projection()
    projection.begin(moment(1))
    projection.begin(moment(1, channel="lobby"))
    projection.begin(moment(2, "bob"))
    projection.begin(moment(3, "bob", "room"))
    assert list(projection.online()) == ["ann", "bob"]
    assert list(projection.members("lobby")) == ["ann"]
    projection.end(moment(4, channel="lobby", reason="leave"))
    assert list(projection.members("lobby")) == []
    assert list(projection.online()) == ["ann", "bob"]


def test_an_end_without_a_beginning_is_a_span_of_unknown_start() -> None:
    (span,) = Projection().end(moment(5, reason="logout"))
    assert (span.start_ms, span.end_ms, span.reason, span.uncertain) == (None, 5000, "logout", True)


def test_a_second_beginning_closes_the_first_as_unknown() -> None:
    projection = Projection()
    projection.begin(moment(1))
    closed, opened = projection.begin(moment(4))
    assert (closed.id, closed.end_ms, closed.reason, closed.uncertain) == ("online/e/1", 4000, "unknown", True)
    assert (opened.id, opened.start_ms, opened.uncertain) == ("online/e/4", 4000, False)


def test_after_a_loss_what_was_open_stays_uncertain_and_what_begins_is_not() -> None:
    projection = Projection()
    projection.begin(moment(1))
    (marked,) = projection.lose()
    assert (marked.id, marked.uncertain, marked.end_ms) == ("online/e/1", True, None)
    assert projection.lose() == []
    projection.begin(moment(2, "bob"))
    (ann,) = projection.end(moment(3, reason="logout"))
    (bob,) = projection.end(moment(4, "bob", reason="logout"))
    assert (ann.uncertain, bob.uncertain) == (True, False)


def test_an_end_from_another_epoch_is_uncertain() -> None:
    projection = Projection()
    projection.begin(moment(9, epoch="old"))
    (span,) = projection.end(moment(1, epoch="new", reason="disconnected"))
    assert span.uncertain


def test_past_the_bound_the_oldest_open_span_is_closed_as_unknown() -> None:
    projection = Projection(max_open=2)
    projection.begin(moment(1, "a"))
    projection.begin(moment(2, "b"))
    closed, opened = projection.begin(moment(3, "c"))
    assert (closed.account, closed.reason, closed.uncertain) == ("a", "unknown", True)
    assert opened.account == "c"
    assert list(projection.online()) == ["b", "c"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["begin", "end"]),
            st.sampled_from(["ann", "bob"]),
            st.sampled_from(["", "x", "y"]),
            st.booleans(),
        ),
        max_size=60,
    )
)
@pytest.mark.row("E07")
def test_never_silently_wrong(steps: list[tuple[str, str, str, bool]]) -> None:
    """Events go missing at random, each loss is told before the next event: spans agree with what was, or say so."""
    projection, table = Projection(), dict[str, Span]()
    really_open, really = dict[tuple[str, str], int](), list[tuple[str, str, int, int]]()
    lost = False
    for seq, (what, account, channel, arrives) in enumerate(steps, start=1):
        key = (account, channel)
        if (what == "begin") == (key in really_open):
            continue
        if what == "begin":
            really_open[key] = seq * 1000
        else:
            really.append((*key, really_open.pop(key), seq * 1000))
        if not arrives:
            lost = True
            continue
        changed = projection.lose() if lost else []
        lost = False
        changed += (projection.begin if what == "begin" else projection.end)(moment(seq, account, channel))
        table.update((span.id, span) for span in changed)
    table.update((span.id, span) for span in (projection.lose() if lost else []))
    for span in table.values():
        if span.uncertain:
            continue
        key = (span.account, span.channel)
        if span.end_ms is None:
            assert really_open.get(key) == span.start_ms
        else:
            assert (*key, span.start_ms, span.end_ms) in really
