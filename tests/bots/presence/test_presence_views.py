"""Flaps and outages are taken out of the log, by each subscriber's own window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.presence.records import Record
from bots.presence.settings import FileSettings
from bots.presence.views import OutageRule, View
from tests.bots.presence.presence_log import Log, script, told

CAME = ("0 online ann", "0 joined ann lobby")


def through(view: View, records: list[Record], end: float = 1_000) -> list[Record]:
    """All that is told until ``end``."""
    out = [one for record in records for one in view.take(record)]
    return out + view.advance(round(end * 1000))


@pytest.mark.row("E03")
def test_a_flap_inside_of_the_window_is_no_event() -> None:
    log = script(*CAME, "10 left ann lobby x", "10 offline ann x", "11.9 online ann", "11.95 joined ann lobby")
    assert told(through(View(2000), log)) == ["0 online ann", "0 joined ann lobby"]


@pytest.mark.row("E03")
@pytest.mark.parametrize("back", ["12", "13"])
def test_a_flap_outside_of_it_is_two(back: str) -> None:
    log = script("0 online ann", "10 offline ann logout", f"{back} online ann")
    assert told(through(View(2000), log)) == ["0 online ann", "12 offline ann", f"{back} online ann"]


@pytest.mark.row("E03")
def test_the_window_is_two_seconds_unless_told_otherwise() -> None:
    assert FileSettings(name="a", path="x").window == 2


@pytest.mark.row("E04")
def test_each_subscriber_has_its_own_window() -> None:
    log = script("0 online ann", "10 offline ann logout", "12 online ann", "20 offline ann logout")
    raw, short, long = (told(through(View(ms), log)) for ms in (0, 1000, 3000))
    assert raw == ["0 online ann", "10 offline ann", "12 online ann", "20 offline ann"]
    assert short == ["0 online ann", "11 offline ann", "12 online ann", "21 offline ann"]
    assert long == ["0 online ann", "23 offline ann"]


def test_who_joins_another_channel_has_left_the_one_before() -> None:
    log = script(*CAME, "5 left ann lobby moved", "5 joined ann room", "6 left ann room moved", "6.5 joined ann room")
    assert told(through(View(2000), log))[2:] == ["5 left ann lobby", "5 joined ann room"]


def test_a_stay_that_ended_is_told_with_its_own_time_and_reason() -> None:
    (_, gone) = through(View(2000), script("0 online ann", "10 offline ann logout"))
    assert (gone.ms, gone.reason, gone.cursor) == (10_000, "logout", (12_000, 0, 2))


def restart(count: int, gone: int) -> list[Record]:
    """All ``count`` go at once, and all but ``gone`` come back within half a minute."""
    log, records = Log(), list[Record]()
    records += [log.add(0, "online", f"u{number}") for number in range(count)]
    records += [log.add(100 + number / count, "offline", f"u{number}", reason="stopped") for number in range(count)]
    return records + [log.add(105 + 25 * number / count, "online", f"u{number}") for number in range(gone, count)]


@pytest.mark.row("E09")
@pytest.mark.parametrize(("count", "gone"), [(10_000, 0), (10_000, 7), (100, 3)])
def test_a_restart_of_the_gateway_is_one_outage_and_the_real_differences(count: int, gone: int) -> None:
    out = through(View(2000, OutageRule(accounts=100, ms=60_000)), restart(count, gone))[count:]
    summary, *ends = out
    assert (summary.event, summary.count, summary.found, summary.gone) == ("outage", count, count - gone, gone)
    assert [(end.event, end.account) for end in ends] == [("offline", f"u{number}") for number in range(gone)]


def test_fewer_are_no_outage() -> None:
    out = through(View(2000, OutageRule(accounts=100, ms=60_000)), restart(99, 99))
    assert [one.event for one in out[99:]] == ["offline"] * 99


def test_who_goes_by_themselves_are_no_outage() -> None:
    log = Log()
    records = [log.add(0, "offline", f"u{number}", reason="logout") for number in range(1000)]
    assert {one.event for one in through(View(2000, OutageRule(accounts=100)), records)} == {"offline"}


def test_the_raw_view_tells_all_of_an_outage() -> None:
    records = restart(200, 5)
    assert [one.n for one in through(View(0), records)] == [record.n for record in records]


lines = st.lists(
    st.tuples(
        st.sampled_from((0, 1, 500, 1999, 2000, 5000)),
        st.sampled_from(("online", "offline", "joined", "left", "gap")),
        st.sampled_from(("ann", "bob")),
        st.sampled_from(("lobby", "room")),
        st.sampled_from(("logout", "disconnected")),
    ),
    max_size=30,
)


@given(lines=lines, cut=st.integers(0, 30), window=st.sampled_from((0, 1000, 2000)))
def test_a_view_that_begins_anew_where_it_ended_tells_the_same(
    lines: list[tuple[int, str, str, str, str]], cut: int, window: int
) -> None:
    log, records, ms = Log(), list[Record](), 100_000
    for step, event, account, channel, reason in lines:
        ms += step
        where = channel if event in ("joined", "left") else ""
        records.append(log.add(ms / 1000, event, account, where, reason))  # type: ignore[arg-type]
    rule = OutageRule(accounts=2, ms=3000)
    whole = through(View(window, rule), records)
    view = View(window, rule)
    before = [one for record in records[:cut] for one in view.take(record)]
    place = before[-1].cursor if before else None
    again = View(window, rule)
    first = (place[0] if place else 0) - again.reach_ms
    after = [
        one
        for one in through(again, [record for record in records if record.ms >= first])
        if place is None or (one.cursor or place) > place
    ]
    assert before + after == whole
    cursors = [one.cursor or (0, 0, 0) for one in whole]
    assert cursors == sorted(set(cursors))
