"""The files under config/ are what they say: each loads, starts, and the demo shows all three bots at work."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import structlog
import trio
from msgspec.structs import replace
from structlog.testing import LogCapture
from trio.testing import MockClock
from typer.testing import CliRunner

from botkit import App, BotPlacement, Database, open_database
from botkit.app.visitors import run_visitors
from botkit.cli.entry import build_app
from botkit.config.loading import Config, load_config
from botkit.gateway.server import serve_gateway
from botkit.gateway.settings import GatewaySettings
from bots.call_agent import records
from bots.moderation.cases import schema
from bots.presence.settings import PresenceSettings
from bots.presence.store import SCHEMA as PRESENCE_SCHEMA

FOLDER = Path(__file__).parents[2] / "config"
CONFIGS = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "gateway")  # which has no bots
DEMO = next(path for path in CONFIGS if path.stem == "demo")


ACTS = """
    SELECT acts.account, rule, verb, outcome FROM acts JOIN cases ON cases.id = case_id
    WHERE verb IN ('warn', 'mute', 'kick', 'ban') ORDER BY case_id, seq
"""


@asynccontextmanager
async def running(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[tuple[App, dict[str, Database]]]:
    """The bots of a configuration on its gateway, but without sockets, and with their tables in memory."""
    monkeypatch.chdir(tmp_path)
    assert isinstance(config.gateway, GatewaySettings)
    async with AsyncExitStack() as stack:
        databases = {
            "cases": await stack.enter_async_context(open_database("sqlite://moderation", schema.SCHEMA)),
            "stays": await stack.enter_async_context(open_database("sqlite://presence", PRESENCE_SCHEMA)),
            "calls": await stack.enter_async_context(open_database("sqlite://call_agent", records.SCHEMA)),
        }
        async with trio.open_nursery() as nursery:
            settings = replace(config.gateway, listen=None, http=None, store="memory:")
            gateway = await nursery.start(serve_gateway, settings)
            app = App(config.apps[0].id, gateway.connector, [without_disk(bot.placement) for bot in config.bots])
            await nursery.start(app.run)
            yield app, databases
            nursery.cancel_scope.cancel()


def without_disk(placement: BotPlacement) -> BotPlacement:
    """The placement, but its database is in memory, and it writes no file: virtual time would not wait for a disk."""
    assert placement.settings is not None
    changes: dict[str, object] = {"database": f"sqlite://{placement.bot.name}"}
    if isinstance(placement.settings, PresenceSettings):
        changes["sinks"] = ()
    return replace(placement, settings=replace(placement.settings, **changes))


def test_there_is_one_for_each_bot_and_the_demo() -> None:
    assert {path.stem for path in CONFIGS} >= {"call_agent", "demo", "moderation", "presence"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_commands_that_it_names_are_there_and_ask_its_databases(path: Path) -> None:
    text = path.read_text()
    commands = [line.split() for line in re.findall(r"^# +botkit (.+?)(?:  .*)?$", text, re.MULTILINE)]
    assert commands[0] == ["run", f"config/{path.name}"]
    settings = [str(bot.placement.settings) for bot in load_config(path, {}).bots]
    for words in commands:
        if "--database" in words:
            assert any(repr(words[words.index("--database") + 1]) in one for one in settings), words
        named = [word for word in words[:2] if word.isalpha()]
        told = CliRunner().invoke(build_app(), [*named, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert told.exit_code == 0, words
        assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", told.output))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
async def test_it_starts_as_it_is(
    path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = load_config(path, {})
    async with running(config, monkeypatch, tmp_path) as (app, _):
        assert [(bot.state, bot.last_error) for bot in app.statistics()] == [("running", None)] * len(config.bots)


async def test_the_demo_shows_all_three_bots_within_20_seconds(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = load_config(DEMO, {})
    log = LogCapture()
    logger = structlog.wrap_logger(None, processors=[log], wrapper_class=structlog.make_filtering_bound_logger(0))
    async with running(config, monkeypatch, tmp_path) as (app, databases):
        with trio.move_on_after(20):
            await run_visitors(app.signal, config.demo.visitors, repeat_seconds=config.demo.repeat_seconds, log=logger)
        acts = await databases["cases"].fetch(ACTS)
        stays = await databases["stays"].fetch(
            "SELECT account, channel <> '' FROM stays WHERE reason IN ('leave', 'logout')"
        )
        calls = await databases["calls"].fetch("SELECT peer, digits, outcome, reason FROM call_records ORDER BY rowid")
    of_bob = [act[1:] for act in acts if act[0] == "bob"]
    assert of_bob == [("words", "warn", "done"), ("links", "warn", "done"), ("words", "mute", "done")]
    assert [act for act in acts if act[0] != "bob"] == [("dan", "flood", "warn", "done")]
    assert {("bob", 0), ("bob", 1), ("eve", 0), ("zoe", 0)} <= set(stays)
    assert calls == [("eve", "19", "completed", ""), ("zoe", "", "refused", "full")]
    refused = [str(entry["problem"]) for entry in log.entries if entry["event"] == "visitor is refused"]
    assert any("muted" in problem for problem in refused)
    assert any("full" in problem for problem in refused)


async def test_the_second_round_of_the_demo_is_like_the_first(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = load_config(DEMO, {})
    async with running(config, monkeypatch, tmp_path) as (app, databases):
        with trio.move_on_after(80):
            await run_visitors(app.signal, config.demo.visitors, repeat_seconds=config.demo.repeat_seconds)
        acts = await databases["cases"].fetch(ACTS)
        calls = await databases["calls"].fetch("SELECT outcome FROM call_records ORDER BY rowid")
    assert [act[2] for act in acts if act[0] == "bob"] == ["warn", "warn", "mute"] * 2
    assert calls == [("completed",), ("refused",)] * 2
