from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.presence.projection import Projection
from bots.presence.spans import Key, Moment, Page, Span


def moment(seq: int, account: str = "ann", channel: str = "", *, epoch: str = "e", reason: str = "") -> Moment:
    """An event at ``seq`` seconds."""
    return Moment(account=account, uid=7, ms=seq * 1000, epoch=epoch, seq=seq, channel=channel, reason=reason)


def page(
    seq: int, *present: Key, after: str = "", last: str | None = None, epoch: str = "e", ms: int | None = None
) -> Page:
    """A page of a snapshot at ``seq`` seconds."""
    uids = dict.fromkeys(present, 7)
    return Page(after=after, last=last, ms=seq * 1000 if ms is None else ms, epoch=epoch, seq=seq, present=uids)


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


def test_who_is_found_has_an_uncertain_span_from_then_on() -> None:
    projection = Projection()
    with projection.snapshot_on_its_way():
        found = projection.take(page(5, ("ann", ""), ("ann", "lobby")))
    assert [(span.id, span.start_ms, span.end_ms, span.uncertain) for span in found] == [
        ("online/e/5/ann", 5000, None, True),
        ("member/e/5/ann lobby", 5000, None, True),
    ]
    assert (list(projection.online()), list(projection.members("lobby"))) == (["ann"], ["ann"])
    (ended,) = projection.end(moment(7, channel="lobby", reason="leave"))
    assert (ended.id, ended.end_ms, ended.reason, ended.uncertain) == ("member/e/5/ann lobby", 7000, "leave", True)


def test_who_is_not_there_has_no_open_span_any_more() -> None:
    projection = Projection()
    projection.begin(moment(1))
    projection.begin(moment(2, channel="lobby"))
    projection.begin(moment(3, "bob"))
    with projection.snapshot_on_its_way():
        gone = projection.take(page(9, ("bob", "")))
    assert [(span.id, span.end_ms, span.reason, span.uncertain) for span in gone] == [
        ("online/e/1", 9000, "unknown", True),
        ("member/e/2", 9000, "unknown", True),
    ]
    assert list(projection.online()) == ["bob"]


def test_a_snapshot_that_agrees_changes_nothing() -> None:
    projection = Projection()
    projection.begin(moment(1))
    with projection.snapshot_on_its_way():
        assert projection.take(page(1, ("ann", ""))) == []
    (ended,) = projection.end(moment(2, reason="logout"))
    assert not ended.uncertain


def test_an_event_that_is_newer_than_the_snapshot_counts_for_more() -> None:
    projection = Projection()
    projection.begin(moment(1))
    with projection.snapshot_on_its_way():
        projection.end(moment(4, reason="logout"))
        projection.begin(moment(5, "bob"))
        assert projection.take(page(3, ("ann", ""))) == []
    assert list(projection.online()) == ["bob"]


def test_an_event_of_another_epoch_counts_for_more_than_the_snapshot() -> None:
    projection = Projection()
    with projection.snapshot_on_its_way():
        projection.begin(moment(1, epoch="new"))
        assert projection.take(page(900)) == []
    assert list(projection.online()) == ["ann"]


def test_an_end_that_a_snapshot_has_overtaken_gives_the_span_its_end_and_reason() -> None:
    projection = Projection()
    projection.begin(moment(1))
    with projection.snapshot_on_its_way():
        projection.take(page(3))
    (ended,) = projection.end(moment(2, reason="logout"))
    assert (ended.id, ended.start_ms, ended.end_ms, ended.reason) == ("online/e/1", 1000, 2000, "logout")
    assert list(projection.online()) == []


def test_events_that_a_snapshot_has_overtaken_change_nothing_of_who_is_there() -> None:
    projection = Projection()
    projection.begin(moment(1))
    with projection.snapshot_on_its_way():
        projection.take(page(5, ("ann", ""), ("bob", "")))
    doubted, ended = projection.end(moment(2, reason="logout"))
    assert (doubted.id, doubted.end_ms, doubted.uncertain) == ("online/e/1", None, True)
    assert (ended.id, ended.start_ms, ended.end_ms, ended.uncertain) == ("online/e/2", None, 2000, True)
    assert projection.begin(moment(3)) == []
    assert projection.begin(moment(4, "eve")) == []
    assert list(projection.online()) == ["ann", "bob"]


def test_a_page_speaks_of_its_own_accounts_only() -> None:
    projection = Projection()
    for seq, account in enumerate(("ann", "bob", "eve"), start=1):
        projection.begin(moment(seq, account))
    with projection.snapshot_on_its_way():
        assert [span.account for span in projection.take(page(4, last="bob"))] == ["ann", "bob"]
        assert projection.take(page(6, ("eve", ""), ("zoe", ""), after="bob"))[0].account == "zoe"
    assert projection.begin(moment(5, "ann")) != []  # newer than the page that ann is in
    assert projection.begin(moment(5, "zoe")) == []
    assert list(projection.online()) == ["eve", "zoe", "ann"]


def test_a_new_snapshot_takes_the_place_of_the_one_before() -> None:
    projection = Projection()
    for seq, present in ((3, [("ann", "")]), (5, [])):
        with projection.snapshot_on_its_way():
            projection.take(page(seq, *present))
    assert projection.begin(moment(4)) == []
    assert [span.start_ms for span in projection.begin(moment(6))] == [6000]


def test_a_clock_that_was_set_back_closes_no_span_before_it_began() -> None:
    projection = Projection()
    projection.begin(moment(5))
    with projection.snapshot_on_its_way():
        (gone,) = projection.take(page(6, ms=1000))
    assert (gone.start_ms, gone.end_ms) == (5000, 5000)


def test_a_snapshot_keeps_to_the_bound_on_open_spans() -> None:
    projection = Projection(max_open=2)
    with projection.snapshot_on_its_way():
        projection.take(page(1, ("a", ""), ("b", ""), ("c", "")))
    assert list(projection.online()) == ["b", "c"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "end"]),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["", "x", "y"]),
        st.booleans(),
    ),
    max_size=60,
)
"""What happens, to whom, where, and whether it is told."""


class Truth:
    """What really was."""

    def __init__(self) -> None:
        self.open = dict[Key, int]()
        self.over = list[tuple[Key, int, int]]()

    def happen(self, what: str, key: Key, ms: int) -> bool:
        """A step; False when it cannot be."""
        if (what == "begin") == (key in self.open):
            return False
        if what == "begin":
            self.open[key] = ms
        else:
            self.over.append((key, self.open.pop(key), ms))
        return True

    def check(self, spans: Iterable[Span]) -> None:
        """Every span agrees with it, or says that it may not."""
        for span in spans:
            if span.uncertain:
                continue
            if span.end_ms is None:
                assert self.open.get(span.key) == span.start_ms
            else:
                assert (span.key, span.start_ms, span.end_ms) in self.over


@given(STEPS)
@pytest.mark.row("E07")
def test_never_silently_wrong(steps: list[tuple[str, str, str, bool]]) -> None:
    """Events go missing at random, each loss is told before the next event: spans agree with what was, or say so."""
    projection, table, truth = Projection(), dict[str, Span](), Truth()
    lost = False
    for seq, (what, account, channel, arrives) in enumerate(steps, start=1):
        if not truth.happen(what, (account, channel), seq * 1000):
            continue
        if not arrives:
            lost = True
            continue
        changed = projection.lose() if lost else []
        lost = False
        changed += (projection.begin if what == "begin" else projection.end)(moment(seq, account, channel))
        table.update((span.id, span) for span in changed)
    table.update((span.id, span) for span in (projection.lose() if lost else []))
    truth.check(table.values())


@given(STEPS, st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
@pytest.mark.row("E07")
def test_after_a_snapshot_it_is_true_who_is_there(
    steps: list[tuple[str, str, str, bool]], asked: int, shown: int, taken: int
) -> None:
    """Up to the snapshot events go missing; they come before it or behind it, and it is true all the same.

    ``asked``, ``shown`` and ``taken`` are how many events had been told when it was asked for, how many had happened
    when the gateway made it, and how many had been told when it came.
    """
    asked, shown, taken = min(asked, shown), max(asked, shown), max(asked, taken)
    projection, table, truth = Projection(), dict[str, Span](), Truth()
    told = list[tuple[str, Moment, bool]]()
    present = list[Key]()
    for what, account, channel, arrives in steps:
        seq = len(told) + 1
        if truth.happen(what, (account, channel), seq * 1000):
            told.append((what, moment(seq, account, channel), arrives or seq > shown))
        if len(told) <= shown:
            present = list(truth.open)
    lost = False

    def tell(events: Iterable[tuple[str, Moment, bool]]) -> None:
        nonlocal lost
        for what, event, arrives in events:
            changed = projection.lose() if lost and arrives else []
            lost = not arrives
            if arrives:
                changed += (projection.begin if what == "begin" else projection.end)(event)
            table.update((span.id, span) for span in changed)

    tell(told[:asked])
    with projection.snapshot_on_its_way():
        tell(told[asked:taken])
        table.update((span.id, span) for span in projection.take(page(min(shown, len(told)), *present)))
    tell(told[taken:])
    table.update((span.id, span) for span in (projection.lose() if lost else []))
    assert {span.key for span in table.values() if span.end_ms is None} == set(truth.open)
    truth.check(table.values())
