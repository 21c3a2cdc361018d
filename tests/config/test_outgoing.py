"""What a file says about what bots do: dry runs, the governor, the effect log."""

from pathlib import Path

import pytest

from botkit.config.loading import load_any_config, load_config
from botkit.errors import ConfigError
from botkit.signaling import GovernorSettings

BOT = "from botkit.app.bot import Bot\nbot = Bot('b')\n"

FILE = """\
app: {id: the-app}
bots:
  - {bot: "outgoing_cfg:bot", account: one}
  - {bot: "outgoing_cfg:bot", account: two, dry_run: true}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "outgoing_cfg.py").write_text(BOT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = Path("bot.yaml")
    path.write_text(FILE)
    return path


def test_each_bot_says_whether_it_runs_dry(file: Path) -> None:
    assert [bot.plan.dry_run for bot in load_config(file).bots] == [False, True]
    assert [bot.plan.dry_run for bot in load_config(file, dry_run=True).bots] == [True, True]


def test_what_is_left_out(file: Path) -> None:
    config = load_config(file)
    assert config.governor == GovernorSettings()
    assert (config.effects.keep, config.effects.text) == (100_000, "hash")


def test_all_of_it(file: Path) -> None:
    more = "store: {url: 'sqlite:///a.db'}\noutgoing: {queue: 7, retry_seconds: 1.5}\neffects: {keep: 9, text: full}\n"
    file.write_text(FILE + more)
    config = load_config(file)
    assert config.governor == GovernorSettings(queue=7, retry_seconds=1.5)
    assert (config.effects.keep, config.effects.text) == (9, "full")
    file.write_text(FILE + "outgoing: {governor: false}\n")
    assert load_config(file).governor is None


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("outgoing: {queue: 0}", "bot.yaml:5: outgoing.queue: expected a whole number of at least 1, got 0"),
        ("effects: {text: some}", "bot.yaml:5: effects.text: 'some' is none of these; known here: full, hash, none"),
        ("effects: {keep: 5}", "bot.yaml:5: effects.keep: there is no store to keep them in; set store.url"),
        ("outgoing: {governer: no}", "bot.yaml:5: outgoing.governer: there is no such key; did you mean 'governor'?"),
    ],
)
def test_what_cannot_be(file: Path, more: str, problem: str) -> None:
    file.write_text(f"{FILE}{more}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("key", ["outgoing", "effects"])
def test_a_gateway_alone_does_nothing_of_that(file: Path, key: str) -> None:
    file.write_text(f"app: {{id: the-app}}\n{key}: {{}}\n")
    with pytest.raises(ConfigError, match=f"{key}: is for botkit run"):
        load_any_config(file)
