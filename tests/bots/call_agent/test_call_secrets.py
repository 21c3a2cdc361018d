"""Secret digits are seen by the flow alone: everything that is written anywhere is searched for them."""

import io
from pathlib import Path

import pytest
import structlog
import trio
from trio.testing import MockClock

from botkit import BotPlacement, CallEnded, Meters, open_database
from botkit.app.effect_store import open_effect_store
from botkit.observability.logs import configure_logs
from botkit.testing import open_world
from bots.call_agent import Line, bot, call_agent
from bots.call_agent.records import SCHEMA, CallRecords
from bots.call_agent.timeline import MASK
from tests.bots.call_agent.offices import DATABASE, get_through, make_flow, settings

PIN = "471108"
GATHER = {"do": "gather", "prompt": "PIN", "into": "pin", "min_digits": 6, "max_digits": 6, "secret": True}
FLOW = make_flow(
    [
        GATHER,
        {"do": "branch", "on": "{pin}", "cases": {PIN: "good"}, "otherwise": [{"do": "end", "text": "Wrong."}]},
    ],
    good=[{"do": "menu", "prompt": "1 end", "choices": {"1": [{"do": "end", "text": "Good."}]}}],
)


async def check_pin(line: Line) -> None:
    """The same in Python."""
    pin = await line.gather("PIN", min_digits=6, max_digits=6, secret=True)
    await line.say("Good." if pin.digits == PIN else "Wrong.")


@pytest.mark.row("F20")
@pytest.mark.parametrize("how", ["at once", "one by one", "hangs up", "too many", "python"])
async def test_no_output_has_the_secret(
    autojump_clock: MockClock, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    configure_logs("json", "debug", written)
    agent = call_agent("clerk", check_pin) if how == "python" else bot
    keys = {} if how == "python" else {"flow": FLOW}
    try:
        async with open_database(DATABASE, SCHEMA) as database, open_world() as world:
            world.signal.set_log(True)
            async with (
                open_effect_store("sqlite://effects", Meters(), texts="full", keep=1_000) as effects,
                world.running(
                    BotPlacement(bot=agent, account="support", settings=settings(**keys)), effect_sink=effects
                ) as app,
            ):
                app.signal.set_log(True)
                ann = await world.user("ann")
                await get_through(ann)
                match how:
                    case "one by one":
                        for digit in PIN:
                            await ann.press(digit)
                            await trio.sleep(1)
                    case "hangs up":
                        await ann.press(PIN[:5])
                        await trio.sleep(1)
                        await ann.hang_up()
                    case "too many":
                        await ann.press(PIN + PIN)
                    case _:
                        await ann.press(PIN)
                if how not in ("python", "hangs up"):
                    await trio.sleep(1)
                    await ann.press("1")
                if how != "hangs up":
                    await ann.expect_text("Good.")
                await ann.expect(CallEnded)
                await trio.sleep(3)
                async with open_database("sqlite://effects") as store:
                    written.write(str(await store.fetch("SELECT * FROM bot_effects")))
                written.write(world.meters.render().decode())
            (record,) = await CallRecords(database).latest(limit=5)
            written.write(str(await database.fetch("SELECT * FROM call_records")))
    finally:
        structlog.reset_defaults()
    assert record.digits.startswith(MASK * 5)
    everything = written.getvalue()
    assert "frame received" in everything  # the trace of frames was on
    assert "dtmf" in everything
    assert PIN not in everything
    for piece in (PIN[:5], PIN[1:], PIN[:3]):
        assert f'"{piece}' not in everything
    assert msgdata_of(everything) <= {"***", MASK}


def msgdata_of(text: str) -> set[str]:
    """What stands behind ``msgdata`` in all frames that were logged."""
    parts = text.replace("\\", "").split('"msgdata":"')[1:]
    return {part.partition('"')[0] for part in parts}
