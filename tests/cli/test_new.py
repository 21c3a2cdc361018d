"""What ``botkit new`` writes is green as written: it runs, its tests pass, and the house's tools find nothing in it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from botkit.cli.entry import build_app
from botkit.config.loading import load_config

Start: TypeAlias = Callable[..., Any]
"""A fixture of conftest.py."""

ROOT = Path(__file__).parents[2]
FILES = {"pyproject.toml", "tea_bot.py", "tea_bot.yaml", "test_tea_bot.py"}


def new(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(build_app(), ["new", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a new bot, ``tea_bot``."""
    monkeypatch.chdir(tmp_path)
    code, out, err = new("tea_bot")
    assert (code, err) == (0, "")
    assert "cd tea_bot" in out
    assert "botkit run tea_bot.yaml" in out
    assert "pip install -e '.[test]' && pytest" in out
    monkeypatch.chdir(tmp_path / "tea_bot")
    monkeypatch.syspath_prepend(tmp_path / "tea_bot")
    yield tmp_path / "tea_bot"
    sys.modules.pop("tea_bot", None)


def test_it_writes_a_bot_its_configuration_and_a_test(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES
    config = load_config(folder / "tea_bot.yaml", {})
    (bot,) = config.bots
    assert (bot.placement.account, bot.placement.channels) == ("tea_bot", ("lobby",))
    assert len(config.apps[0].id) == 32


@pytest.mark.slow
@pytest.mark.row("B24")
def test_its_tests_pass_and_the_tools_find_nothing(folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ruff = ["--isolated", "--line-length", "120"]
    for tool in (
        ["pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        ["mypy", "--strict", "tea_bot.py", "test_tea_bot.py"],
        ["ruff", "check", *ruff, "--select", "E,F,W,I,UP,B,RUF", "."],
        ["ruff", "format", "--check", *ruff, "."],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *tool], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{tool[0]}:\n{done.stdout}{done.stderr}"
        if tool[0] == "pytest":
            assert "2 passed" in done.stdout


@pytest.mark.row("O01")
@pytest.mark.slow
@pytest.mark.row("B24")
def test_it_runs_as_written(folder: Path, start_botkit: Start) -> None:
    config = folder / "tea_bot.yaml"
    text = config.read_text()
    config.write_text(text.replace(":8001", ":0").replace(":8080", ":0"))  # the only change: ports that are free
    running = start_botkit("run", "tea_bot.yaml", cwd=folder)
    running.read_until("ready: 1 of 1 bots at work")
    code, _, err = running.stop(signal.SIGTERM)
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("tea-bot", "no name for a Python module"),
        ("class", "no name for a Python module"),
        ("1st", "no name for a Python module"),
        ("té", "no name for a Python module"),
        ("json", "there is a module json already"),
        ("a" * 129, "128"),
    ],
)
def test_a_name_that_cannot_be_writes_nothing(
    name: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = new(name)
    assert (code, out) == (2, "")
    assert "NAME" in err
    assert problem in err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(folder: Path) -> None:
    (folder / "tea_bot.py").write_text("mine")
    (folder / "tea_bot.yaml").unlink()
    code, _, err = new("tea_bot", "--into", str(folder))
    assert (code, "tea_bot.py is there already" in err) == (2, True)
    assert (folder / "tea_bot.py").read_text() == "mine"
    assert not (folder / "tea_bot.yaml").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = new("tea_bot", "--into", str(tmp_path / "file" / "deeper"))
    assert code == 2
    assert "--into: cannot write into" in err
