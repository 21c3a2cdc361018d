"""The vendor's own clients with a whole bot at the other end: the call agent, run as ``botkit run`` runs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from botkit import App, BotPlacement, open_database
from botkit.testing import TEST_APP
from bots.call_agent.flow.flows import Flow
from bots.call_agent.flow.steps import End, Go, Menu, Say
from bots.call_agent.handlers import bot
from bots.call_agent.settings import AcceptRule, CallAgentSettings
from tests.vendor.clients import PATIENCE, Sdk, VendorUser, parsed
from tests.vendor.drivers import Vendor

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow, pytest.mark.parametrize("sdk", ["web", "python"])]

MENU = Menu(
    prompt="1 for the time, # to end",
    choices={"1": (Say(text="It is late."), Go(to="menu")), "#": (End(text="Goodbye."),)},
    timeout_seconds=600,
)
FLOW = Flow(blocks={"main": (Say(text="Hello."), Go(to="menu")), "menu": (MENU,)})


@pytest.fixture
async def calls(vendor: Vendor, tmp_path: Path) -> AsyncIterator[str]:
    """The call agent as ``support``; where it keeps its records."""
    database = f"sqlite:///{tmp_path}/calls.db"
    settings = CallAgentSettings(
        accept=(AcceptRule(channel="support-*"),), flow=FLOW, idle_seconds=900, database=database
    )
    app = App(TEST_APP, vendor.url, [BotPlacement(bot=bot, account="support", settings=settings)])
    async with trio.open_nursery() as nursery:
        await nursery.start(app.run)
        yield database
        nursery.cancel_scope.cancel()


@pytest.fixture
async def ann(vendor: Vendor, sdk: Sdk) -> AsyncIterator[VendorUser]:
    """A user of the vendor's SDK, logged in."""
    async with vendor.open_driver(sdk) as driver:
        user = driver.user("ann")
        await user.log_in()
        yield user


async def test_a_whole_call_with_the_agent(sdk: Sdk, ann: VendorUser, calls: str) -> None:
    await ann.do("invite", channel="support-1", peer="support", extra="")
    await ann.expect("ringing")
    await ann.expect("accepted", channel="support-1", peer="support")
    await ann.expect("instant", account="support", text="Hello.")
    await ann.expect("instant", account="support", text=MENU.prompt)
    if sdk == "web":
        await ann.do("press", channel="support-1", peer="support", digits="1#")
        await ann.expect("instant", account="support", text="It is late.")
        await ann.expect("instant", account="support", text="Goodbye.")
        await ann.expect("ended_by_peer")
        assert await records(calls) == [("ann", "support-1", "1#", "completed")]
    else:  # it has no way to press digits
        await ann.do("end", channel="support-1", peer="support", extra="")
        await ann.expect("ended_by_myself")
        assert await records(calls) == [("ann", "support-1", "", "hung_up")]


async def test_a_call_that_the_agent_does_not_take(sdk: Sdk, ann: VendorUser, calls: str) -> None:
    await ann.do("invite", channel="private", peer="support", extra="")
    refused = await ann.expect("refused", channel="private", peer="support")
    assert isinstance(parsed(refused["extra"]), dict)
    assert [row[:2] + row[3:] for row in await records(calls)] == [("ann", "private", "refused")]


async def records(database: str) -> list[tuple[object, ...]]:
    """The closed records; the agent writes each right after the call's end."""
    with trio.fail_after(PATIENCE):
        return await closed_records(database)


async def closed_records(database: str) -> list[tuple[object, ...]]:
    """Wait until there are some."""
    async with open_database(database, []) as open_records:
        while True:
            rows = await open_records.fetch(
                "SELECT peer, channel, digits, outcome FROM call_records WHERE end_ms IS NOT NULL", ()
            )
            if rows:
                return list(rows)
            await trio.sleep(0.01)
