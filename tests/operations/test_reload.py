"""A file that is read again: applied, or all stays as it was, and the log says why."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict
from trio.testing import MockClock

from botkit import App, UserLeft
from botkit.config.loading import Config, load_config
from botkit.operations.reload import ConfigReload
from botkit.testing import User, open_world

BOT = '''"""Greets."""
from msgspec import Struct
from botkit import Bot, ChannelMessage, Context

class Greeting(Struct, frozen=True):
    word: str = "hi"

bot = Bot("greeter", settings=Greeting)

@bot.on_channel_message()
async def greet(message: ChannelMessage, ctx: Context, greeting: Greeting) -> None:
    await ctx.channel.send(greeting.word)
'''

FILE = """\
app: {id: test-app}
bots:
  - {bot: "o03_greeter:bot", account: one, channels: [lobby]}
  - {bot: "o03_greeter:bot", account: two, channels: [hall]}
"""


class Stage(NamedTuple):
    """A file, the apps that run by it, and ann in the lobby."""

    file: Path
    reload: ConfigReload
    app: App
    ann: User
    outcomes: Mapping[str, int]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "o03_greeter.py").write_text(BOT)
    (tmp_path / "bots.yaml").write_text(FILE)
    return tmp_path / "bots.yaml"


@asynccontextmanager
async def stage(file: Path) -> AsyncIterator[Stage]:
    def load() -> Config:
        return load_config(file, os.environ)

    config = load()
    async with (
        open_world() as world,
        world.running(*(bot.placement for bot in config.bots)) as app,
        world.visitor("ann", channel="lobby") as ann,
    ):
        assert app.signal.app_id == config.apps[0].id
        reload = ConfigReload(config, load, [app], world.meters)
        yield Stage(file, reload, app, ann, world.meters.counter("config_reloads", "", "outcome").values)


async def read_again(at: Stage, text: str) -> EventDict:
    """What is logged about a file with this text."""
    at.file.write_text(text)
    with capture_logs() as logs:
        await at.reload.reload()
    (told,) = [entry for entry in logs if "configuration" in entry["event"]]
    return told


@pytest.mark.row("O03")
async def test_a_valid_file_is_applied_and_told_in_one_line(file: Path, autojump_clock: MockClock) -> None:
    async with stage(file) as at:
        text = FILE.replace("two, channels: [hall]", "two, channels: [lobby], settings: {word: hello}")
        told = await read_again(at, text + '  - {bot: "o03_greeter:bot", account: three}\n')
        assert told == {
            "event": "configuration read again",
            "log_level": "info",
            "file": str(file),
            "kept": ["one"],
            "started": ["three"],
            "stopped": [],
            "restarted": ["two"],
            "swapped": [],
        }
        assert await at.ann.heard(UserLeft) == []
        await at.ann.say("hey")
        await at.ann.expect_text("hi")
        await at.ann.expect_text("hello")
        assert (await read_again(at, FILE))["stopped"] == ["three"]
        assert at.outcomes == {"applied": 2}


WRONG = [
    (FILE.replace("account: two", "acount: two"), ":4", "bots[1]", "invalid"),
    (FILE.replace("account: two", "account: one"), ":4", "bots[1].account", "invalid"),
    (FILE.replace("[hall]", "[hall], settings: {word: 7}"), ":4", "bots[1].settings.word", "invalid"),
    (FILE.replace('o03_greeter:bot", account: two', 'o03_nobody:bot", account: two'), ":4", "bots[1].bot", "invalid"),
    ("app: [", ":1", "", "invalid"),
    (FILE + "log: {level: debug, format: json}\n", ":5", "log.format", "refused"),
    (FILE + "outgoing: {queue: 7, governor: false}\n", ":5", "outgoing.governor", "refused"),
    (FILE + "gateway: {listen: '127.0.0.1:7'}\nstore: {url: 'sqlite:///x.db'}\n", ":5", "gateway.listen", "refused"),
    (FILE.replace("test-app", "other"), ":1", "app.id", "refused"),
]


@pytest.mark.row("O03")
@pytest.mark.parametrize("wrong", WRONG, ids=[f"{row[3]} {row[2]}" for row in WRONG])
async def test_a_wrong_file_is_told_and_changes_nothing(
    wrong: tuple[str, str, str, str], file: Path, autojump_clock: MockClock
) -> None:
    text, line, key, outcome = wrong
    async with stage(file) as at:
        before = at.app.statistics()
        told = await read_again(at, text.replace("[lobby]", "[elsewhere]"))
        assert told["log_level"] == "error"
        assert told["event"] == "the new configuration is not in force: all runs on as before"
        assert told["file"].startswith(f"{file}{line}")
        assert told["key"].startswith(key)
        assert told["problem"]
        assert at.app.statistics() == before
        assert await at.ann.heard(UserLeft) == []
        assert at.outcomes == {outcome: 1}
        assert (await read_again(at, FILE))["kept"] == ["one", "two"]
