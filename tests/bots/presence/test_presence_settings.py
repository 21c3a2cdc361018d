"""What cannot be meant is refused when the file is read, with file, line and key; what runs keeps what it has."""

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import App, ConfigError, Meters
from botkit.config.loading import load_config
from botkit.operations.reload import ConfigReload
from botkit.testing import open_test_gateway

FILE = """\
app: {id: test-app}
gateway: {listen: "127.0.0.1:0", http: "", server_accounts: [presence]}
bots:
  - bot: bots.presence:bot
    account: presence
    settings:
      database: "sqlite://presence_settings"
      sinks:
        - SINK
      watches:
        - WATCH
"""
SINK = "{to: sqlite, name: table, database: 'sqlite://presence_settings_told', watches: [team]}"
WATCH = "{watch: everyone, name: team, accounts: [ann, bob]}"


def written(folder: Path, *, sink: str = SINK, watch: str = WATCH) -> Path:
    """The file with this sink and this watch."""
    path = folder / "bots.yaml"
    path.write_text(FILE.replace("SINK", sink).replace("WATCH", watch))
    return path


def test_the_file_is_right(tmp_path: Path) -> None:
    assert len(load_config(written(tmp_path), {}).bots) == 1


HOOK = "to: webhook, name: hook, secret: abcdefghijklmnop"


@pytest.mark.parametrize(
    ("sink", "key", "says"),
    [
        ("{" + HOOK + ", url: nowhere}", "url", "is no HTTP address"),
        ("{" + HOOK + ", url: 'ftp://host/'}", "url", "is no HTTP address"),
        ("{" + HOOK + ", url: 'https://back end/'}", "url", "is no HTTP address"),
        ("{" + HOOK + ", url: 'https://host:0/'}", "url", "is no HTTP address"),
        ("{" + HOOK + ", url: 'http://host:99999/'}", "url", "is no URL: Port out of range"),
        ("{" + HOOK + "}", "url", "is missing"),
        ("{to: webhook, name: hook, url: 'http://host/', secret: short}", "secret", "is shorter than 16 characters"),
        ("{" + HOOK + ", url: 'http://host/', tmeout: 3}", "tmeout", "there is no such key"),
        ("{to: wherever, name: a}", "to", "is none of these"),
        ("{to: file, name: a, path: var/}", "path", "is no file"),
        ("{to: sqlite, name: a, database: 'mysql://x'}", "database", "names no SQLite database"),
        ("{to: handler, name: a, function: nothing}", "function", "names no function"),
        ("{to: stdout, name: a, window: -1}", "window", "at least 0"),
        ("{to: stdout, name: a, watches: [other]}", "watches[0]", "there is no watch 'other'"),
        ("{to: stdout, name: a, watches: [team], accounts: [ann]}", "accounts", "is not for a sink that tells"),
    ],
)
def test_a_wrong_sink_is_refused_with_its_place(sink: str, key: str, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, sink=sink)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert (caught.value.file, caught.value.key) == (f"{path}:9", f"bots[0].settings.sinks[0].{key}")
    assert says in caught.value.problem


@pytest.mark.parametrize(
    ("watch", "key", "says"),
    [
        ("{watch: nobody, name: team}", "watch", "is none of these"),
        ("{watch: everyone, name: team, accounts: []}", "accounts", "names nobody"),
        ("{watch: everyone, name: team, accounts: ['a*']}", "accounts[0]", "is a pattern"),
        ("{watch: absent, name: team, accounts: [ann], seconds: 0}", "seconds", "above 0"),
        ("{watch: count, name: team, at_least: 0}", "at_least", "at least 1"),
        ("{watch: occupied, name: team, channels: ['a b']}", "channels[0]", "is no name and no pattern"),
    ],
)
def test_a_wrong_watch_is_refused_with_its_place(watch: str, key: str, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, watch=watch)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert (caught.value.file, caught.value.key) == (f"{path}:11", f"bots[0].settings.watches[0].{key}")
    assert says in caught.value.problem


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, sink=f"{SINK}\n        - {SINK}"), {})
    assert (caught.value.key, caught.value.problem) == (
        "bots[0].settings.sinks[1].name",
        "there are two of the name 'table'",
    )


async def test_on_reload_a_wrong_file_changes_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    path = written(tmp_path)
    config = load_config(path, {})
    async with (
        open_test_gateway(server_accounts=("presence", "botkit-feed-*")) as gateway,
        trio.open_nursery() as nursery,
    ):
        app = App("test-app", gateway.connector, [bot.placement for bot in config.bots])
        await nursery.start(app.run)
        reload = ConfigReload(config, lambda: load_config(path, {}), [app], Meters())
        before = app.tree()
        written(tmp_path, sink="{" + HOOK + ", url: nowhere}")
        with capture_logs() as logs:
            await reload.reload()
        assert any(f"{path}:9" in str(entry) and "url" in str(entry) for entry in logs)
        assert [bot.restarts for bot in app.statistics()] == [0]
        assert [node.name for node in app.tree().children] == [node.name for node in before.children]
        nursery.cancel_scope.cancel()
