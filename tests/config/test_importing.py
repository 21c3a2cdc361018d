import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from botkit.config.importing import import_object
from botkit.errors import ConfigError


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``concierge_pkg`` with a module ``good``; tests add others."""
    folder = tmp_path / "concierge_pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "good.py").write_text("bot = 'the bot'\n_hidden = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in [name for name in sys.modules if name.startswith("concierge_pkg")]:
        del sys.modules[name]


def refusal(reference: str) -> str:
    with pytest.raises(ConfigError) as caught:
        import_object(reference)
    return str(caught.value)


def test_a_reference_names_an_object() -> None:
    assert import_object("concierge_pkg.good:bot") == "the bot"


@pytest.mark.parametrize("reference", ["", ":", "a", "a:", ":b", "a.b", "a..b:c", "a-b:c", "a:b.c", "a:b:c", ".a:b"])
def test_another_form_is_refused(reference: str) -> None:
    assert refusal(reference).endswith("names no object; write package.module:attribute")


@pytest.mark.parametrize(
    ("reference", "missing"),
    [
        ("no_such_pkg.good:bot", "no_such_pkg"),
        ("concierge_pkg.god:bot", "concierge_pkg.god"),
        ("concierge_pkg.good.deep:bot", "concierge_pkg.good.deep"),
    ],
)
def test_a_module_that_is_not_there_is_named(reference: str, missing: str) -> None:
    assert refusal(reference).startswith(f"there is no module {missing}")


def test_an_attribute_that_is_not_there_gets_a_suggestion() -> None:
    assert refusal("concierge_pkg.good:bto") == "module concierge_pkg.good has no 'bto'; did you mean 'bot'?"
    assert "known here: bot" in refusal("concierge_pkg.good:xyz")


def test_a_module_that_needs_another_one_says_which(package: Path) -> None:
    (package / "needs.py").write_text("\nimport no_such_library\n")
    message = refusal("concierge_pkg.needs:bot")
    assert message.startswith(f"module concierge_pkg.needs cannot be imported: {package}/needs.py:2: ")
    assert "No module named 'no_such_library'" in message


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("\n1 / 0\n", "raises.py:2: ZeroDivisionError: division by zero"),
        ("raise Exception\n", "raises.py:1: Exception"),
        ("import sys\nsys.exit(3)\n", "raises.py:2: SystemExit(3)"),
        ("def broken(:\n", "raises.py:1: SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_fails_says_where(package: Path, code: str, problem: str) -> None:
    (package / "raises.py").write_text(code)
    assert problem in refusal("concierge_pkg.raises:bot")


BEGIN = "import json\nfrom botkit import Bot, filters as f\nbot = Bot('b')\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("bot.every(seconds=0)", "ValueError: every: more than 0 seconds expected, got 0"),
        ("f.text.is_('a') and f.text.is_('b')", "TypeError: a filter has no truth value of its own"),
        ("f.text.regex('(')", "missing ), unterminated subpattern"),
        ("bot.on_message('!hello')", "TypeError: a filter is expected, got '!hello'; write text="),
        ("bot.no_such_thing()", "AttributeError: 'Bot' object has no attribute"),
        ("json.loads('{')", "JSONDecodeError"),
    ],
)
def test_the_line_that_is_named_is_the_bots_and_not_that_of_a_library(package: Path, line: str, problem: str) -> None:
    (package / "mistaken.py").write_text(f"{BEGIN}{line}\n")
    message = refusal("concierge_pkg.mistaken:bot")
    assert f" {package}/mistaken.py:4: " in message
    assert problem in message


def test_a_handler_that_does_not_fit_is_named_with_its_place(package: Path) -> None:
    (package / "handlers.py").write_text(
        "from botkit.errors import HandlerError\nraise HandlerError('hello', 'handlers.py', 7, 'needs an event')\n"
    )
    assert "handlers.py:7: handler hello(): needs an event" in refusal("concierge_pkg.handlers:bot")
