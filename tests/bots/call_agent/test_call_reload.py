"""A flow file that is read again while calls go on: a good one takes over, one with a mistake changes nothing."""

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import App, InstantMessage, open_database
from botkit.config.loading import Config, load_config
from botkit.observability.metrics import Meters
from botkit.operations.reload import ConfigReload
from botkit.testing import TEST_APP, open_world
from bots.call_agent.records import SCHEMA
from tests.bots.call_agent.offices import get_through

CONFIG = f"""\
app: {{id: {TEST_APP}}}
gateway: {{listen: "127.0.0.1:0", http: "127.0.0.1:0"}}
bots:
  - bot: bots.call_agent:bot
    account: support
    settings: {{flow: FLOW, database: "sqlite://reloaded", drain_seconds: 10}}
"""
FLOW = "blocks:\n  main:\n    - {do: end, text: WORDS}\n"


@pytest.mark.row("F06")
async def test_a_flow_with_a_mistake_changes_nothing_and_a_good_one_takes_over(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    file, flow = tmp_path / "botkit.yaml", tmp_path / "flow.yaml"
    file.write_text(CONFIG.replace("FLOW", str(flow)))
    flow.write_text(FLOW.replace("WORDS", "one"))

    def load() -> Config:
        return load_config(file, {})

    config = load()
    async with open_database("sqlite://reloaded", SCHEMA), open_world() as world, trio.open_nursery() as nursery:
        app = App(TEST_APP, world.connector, [bot.placement for bot in config.bots], meters=Meters())
        await nursery.start(app.run)
        reload = ConfigReload(config, load, [app], Meters())
        ann = await world.user("ann")
        for words, said in (("two, do: 5", "one"), ("two", "two"), ("{nobody}", "two")):
            flow.write_text(FLOW.replace("WORDS", words))
            with capture_logs() as logs:
                await reload.reload()
            complaints = [entry["file"] for entry in logs if entry["log_level"] == "error"]
            assert complaints == ([f"{flow}:3"] if words != "two" else [])
            await get_through(ann)
            assert (await ann.expect(InstantMessage)).text == said
            await ann.wait_hung_up()
        nursery.cancel_scope.cancel()
