from pathlib import Path

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from bots.call_agent import Line, call_agent
from bots.call_agent.records import CallRecord, CallRecords, new_id, open_records
from bots.call_agent.timeline import MASK, MOST, Entry, Timeline
from tests.bots.call_agent.offices import get_through, office


def record(peer: str, start_ms: int, **facts: object) -> CallRecord:
    """A call of ``support``."""
    first = CallRecord(id=new_id(), agent="support", direction="in", peer=peer, channel="support-1", start_ms=start_ms)
    return replace(first, **facts)


async def test_a_call_and_a_refusal_and_one_left_open(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    ann, bob, eve = (record(name, ms) for name, ms in (("ann", 1000), ("bob", 2000), ("eve", 3000)))
    timeline = (Entry(0, "phase", "ringing"), Entry(1.5, "queue", "announced", {"position": "1"}))
    closed = replace(ann, answered_ms=1100, end_ms=5000, outcome="completed", digits="12#", timeline=timeline)
    async with open_records(url) as records:
        await records.put(ann)
        assert await records.latest(limit=5) == [replace(ann, timeline=[])]
        await records.put(closed)
        await records.put(replace(bob, end_ms=2010, outcome="refused", reason="full"))
        await records.put(eve)
        assert await records.close_left_open("sales", 9000) == 0
        assert await records.close_left_open("support", 2500) == 1
    async with open_records(url) as records:
        found = await records.latest(limit=5)
        assert [(one.peer, one.outcome, one.end_ms) for one in found] == [
            ("ann", "completed", 5000),
            ("bob", "refused", 2010),
            ("eve", "unknown", 3000),
        ]
        assert found[0] == replace(closed, timeline=list(timeline))
        assert await records.find(ann.id[:12]) == found[0]
        assert await records.find("") is None
        assert [one.peer for one in await records.latest(limit=2)] == ["bob", "eve"]
        assert [one.peer for one in await records.latest(limit=9, peer="bob")] == ["bob"]
        assert [one.peer for one in await records.latest(limit=9, outcome="unknown")] == ["eve"]
        assert [one.peer for one in await records.latest(limit=9, since_ms=2000, until_ms=2999)] == ["bob"]
        assert await records.forget_before(2500) == 2
        assert [one.peer for one in await records.latest(limit=9)] == ["eve"]


def test_a_timeline_is_bounded_and_masks() -> None:
    timeline = Timeline()
    timeline.press(1, "12", secret=False)
    timeline.press(2, "99", secret=True)
    assert timeline.digits == f"12{MASK}{MASK}"
    for _ in range(MOST):
        timeline.add(3, "said", "x")
    assert len(timeline.entries) == MOST
    assert timeline.left_out == 2


async def test_what_a_timeline_had_no_room_for_is_told_at_its_end(autojump_clock: MockClock) -> None:
    async def talk(line: Line) -> None:
        for number in range(MOST + 10):
            line.note(str(number))

    async with office(call_agent("talker", talk)) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.wait_hung_up()
        (record,) = await at.records()
        assert [entry.text for entry in record.timeline][-2:] == ["13 more were left out", "over"]


@pytest.mark.parametrize(("seconds", "outcome", "errors"), [(20, "completed", 0), (40, "", 1)])
async def test_a_slow_disk_costs_no_record_and_one_that_hangs_is_told(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, *, seconds: float, outcome: str, errors: int
) -> None:
    put = CallRecords.put

    async def put_slowly(self: CallRecords, one: CallRecord) -> None:
        await trio.sleep(0 if one.end_ms is None else seconds)
        await put(self, one)

    monkeypatch.setattr(CallRecords, "put", put_slowly)

    async def say_nothing(line: Line) -> None:
        """That is all."""

    async with office(call_agent("clerk", say_nothing), expect_failures=bool(errors)) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.wait_hung_up()
        await trio.sleep(60)
        (found,) = await at.records()
        assert found.outcome == outcome
        assert at.world.metric("botkit_bot_handler_errors_total") == errors
