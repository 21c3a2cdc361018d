from pathlib import Path

from botkit import open_database
from bots.call_agent.records import open_records


async def test_a_call_and_a_refusal_and_one_left_open(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    async with open_records(url, "support") as records:
        answered = await records.open_record("ann", "support-1", 1000)
        await records.answer(answered, 1100)
        await records.close_record(answered, 5000, outcome="completed", digits="12#")
        await records.add_refusal("bob", "support-2", start_ms=2000, end_ms=2010, reason="full")
        await records.open_record("eve", "support-3", 3000)
    async with open_records(url, "sales") as others:
        assert await others.close_left_open(9000) == 0
    async with open_records(url, "support") as records:
        assert await records.close_left_open(2500) == 1
    async with open_database(url) as database:
        rows = await database.fetch(
            "SELECT agent, caller, channel, start_ms, answered_ms, end_ms, digits, outcome, reason FROM calls "
            "ORDER BY start_ms"
        )
    assert rows == [
        ("support", "ann", "support-1", 1000, 1100, 5000, "12#", "completed", ""),
        ("support", "bob", "support-2", 2000, None, 2010, "", "refused", "full"),
        ("support", "eve", "support-3", 3000, None, 3000, "", "unknown", "the bot stopped meanwhile"),
    ]
