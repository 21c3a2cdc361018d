"""The README keeps its word: what it prints runs, and what it names is there."""

import pkgutil
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import trio
import yaml
from typer.testing import CliRunner

from botkit import ChannelMessage, InstantMessage, Signal
from botkit.cli.entry import build_app
from tests.app.world import next_event
from tests.e2e.files import ROOT, on_free_ports, ws_url
from tests.processes import Run, Start
from tests.test_arrows import DIRECT, PRIVATE, allowed_rooms

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^(?:`([\w.]+)`:\n\n)?```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
"""The code blocks: the file that one is for, if the line before names it, its language, and its text."""

INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL))

RUN = "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/botkit run config/demo.yaml"
TEST = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"


NOT_ROOMS = {f"{room}.py" for room in (*PRIVATE, "__main__")}
"""Modules that the drawing leaves out: a private part of another, and what makes ``python -m botkit``."""


def block_for(file: str) -> str:
    """The text that is printed for a file."""
    (text,) = (text for name, _, text in BLOCKS if name == file)
    return str(text)


def commands() -> list[list[str]]:
    """Every command of the shell blocks and, where one stands in a sentence, of botkit and pytest; in words."""
    lines = [line for _, language, text in BLOCKS if language == "sh" for line in text.splitlines() if line]
    lines += [code for code in INLINE if re.match(r"(botkit|pytest) ", code)]
    return [shlex.split(part) for line in lines for part in line.split(" && ")]


def commands_of(program: str) -> list[list[str]]:
    """The arguments of each command that runs ``program``."""
    return [words[1:] for words in commands() if Path(words[0]).name == program]


def tree() -> list[str]:
    """The lines of the block that draws the folders."""
    (block,) = (text for _, _, text in BLOCKS if text.startswith("botkit/\n"))
    return str(block).splitlines()


def arrows() -> dict[str, set[str]]:
    """The rooms that each room may import by itself, as the README draws it."""
    (block,) = (text for _, _, text in BLOCKS if "<-" in text)
    found: dict[str, set[str]] = {}
    for arrow in re.split(r"\s{2,}|\n", block.strip()):
        there, here = ([name.strip() for name in side.split(",")] for side in arrow.split("<-"))
        for room in here:
            found.setdefault(room, set()).update(there)
    return found


def along(arrows: dict[str, set[str]], room: str) -> set[str]:
    """All that ``room`` may import, arrow after arrow."""
    direct = arrows.get(room, set())
    return direct.union(*(along(arrows, other) for other in direct))


async def talk(url: str, app_id: str) -> tuple[str, str]:
    """What somebody who joins is told, and what the bot answers to ``!hello``."""
    async with Signal(app_id, url).open_session("ann") as ann:
        channel = await ann.join("lobby")
        welcome = await next_event(ann, InstantMessage, seconds=60)
        await channel.send("!hello")
        while (answer := await next_event(ann, ChannelMessage, seconds=60)).account == "ann":
            pass
        return f"{welcome.account}: {welcome.text}", f"{answer.account}: {answer.text}"


@pytest.mark.slow
def test_the_first_bot_runs_as_printed(start_botkit: Start, tmp_path: Path) -> None:
    config = block_for("hello.yaml")
    (tmp_path / "hello.py").write_text(block_for("hello.py"))
    (tmp_path / "hello.yaml").write_text(on_free_ports(config))
    assert ["run", "hello.yaml"] in commands_of("botkit")
    running = start_botkit("run", "hello.yaml")
    url = ws_url(running.read_until("ready: 1 of 1 bots at work"))
    heard = trio.run(talk, url, yaml.safe_load(config)["app"]["id"])
    assert heard == ("hello: welcome to lobby; try !hello", "hello: hello, ann")
    # It ends itself with another code, and says so, when it takes longer than 5 s.
    code, out, err = running.stop(signal.SIGINT)
    assert (code, out.splitlines()[-1], err) == (0, "stopped: every session is logged out", "")


@pytest.mark.slow
def test_the_replay_runs_as_printed(run_botkit: Run, tmp_path: Path) -> None:
    (log,) = (text for _, _, text in BLOCKS if text.startswith("[09:03]"))
    (tmp_path / "talk.log").write_text(log)
    (arguments,) = (words for words in commands_of("botkit") if words[0] == "replay")
    result = run_botkit(*arguments)
    assert result.returncode == 0, result.stderr
    assert re.search(r"lines read +│ 5 \(3 messages, 1 joins, 1 renames\)", result.stdout)


def test_the_first_bot_has_fifteen_lines() -> None:
    assert len(block_for("hello.py").splitlines()) <= 15


def test_the_two_commands_stand_near_the_top() -> None:
    top = README.splitlines()[:35]
    assert RUN in top
    assert TEST in top
    assert top.index(RUN) < top.index(TEST)


def test_nothing_is_needed_before_the_two_commands() -> None:
    shell = [text.strip() for _, language, text in BLOCKS if language == "sh"]
    assert shell[:2] == [RUN, TEST]


def test_every_program_is_one_that_is_there() -> None:
    assert {Path(words[0]).name for words in commands()} == {"python3", "pip", "pytest", "botkit"}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for *_, what in commands_of("pip"):
        match = re.fullmatch(r"\.(?:\[(\w+)\])?", what)
        assert match is not None
        assert match[1] is None or match[1] in extras


@pytest.mark.row("O01")
@pytest.mark.parametrize("arguments", commands_of("botkit"), ids=" ".join)
def test_commands_and_options_exist(arguments: list[str]) -> None:
    name, *rest = arguments
    plain = {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    result = CliRunner().invoke(build_app(), [name, "--help"], env=plain)
    assert result.exit_code == 0, result.output
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", result.output))
    assert "--help" in known
    assert {word for word in rest if word.startswith("--")} <= known


def test_every_command_is_in_the_readme() -> None:
    known = {command.name for command in build_app().registered_commands}
    assert {arguments[0] for arguments in commands_of("botkit")} == known


def test_pytest_knows_its_options() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", told.stdout))
    options = {word for arguments in commands_of("pytest") for word in arguments if word.startswith("-")}
    assert {"-m", "--rows"} <= options <= known


def test_files_that_are_named_exist() -> None:
    named = {code for code in INLINE if re.fullmatch(r"[\w.]+/[\w./]*|[A-Z]+(\.md)?|[\w/]+\.(py|md|yaml)", code)}
    named |= {word for words in commands() for word in words if word.endswith(".yaml")}
    named -= {name for name, _, _ in BLOCKS}
    assert {"config/demo.yaml", "config/", "botkit/wire/ledger.py", "tests/test_arrows.py", ".ci/run"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_names_that_are_mentioned_exist() -> None:
    names = {code for code in INLINE if re.fullmatch(r"(botkit|bots)(\.\w+)+", code)}
    assert "botkit.Signal" in names
    for name in names:
        assert pkgutil.resolve_name(name), name


def test_the_bots_are_those_of_the_table() -> None:
    listed = set(re.findall(r"^\| `bots\.(\w+)` \|", README, re.MULTILINE))
    assert listed == {path.parent.name for path in (ROOT / "bots").glob("*/__init__.py")}


def test_the_rooms_are_those_of_the_tree() -> None:
    rooms = {line.split()[0] for line in tree() if line.startswith("  ")}
    folders = {f"{path.parent.name}/" for path in (ROOT / "botkit").glob("*/__init__.py")}
    modules = {path.name for path in (ROOT / "botkit").glob("*.py") if path.name not in NOT_ROOMS}
    assert rooms == folders | modules
    assert {line.split()[0] for line in tree() if not line.startswith(" ")} == {"botkit/", "bots/", "config/", "tests/"}


def test_the_arrows_are_those_that_are_tested() -> None:
    drawn = arrows()
    assert set(drawn) | {"errors", "types"} == {room for room in DIRECT if not room.startswith("_")}
    for room in drawn:
        assert along(drawn, room) == allowed_rooms(room) - set(PRIVATE), room
