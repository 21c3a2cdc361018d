from pathlib import Path

from msgspec.structs import replace

from bots.call_agent.records import CallRecord, new_id, open_records
from bots.call_agent.timeline import MASK, MOST, Entry, Timeline


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
