"""What is told of a file that is right, but hardly meant."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from botkit.cli.entry import build_app
from botkit.config.advice import find_doubts
from botkit.config.loading import Config, load_config

FILE = """\
app: {{id: the-app, certificate: 0123456789abcdef0123456789abcdef, server_accounts: {servers}}}
gateway: {{listen: "127.0.0.1:0", http: ""}}
bots:
  - bot: advice_bot:bot
    account: warden
    channels: {channels}
    {more}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "advice_bot.py").write_text('from botkit import Bot\nbot = Bot("warden")\n')
    return tmp_path


def load(folder: Path, servers: str, channels: str, more: str = "") -> Config:
    (folder / "bots.yaml").write_text(FILE.format(servers=servers, channels=channels, more=more))
    return load_config(folder / "bots.yaml")


@pytest.mark.parametrize(
    ("servers", "channels", "more", "problem"),
    [
        ("[warden]", '["room-*"]', "max_channels: 9", "and 9 of its accounts, warden~2 to warden~10, are not"),
        ("[warden]", "[lobby, hall]", "", "warden is a server account, and warden~2 is not"),
        (
            '[warden, "warden~[2-4]"]',
            '[lobby, "room-*"]',
            "max_channels: 5",
            "and 2 of its accounts, warden~5 to warden~6",
        ),
    ],
)
def test_accounts_of_a_bot_that_lack_its_role_are_told(
    folder: Path, servers: str, channels: str, more: str, problem: str
) -> None:
    (doubt,) = find_doubts(load(folder, servers, channels, more))
    assert problem in doubt.problem
    assert (doubt.file, doubt.key) == (f"{folder / 'bots.yaml'}:6", "bots[0].channels")
    assert doubt.hint == 'add "warden~*" to server_accounts'


@pytest.mark.parametrize(
    ("servers", "channels"),
    [('[warden, "warden~*"]', '["room-*"]'), ("[]", '["room-*"]'), ("[warden]", "[lobby]"), ('["*"]', "[lobby, hall]")],
)
def test_who_has_the_role_whole_or_not_at_all_is_fine(folder: Path, servers: str, channels: str) -> None:
    assert list(find_doubts(load(folder, servers, channels))) == []


def test_check_says_so_and_the_file_is_right(folder: Path) -> None:
    load(folder, "[warden]", '["room-*"]')
    result = CliRunner().invoke(build_app(), ["check", str(folder / "bots.yaml")])
    assert result.exit_code == 0
    assert "is right" in result.stdout
    assert 'add "warden~*" to server_accounts' in result.stderr
