"""Commands that other packages register by entry point."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from botkit.cli.plugins import GROUP, load, register
from botkit.errors import ConfigError

PLUGIN = '''
import typer
app = typer.Typer()

@app.command()
def pour(cups: int, *, sugar: bool = False) -> None:
    """Pour tea."""
    print("poured", cups, sugar)

@app.command()
def wash() -> None: ...
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Modules that a package could bring."""
    (tmp_path / "tea_plugin.py").write_text(PLUGIN)
    (tmp_path / "broken_plugin.py").write_text("import no_such_module\n")
    (tmp_path / "other_plugin.py").write_text("app = 'tea'\n")
    monkeypatch.syspath_prepend(tmp_path)
    return SimpleNamespace(
        tea=EntryPoint("tea", "tea_plugin:app", GROUP),
        coffee=EntryPoint("tea", "other_plugin:app", GROUP),
        broken=EntryPoint("broken", "broken_plugin:app", GROUP),
        text=EntryPoint("text", "other_plugin:app", GROUP),
        run=EntryPoint("run", "tea_plugin:app", GROUP),
    )


def command_line(*points: EntryPoint) -> typer.Typer:
    app = typer.Typer()

    @app.command("run")
    def run() -> None:
        print("botkit's own")

    @app.command("check")
    def check() -> None: ...

    register(app, {"run"}, points)
    return app


def test_arguments_and_options_go_to_the_package_s_command(package: SimpleNamespace) -> None:
    result = CliRunner().invoke(command_line(package.tea), ["tea", "pour", "2", "--sugar"])
    assert (result.exit_code, result.output) == (0, "poured 2 True\n")


def test_its_help_is_its_own(package: SimpleNamespace) -> None:
    result = CliRunner().invoke(command_line(package.tea), ["tea", "pour", "--help"])
    assert result.exit_code == 0
    assert "Pour tea." in result.output


def test_a_wrong_option_of_it_is_2(package: SimpleNamespace) -> None:
    result = CliRunner().invoke(command_line(package.tea), ["tea", "pour", "2", "--milk"])
    assert result.exit_code == 2
    assert "--milk" in result.output


def test_none_is_imported_before_it_is_used(package: SimpleNamespace) -> None:
    sys.modules.pop("tea_plugin", None)
    app = command_line(package.tea, package.broken)
    result = CliRunner().invoke(app, ["--help"])
    assert "tea_plugin:app" in result.output
    assert "broken_plugin:app" in result.output
    assert "tea_plugin" not in sys.modules


def test_one_that_does_not_import_says_which(package: SimpleNamespace) -> None:
    error = CliRunner().invoke(command_line(package.broken), ["broken"]).exception
    assert isinstance(error, ConfigError)
    assert str(error) == (
        "broken_plugin:app: broken: does not import from broken_plugin: ModuleNotFoundError: No module named "
        "'no_such_module'; install that package again, or remove it"
    )


def test_what_is_no_command_is_refused(package: SimpleNamespace) -> None:
    with pytest.raises(ConfigError, match=r"other_plugin:app: text: is str, not a typer\.Typer"):
        load(package.text)


def test_botkit_s_own_commands_cannot_be_replaced(package: SimpleNamespace) -> None:
    assert CliRunner().invoke(command_line(package.run), ["run"]).output == "botkit's own\n"


def test_two_packages_with_one_name_are_told_apart(package: SimpleNamespace) -> None:
    error = CliRunner().invoke(command_line(package.tea, package.coffee), ["tea"]).exception
    assert isinstance(error, ConfigError)
    assert (
        str(error)
        == "tea: several packages bring this command: tea_plugin:app, other_plugin:app; uninstall all but one"
    )


def test_one_that_is_listed_twice_is_one(package: SimpleNamespace) -> None:
    assert CliRunner().invoke(command_line(package.tea, package.tea), ["tea", "pour", "1"]).exit_code == 0
