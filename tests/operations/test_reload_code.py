"""Code that is saved while bots run by it: swapped, or refused with file and line; in any order and state."""

import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict
from trio.testing import MockClock

from botkit import App, ChannelMessage, UserJoined, UserLeft
from botkit.config.loading import load_config
from botkit.operations.code import ProjectCode
from botkit.operations.reload import ConfigReload
from botkit.testing import User, open_world

FILES = {
    "__init__": '"""Greets."""\nfrom .core import bot\nfrom . import hello, count, once\n',
    "core": """
from msgspec import Struct
from botkit import Bot

class Settings(Struct, frozen=True):
    word: str = "hi"

bot = Bot("bot", settings=Settings)
""",
    "words": "VERSION = 0\ndef decorate(word): return f'{word}{VERSION}'\n",
    "hello": """
from botkit import ChannelMessage, Context
from .core import Settings, bot
from . import words
VERSION = 0

@bot.on_channel_message(account="user*", text="hello")
async def hello(message: ChannelMessage, ctx: Context, settings: Settings) -> None:
    await ctx.channel.send(f"{words.decorate(settings.word)} {VERSION}")
""",
    "state": """
class Tally:
    def __init__(self) -> None:
        self.count = 0
""",
    "count": """
from collections.abc import AsyncIterator
from botkit import ChannelMessage, Context, Router
from .core import bot
from .state import Tally
VERSION = 0
router = Router("count")

@router.resource
async def tally() -> AsyncIterator[Tally]:
    yield Tally()

@router.on_channel_message(account="user*", text="count")
async def count(message: ChannelMessage, ctx: Context, tally: Tally) -> None:
    tally.count += 1
    await ctx.channel.send(f"{tally.count} {VERSION}")

bot.include(router)
""",
    "once": """
from botkit import ChannelMessage, Context
from . import core

@core.bot.every(seconds=1000)
async def tick(ctx: Context) -> None:
    await ctx.channel.send("tick")
""",
}

CONFIG = """\
app: {id: test-app}
bots:
  - {bot: "b22_walk:bot", account: one, channels: [lobby]}
  - {bot: "b22_walk:bot", account: two, channels: [hall], settings: {word: ho}}
"""


class Stage(NamedTuple):
    """A project, what runs by it, and somebody in each channel."""

    folder: Path
    code: ProjectCode
    reload: ConfigReload
    app: App
    ann: User
    bob: User

    def write(self, name: str, text: str) -> None:
        (self.folder / "b22_walk" / f"{name}.py").write_text(text)

    async def save(self, name: str, text: str) -> EventDict:
        """What is logged about this text of a file."""
        self.write(name, text)
        return await self.follow()

    async def follow(self) -> EventDict:
        with capture_logs() as logs:
            await self.reload.follow()
        (told,) = [entry for entry in logs if " is in force" in entry["event"] or "not" in entry["event"]]
        return told

    async def ask(self, text: str) -> tuple[str, str]:
        """The answers of the two bots."""
        answers = []
        for user in (self.ann, self.bob):
            await user.say(text)
            answers.append((await user.expect(ChannelMessage, account="one" if user is self.ann else "two")).text)
        return answers[0], answers[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "b22_walk").mkdir()
    for name, text in FILES.items():
        (tmp_path / "b22_walk" / f"{name}.py").write_text(text)
    (tmp_path / "bots.yaml").write_text(CONFIG)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "b22_walk"]:
        del sys.modules[name]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    code = ProjectCode()
    with code.installed():
        config = load_config(folder / "bots.yaml")
        async with (
            open_world() as world,
            world.running(*(bot.placement for bot in config.bots)) as app,
            world.visitor("user-ann", channel="lobby") as ann,
            world.visitor("user-bob", channel="hall") as bob,
        ):
            reload = ConfigReload(config, lambda: load_config(folder / "bots.yaml"), [app], world.meters, code=code)
            yield Stage(folder, code, reload, app, ann, bob)
            for user in (ann, bob):
                assert not await user.heard(UserLeft)
                assert not await user.heard(UserJoined)


@pytest.mark.row("B22")
async def test_a_saved_file_is_swapped_in_with_all_that_depends_on_it(folder: Path, autojump_clock: MockClock) -> None:
    async with stage(folder) as at:
        assert await at.ask("hello") == ("hi0 0", "ho0 0")
        assert await at.ask("count") == ("1 0", "1 0")
        told = await at.save("words", FILES["words"].replace("= 0", "= 1"))
        assert told["event"] == "new code is in force"
        assert told["swapped"] == ["one", "two"]
        assert told["modules"] == [
            *("b22_walk", "b22_walk.core", "b22_walk.count", "b22_walk.hello", "b22_walk.once", "b22_walk.words"),
        ]
        assert await at.ask("hello") == ("hi1 0", "ho1 0")
        assert await at.ask("count") == ("2 0", "2 0")
        await at.save("count", FILES["count"].replace("VERSION = 0", "VERSION = 1"))
        assert await at.ask("count") == ("3 1", "3 1")
        await at.save("state", FILES["state"].replace("= 0", "= 10"))  # another way to make it: it begins anew
        assert await at.ask("count") == ("11 1", "11 1")


MISTAKES = [
    ("hello", "VERSION = 0", "VERSION =", "b22_walk/hello.py:5: SyntaxError: invalid syntax"),
    ("hello", "VERSION = 0", "1 / 0", "b22_walk/hello.py:5: ZeroDivisionError"),
    ("hello", "VERSION = 0", "from . import nothing", "b22_walk/hello.py:5: ImportError: cannot import name 'nothing'"),
    ("hello", "-> None", "-> int", "hello.py:7: handler hello(): must return None, not int"),
    ("hello", "settings: Settings", "settings: int", "hello.py:7: handler hello(): parameter settings"),
    ("once", "seconds=1000", "seconds=0", "once.py:5: ValueError: every: more than 0 seconds expected"),
    ("words", "VERSION = 0", "import sys\nsys.exit(3)", "words.py:2: SystemExit(3)"),
    ("__init__", "bot", "bot as robot", "module b22_walk has no 'bot'"),
    ("core", 'word: str = "hi"', "word: int = 7", "expected a whole number"),
    ("core", 'word: str = "hi"', "other: int = 7", "there is no such key"),
    ("core", "settings=Settings", "command_prefix=' '", "command_prefix: visible characters expected"),
]


@pytest.mark.row("B22")
async def test_code_with_a_mistake_is_told_with_its_place_and_the_old_goes_on(
    folder: Path, autojump_clock: MockClock
) -> None:
    async with stage(folder) as at:
        for name, old, new, problem in MISTAKES:
            modules = {name: sys.modules[name] for name in at.code.sources}
            assert old in FILES[name]
            told = await at.save(name, FILES[name].replace(old, new, 1))
            assert (told["event"], told["log_level"]) == ("the new code is not in force: the old goes on", "error")
            assert problem in told["problem"]
            assert told["file"].startswith(f"{folder / 'bots.yaml'}:")
            assert {name: sys.modules[name] for name in at.code.sources} == modules
            assert await at.ask("hello") == ("hi0 0", "ho0 0")
            at.write(name, FILES[name])
        assert (await at.save("hello", FILES["hello"] + "\n# repaired\n"))["event"] == "new code is in force"
        assert await at.ask("hello") == ("hi0 0", "ho0 0")


async def test_what_is_as_it_was_is_left_alone(folder: Path, autojump_clock: MockClock) -> None:
    async with stage(folder) as at:
        at.write("hello", FILES["hello"])
        (folder / "b22_walk" / "unused.py").write_text("1 / 0")
        with capture_logs() as logs:
            await at.reload.follow()
        assert logs == []


@pytest.mark.row("B22")
async def test_a_file_that_is_missing_at_first_is_waited_for(folder: Path, autojump_clock: MockClock) -> None:
    async with stage(folder) as at:
        told = await at.save("words", "from .numbers import VERSION\ndef decorate(word): return f'{word}{VERSION}'\n")
        assert "No module named" in told["problem"] or "no module" in told["problem"]
        at.write("numbers", "VERSION = 8")
        assert (await at.follow())["event"] == "new code is in force"
        assert await at.ask("hello") == ("hi8 0", "ho8 0")


@pytest.mark.row("B22")
async def test_new_code_whose_resource_fails_leaves_the_old_until_it_is_repaired(
    folder: Path, autojump_clock: MockClock
) -> None:
    async with stage(folder) as at:
        assert await at.ask("count") == ("1 0", "1 0")
        broken = FILES["count"].replace("yield Tally()", "raise OSError('no file')\n    yield Tally()")
        told = await at.save("count", broken)
        assert told["event"] == "an app does not follow"
        assert "keeps its code: OSError: no file" in told["error"]
        assert await at.ask("count") == ("2 0", "2 0")
        assert (await at.follow())["event"] == "an app does not follow"  # any save tries again
        await at.save("count", FILES["count"].replace("VERSION = 0", "VERSION = 1"))
        assert await at.ask("count") == ("3 1", "3 1")


@pytest.mark.row("B22")
async def test_the_file_is_followed_too_and_the_code_in_force_is_its_code(
    folder: Path, autojump_clock: MockClock
) -> None:
    async with stage(folder) as at:
        await at.save("hello", FILES["hello"].replace("VERSION = 0", "VERSION = 1"))
        (folder / "bots.yaml").write_text(CONFIG.replace("ho}", "hey}"))
        with capture_logs() as logs:
            await at.reload.follow()
        assert (logs[-1]["event"], logs[-1]["kept"]) == ("configuration read again", ["one"])
        assert logs[-1]["restarted"] == ["two"]
        await at.bob.heard(UserLeft)
        await at.bob.heard(UserJoined)
        assert await at.ask("hello") == ("hi0 1", "hey0 1")


def mutilated(dice: random.Random, text: str) -> str:
    """What an editor may leave for a moment."""
    return dice.choice((text[: dice.randrange(len(text))], "", text + "\n)", "1 / 0\n" + text))


async def walk(folder: Path, seed: int) -> None:
    dice = random.Random(seed)
    async with stage(folder) as at:
        saved = dict(FILES)
        in_force = {"words": 0, "hello": 0, "count": 0}
        for step in range(1, 13):
            name = dice.choice(list(in_force))
            whole = FILES[name].replace("VERSION = 0", f"VERSION = {step}")
            pieces = [mutilated(dice, whole) for _ in range(dice.randrange(3))]
            for piece in pieces:
                at.write(name, piece)
                with capture_logs():
                    await at.reload.follow()
            if dice.random() < 0.2:  # two files at once
                other = dice.choice(list(in_force))
                saved[other] = FILES[other].replace("VERSION = 0", f"VERSION = {step}")
                at.write(other, saved[other])
                in_force[other] = step
            saved[name] = whole
            at.write(name, whole)
            in_force[name] = step
            await at.reload.follow()
            assert at.code.changed() == set()
            await trio.sleep(dice.choice((0, 1)))
            assert await at.ask("hello") == tuple(
                f"{word}{in_force['words']} {in_force['hello']}" for word in ("hi", "ho")
            )
            first, second = await at.ask("count")
            assert first.split()[1] == second.split()[1] == str(in_force["count"])
            assert len(at.app.describe().bots[0].events) == 1  # a handler that is there twice would answer twice
            assert at.app.describe().bots[0].handlers == 3


@pytest.mark.row("B22")
@pytest.mark.parametrize("seed", range(1))
async def test_a_walk_of_saves_ends_with_what_was_saved_last(
    seed: int, folder: Path, autojump_clock: MockClock
) -> None:
    await walk(folder, seed)


@pytest.mark.slow
@pytest.mark.row("B22")
@pytest.mark.parametrize("seed", range(100, 125))
async def test_more_walks_of_saves(seed: int, folder: Path, autojump_clock: MockClock) -> None:
    await walk(folder, seed)
