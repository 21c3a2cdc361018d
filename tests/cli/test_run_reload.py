"""``botkit run --reload`` as a real process: files are saved, and the bot answers by them, in the same session."""

import re
import signal
import sys
from pathlib import Path

import pytest
import trio
from msgspec import json
from typer.testing import CliRunner

from botkit import Signal
from botkit.cli.entry import build_app
from botkit.events import ChannelMessage, UserJoined, UserLeft
from botkit.types import AppId
from tests.processes import Running, Start

CORE = '''"""Answers in its channel."""
from msgspec import Struct
from botkit import Bot

class Settings(Struct, frozen=True):
    word: str = "hello"

class Tally:
    def __init__(self) -> None:
        self.count = 0

bot = Bot("bot", settings=Settings)
'''

HANDLERS = """from collections.abc import AsyncIterator
from botkit import ChannelMessage, Context
from .core import Settings, Tally, bot

@bot.resource
async def tally() -> AsyncIterator[Tally]:
    yield Tally()

@bot.on_channel_message(account="ann")
async def answer(message: ChannelMessage, ctx: Context, settings: Settings, tally: Tally) -> None:
    tally.count += 1
    await ctx.channel.send(f"{settings.word} {tally.count}")
"""

CONFIG = """\
app: {id: the-app}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
bots:
  - {bot: "b22_bot:bot", account: one, channels: [lobby]}
  - {bot: "b22_bot:bot", account: two, channels: [lobby], settings: {word: ho}}
"""


IN_FORCE, REFUSED = "new code is in force", "the new code is not in force"


class Talk:
    """Somebody in the lobby, and the process."""

    def __init__(self, process: Running, folder: Path) -> None:
        self.process, self.folder = process, folder
        started = process.read_until('"event": "ready"')
        (gateway,) = [json.decode(line) for line in started if '"event": "gateway"' in line]
        self.url = str(gateway["ws"])

    async def save(self, name: str, text: str, *, told: str, rest: str = "") -> str:
        """Write the file, and what is left of it a little later; the line with ``told`` that the process has for it."""
        path = self.folder / "b22_bot" / name
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)
        if rest:
            await trio.sleep(0.05)
            with path.open("a") as file:
                file.write(rest)
        lines = await trio.to_thread.run_sync(self.process.read_until, told)
        return lines[-1]


async def follow(talk: Talk) -> None:
    """Save this and that, and ask after each."""
    async with Signal(AppId("the-app"), talk.url).open_session("ann") as ann:
        channel = await ann.join("lobby")

        async def ask() -> list[str]:
            await channel.send("hi")
            said = set[str]()
            while len(said) < 2:
                event = await ann.receive_event()
                assert not isinstance(event, UserJoined | UserLeft), "a session of the bot went or came"
                if isinstance(event, ChannelMessage) and event.account != "ann":
                    said.add(event.text)
            return sorted(said)

        assert await ask() == ["hello 1", "ho 1"]
        new = HANDLERS.replace("word} ", "word}, ")
        line = await talk.save("handlers.py", new[:-20], rest=new[-20:], told=IN_FORCE)
        assert json.decode(line)["swapped"] == ["one", "two"]
        assert await ask() == ["hello, 2", "ho, 2"]
        line = await talk.save("handlers.py", HANDLERS.replace("word} ", "word}! ") + "\ndef broken(:\n", told=REFUSED)
        assert re.search(r"b22_bot/handlers\.py:14: SyntaxError", line)
        assert await ask() == ["hello, 3", "ho, 3"]
        line = await talk.save("handlers.py", HANDLERS.replace("settings: Settings", "settings: int"), told=REFUSED)
        assert re.search(r"b22_bot/handlers\.py:\d+: handler answer\(\): parameter settings: nothing of type int", line)
        line = await talk.save("core.py", CORE.replace("word: str", "word: int"), told=REFUSED)
        assert await ask() == ["hello, 4", "ho, 4"]
        line = await talk.save("handlers.py", HANDLERS.replace("word} ", "word}? "), told=REFUSED)
        assert "bots[1].settings.word" in line
        await talk.save("core.py", CORE, told=IN_FORCE)
        assert await ask() == ["hello? 5", "ho? 5"]


@pytest.mark.slow
@pytest.mark.row("B22", "O01")
def test_saved_code_is_swapped_in_a_real_process(start_botkit: Start, tmp_path: Path) -> None:
    folder = tmp_path / "b22_bot"
    folder.mkdir()
    (folder / "__init__.py").write_text("from .core import bot\nfrom . import handlers\n")
    (folder / "core.py").write_text(CORE)
    (folder / "handlers.py").write_text(HANDLERS)
    (tmp_path / "bots.yaml").write_text(CONFIG)
    talk = Talk(start_botkit("run", "bots.yaml", "--reload", "--log", "json"), tmp_path)
    trio.run(follow, talk)
    code, _, err = talk.process.stop(signal.SIGTERM)
    assert (code, err) == (0, "")


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    result = CliRunner().invoke(build_app(), ["run", str(tmp_path / "bots.yaml"), "--reload"])
    assert result.exit_code == 2
    assert "pip install 'botkit[dev]'" in result.stderr
