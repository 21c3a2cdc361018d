"""The record of a call, from the call itself to what other programs get of it."""

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from bots.call_agent.exporting import FIELDS, export
from bots.call_agent.records import CallRecord
from tests.bots.call_agent.offices import get_through, make_flow, office

GOLDEN = Path(__file__).parent / "golden" / "call_record.json"
FLOW = make_flow(
    [
        {"do": "menu", "prompt": "1 on", "choices": {"1": "ask"}},
    ],
    ask=[
        {"do": "gather", "prompt": "PIN", "into": "pin", "min_digits": 4, "max_digits": 4, "secret": True},
        {"do": "queue", "to": "team", "otherwise": [{"do": "end", "text": "Nobody."}]},
        {"do": "end", "text": "Bye.", "result": "helped"},
    ],
)


def relative(record: dict[str, object]) -> dict[str, object]:
    """The record with its times as seconds since its start, and without its id."""
    start = datetime.fromisoformat(str(record["start"]))
    for name in ("answered", "end"):
        record[name] = round((datetime.fromisoformat(str(record[name])) - start).total_seconds(), 1)
    assert isinstance(record["timeline"], list)
    for entry in record["timeline"]:
        entry["at"] = round(entry["at"], 1)
    return {name: value for name, value in record.items() if name not in ("id", "start")}


@pytest.mark.row("F18")
async def test_the_record_of_a_call_is_the_golden_one(autojump_clock: MockClock) -> None:
    async with office(flow=FLOW) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        await trio.sleep(2)
        await ann.press("7")
        await trio.sleep(1)
        await ann.press("1")
        await trio.sleep(1)
        await ann.press("4711")
        await trio.sleep(3)
        leg = await anna.answer()
        await trio.sleep(5)
        await ann.press("99")
        await trio.sleep(5)
        await leg.end()
        await ann.wait_hung_up()
        records = await at.records()
    found = relative(json.loads(export(records, "json")))
    assert found == json.loads(GOLDEN.read_text())


RECORD = CallRecord(
    id="1f",
    agent="support",
    direction="in",
    peer="ann",
    channel="support-1",
    start_ms=1_700_000_000_000,
    answered_ms=1_700_000_000_250,
    end_ms=1_700_000_062_250,
    digits="1••",
    human="anna",
    waited=12.5,
    outcome="completed",
    reason='she said "bye", and left',
)


@pytest.mark.row("F18")
def test_csv_has_a_line_for_each_call() -> None:
    open_call = replace(RECORD, id="2f", answered_ms=None, end_ms=None, digits="", outcome="")
    lines = list(csv.DictReader(io.StringIO(export([RECORD, open_call], "csv"))))
    assert list(lines[0]) == list(FIELDS)
    assert lines[0] == {
        "id": "1f",
        "agent": "support",
        "direction": "in",
        "peer": "ann",
        "channel": "support-1",
        "start": "2023-11-14T22:13:20.000Z",
        "answered": "2023-11-14T22:13:20.250Z",
        "end": "2023-11-14T22:14:22.250Z",
        "seconds": "62.0",
        "digits": "1••",
        "human": "anna",
        "waited": "12.5",
        "outcome": "completed",
        "reason": 'she said "bye", and left',
        "result": "",
    }
    assert [lines[1][name] for name in ("answered", "end", "seconds", "outcome")] == [""] * 4


def test_a_name_is_no_formula() -> None:
    text = export([replace(RECORD, peer="=cmd|'/C calc'!A0", channel="@x", waited=-1)], "csv")
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["peer"], line["channel"], line["waited"]) == ("'=cmd|'/C calc'!A0", "'@x", "-1")
