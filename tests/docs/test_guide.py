"""The guide keeps its word: every block of code in a docstring or in the README is run, by what it is.

Python blocks of a page are one module, in their order: it is imported, its bots are put on a gateway in memory, and
its tests are run. Settings are loaded as a file, commands are parsed by the command line (or asked of the bot's
database), logs are read by the reader of logs, JSON is decoded, TOML stands so in the project's own ``pyproject.toml``.
What none of that fits is an error, not left out.
"""

import importlib.util
import inspect
import io
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest
import trio
import typer
import yaml
from trio.testing import MockClock
from typer.core import TyperGroup

from botkit import Bot, BotPlacement
from botkit.cli.entry import build_app
from botkit.config.loading import load_any_config
from botkit.irc_log import Unknown, read_log
from botkit.testing import open_world
from botkit.wire.ledger import decode_event
from bots.moderation.learning.model import save_model
from tests.bots.moderation.models import model_of
from tests.docs.blocks import ROOT, Block, all_blocks, kind_of

BLOCKS = all_blocks()
PAGES = sorted({block.page for block in BLOCKS if block.kind == "python"})
CHAPTERS = (
    "botkit.app",
    "botkit.routing.filters",
    "botkit.app.commands",
    "botkit.app.conversations",
    "botkit.signaling.outgoing",
    "botkit.testing",
    "botkit.operations",
)
"""What the front door sends newcomers to, in the order of reading."""

LANGUAGES = {"shell": "sh", "python": "python", "yaml": "yaml", "log": "", "drawing": ""}
"""What a fence of the README says about a block of each kind."""

PageTest: TypeAlias = Callable[[MockClock], Coroutine[None, None, None]]


def blocks(kind: str) -> list[Block]:
    """All blocks of a kind."""
    return [block for block in BLOCKS if block.kind == kind]


def module_name(page: str) -> str:
    """The name of the module that a page's Python blocks are together."""
    return "page_" + re.sub(r"\W", "_", page.removesuffix(".py").removesuffix("/__init__"))


def write_page(page: str, folder: Path) -> Path:
    """The Python blocks of a page as a file; each line says where it stands in the page."""
    file = folder / f"{module_name(page)}.py"
    texts = [f"# {block}\n{block.text}\n" for block in blocks("python") if block.page == page]
    file.write_text("\n\n".join(texts))
    return file


@pytest.fixture
def page_module(page: str, tmp_path: Path) -> Iterator[ModuleType]:
    """A page's Python blocks, imported."""
    file = write_page(page, tmp_path)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[file.stem]


def page_tests(module: ModuleType) -> dict[str, PageTest]:
    """The tests that a page has, as pytest would find them."""
    return {name: value for name, value in vars(module).items() if name.startswith("test_") and callable(value)}


def bots_of(module: ModuleType) -> list[Bot]:
    """The bots that a page has at the end."""
    return [value for value in vars(module).values() if isinstance(value, Bot)]


def run(test: Callable[[MockClock], Coroutine[None, None, None]]) -> None:
    """Run a page's test as pytest-trio would: with a virtual clock as its only argument."""
    clock = MockClock(autojump_threshold=0)
    trio.run(test, clock, clock=clock)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs(page: str, page_module: ModuleType) -> None:
    tests, bots = page_tests(page_module), bots_of(page_module)
    for test in tests.values():
        assert list(inspect.signature(test).parameters) == ["autojump_clock"]
        run(test)

    async def start_and_stop(_clock: MockClock) -> None:
        places = [BotPlacement(bot=bot, account=f"{bot.name}-{n}", channels=("lobby",)) for n, bot in enumerate(bots)]
        async with open_world(*places) as world:
            assert (await world.user("ann", channel="lobby")).account == "ann"

    if bots:
        run(start_and_stop)
    text = "\n".join(block.text for block in blocks("python") if block.page == page)
    claims = re.search(r"^assert ", text, re.MULTILINE)
    assert tests or bots or claims, "a page shows a bot, has a test, or claims something: else nothing of it was run"


@pytest.mark.slow
def test_the_blocks_of_all_pages_are_typed(tmp_path: Path) -> None:
    files = [str(write_page(page, tmp_path)) for page in PAGES]
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--strict", *files]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_of_a_kind(block: Block) -> None:
    assert block.kind, f"nothing can run this: {block.text}"
    if block.page == "README.md":
        assert block.language == LANGUAGES[block.kind]


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_settings_are_loaded(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that is a part of a file gets what each file must have; a bot of the README's is there as its file."""
    for file, code in re.findall(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        (tmp_path / file).write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for file in re.findall(r"kind: model, file: ([\w/]+\.json)", block.text):  # what a training would have left there
        (tmp_path / file).parent.mkdir()
        save_model(model_of("spam"), tmp_path / file)
    whole = {"app": {"id": "guide"}, "bots": [{"bot": "bots.presence:bot", "account": "presence"}]}
    said = yaml.safe_load(block.text)
    if "apps" in said:
        del whole["app"]
    missing = {key: value for key, value in whole.items() if key not in said}
    (tmp_path / "page.yaml").write_text(f"{block.text}\n{yaml.safe_dump(missing) if missing else ''}")
    named = re.findall(r"\$\{(\w+)\}", block.text)
    load_any_config(tmp_path / "page.yaml", dict.fromkeys(named, "0123456789abcdef" * 2))


@pytest.mark.parametrize("block", blocks("shell"), ids=str)
def test_commands_are_parsed(block: Block) -> None:
    app = typer.main.get_command(build_app())
    assert isinstance(app, TyperGroup)
    for line in block.text.splitlines():
        for part in line.partition("  #")[0].split(" && "):
            program, *words = shlex.split(part)
            if program == "sqlite3":
                ask(block, *words)
            elif Path(program).name == "botkit":
                command = app.commands[words[0]]
                command.make_context(words[0], [_there(word) for word in words[1:]])
            else:
                assert block.page == "README.md", f"{program}: which test/e2e/test_readme.py knows for the README alone"


@pytest.mark.parametrize("block", blocks("log"), ids=str)
def test_logs_are_read(block: Block) -> None:
    lines = list(read_log(io.BytesIO(block.text.encode())))
    assert len(lines) == len(block.text.splitlines())
    assert not any(isinstance(line, Unknown) for line in lines)


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_a_table_is_one_of_the_project(block: Block) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert includes(project, tomllib.loads(block.text))


def includes(whole: object, part: object) -> bool:
    """Whether all that ``part`` says stands in ``whole``, too."""
    if not isinstance(whole, dict) or not isinstance(part, dict):
        return whole == part
    return all(key in whole and includes(whole[key], value) for key, value in part.items())


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_an_event_of_the_ledger(block: Block) -> None:
    assert decode_event(block.text).seq > 0


def test_the_front_door_lists_the_chapters() -> None:
    import botkit

    assert botkit.__doc__ is not None
    listed = re.findall(r"^- ``(botkit[\w.]*)``", botkit.__doc__, re.MULTILINE)
    assert tuple(listed) == CHAPTERS
    for name in listed:
        assert len((importlib.import_module(name).__doc__ or "").splitlines()) > 15, name


def test_the_readme_lists_the_chapters() -> None:
    listed = re.findall(r"^- .*\(`help\('(botkit[\w.]*)'\)`\)", README, re.MULTILINE)
    assert tuple(listed) == CHAPTERS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("await ctx.reply('hello')", "python"),
        ("bots:\n  - {bot: a, account: b}", "yaml"),
        ("botkit run demo.yaml", "shell"),
        ("[09:03] <ann> hi", "log"),
        ('{"v": 1}', "json"),
        ("one\n├── two", "drawing"),
        ("[project]\nname = 'a'", "toml"),
        ("[one]", "python"),
        ("def broken(:", ""),
        ("bots: [", ""),
        ("rm -rf everything", ""),
    ],
)
def test_kinds_are_told_apart(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def ask(block: Block, file: str, query: str) -> None:
    """Ask what a page asks a bot's database, of an empty one with the tables that the bot makes."""
    package = ROOT / Path(block.page).parent
    assert file.endswith(".db")
    with sqlite3.connect(":memory:") as database:
        for path in sorted(package.glob("*.py")):
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for statement in getattr(module, "SCHEMA", ()):
                database.execute(statement)
        assert database.execute(query).fetchall() == []
    database.close()


def _there(word: str) -> str:
    """A file that a command of the README reads must be there: one that is written before it is, by the reader."""
    return str(ROOT / "README.md") if word == "talk.log" else word


README = (ROOT / "README.md").read_text()
