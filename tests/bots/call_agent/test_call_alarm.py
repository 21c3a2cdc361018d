"""An agent that hears no calls any more says so loudly."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import BotPlacement, open_database
from botkit.testing import open_world
from bots.call_agent import bot
from bots.call_agent.records import SCHEMA, CallRecords
from tests.bots.call_agent.offices import DATABASE, get_through, settings

ALARMS = "botkit_call_agent_alarms_total"


@pytest.mark.row("F16")
async def test_a_second_login_is_an_alarm_within_a_second(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=bot, account="support", settings=settings())
    async with (
        open_database(DATABASE, SCHEMA) as database,
        open_world(expect_failures=True) as world,
        world.running(placement) as app,
    ):
        ann = await world.user("ann")
        await get_through(ann)
        with capture_logs() as logs:
            await world.displace("support")
            await trio.sleep(1)
            (alarm,) = [entry for entry in logs if entry["log_level"] == "critical"]
            assert alarm["event"] == "ALARM: the call agent hears no calls any more"
            assert (alarm["kind"], alarm["code"], alarm["account"]) == ("displaced", 103, "support")
            assert world.metric(ALARMS, kind="displaced") == 1
            (row,) = await CallRecords(database).alarms(limit=5)
            assert (row.agent, row.kind) == ("support", "displaced")
        await ann.wait_hung_up()
        await trio.sleep(5)
        assert app.given_up() == ("call_agent (support): its account logged in elsewhere",)
        (record,) = await CallRecords(database).latest(limit=5)
        assert record.end_ms is not None


@pytest.mark.row("F16")
async def test_a_stop_is_no_alarm(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=bot, account="support", settings=settings())
    async with open_database(DATABASE, SCHEMA) as database, open_world() as world:
        async with world.running(placement):
            await trio.sleep(1)
        assert world.metric(ALARMS) == 0
        assert await CallRecords(database).alarms(limit=5) == []


@pytest.mark.row("F16")
async def test_a_connection_that_breaks_and_comes_back_is_none(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=bot, account="support", settings=settings())
    async with open_database(DATABASE, SCHEMA), open_world() as world, world.running(placement):
        world.road("support").cut()
        await trio.sleep(20)
        ann = await world.user("ann")
        await get_through(ann)
        assert world.metric(ALARMS) == 0
