"""A file that is read again: several apps, settings that follow, the canary, a feed that is given up."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict
from trio.testing import MockClock

from botkit import App
from botkit.app.canary import Canary
from botkit.app.changes import Changes
from botkit.app.meters import AppMeters
from botkit.app.sessions import SessionOpener
from botkit.config.loading import Config, load_config
from botkit.observability.logs import LogLevel
from botkit.operations.code import ProjectCode
from botkit.operations.reload import ConfigReload
from botkit.signaling import GovernorSettings
from tests.app.world import APP_ID, World, open_world, until

BOT = '''"""Notes who is online."""
from botkit import Bot, EventsLost, UserOnline

bot = Bot("watcher")
seen = []
lost = []

@bot.on_user_online()
async def online(event: UserOnline) -> None:
    seen.append(event.account)

@bot.on_events_lost()
async def missing(event: EventsLost) -> None:
    lost.append(event.cause)

plain = Bot("plain")
'''

TWO = f"""\
apps: [{{id: {APP_ID}}}, {{id: second}}]
bots:
  - {{bot: "o03_live:plain", account: one}}
  - {{bot: "o03_live:plain", account: two, app: second}}
"""

ONE = f"""\
app: {{id: {APP_ID}}}
bots:
  - {{bot: "o03_live:plain", account: one}}
operations: {{listen: "127.0.0.1:0", canary_seconds: 100}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "o03_live.py").write_text(BOT)
    return tmp_path / "bots.yaml"


def write(file: Path, text: str) -> None:
    file.write_text(text)


def load(file: Path, text: str) -> Config:
    write(file, text)
    return load_config(file, os.environ)


def apps_of(config: Config, world: World) -> list[App]:
    return [
        App(
            app.id,
            world.gateway.connector,
            [bot.placement for bot in config.bots_of(app)],
            meters=world.meters,
            canary_seconds=config.canary_seconds,
            governor=config.governor,
        )
        for app in config.apps
    ]


def reload_of(
    file: Path,
    config: Config,
    apps: list[App],
    world: World,
    on_log_level: Callable[[LogLevel], None] = lambda _level: None,
) -> ConfigReload:
    """With code, though none that is followed: then the file is read in this thread, and virtual time stands still."""
    meters = world.meters
    return ConfigReload(config, lambda: load_config(file), apps, meters, code=ProjectCode(), on_log_level=on_log_level)


async def read_again(reload: ConfigReload, file: Path, text: str) -> EventDict:
    write(file, text)
    with capture_logs() as logs:
        await reload.reload()
    return next(entry for entry in logs if "configuration" in entry["event"])


@pytest.mark.row("O03")
async def test_each_app_of_a_file_follows_its_own_bots(file: Path, autojump_clock: MockClock) -> None:
    config = load(file, TWO)
    async with open_world(other_apps=["second"]) as world, trio.open_nursery() as nursery:
        apps = apps_of(config, world)
        for app in apps:
            await nursery.start(app.run)
        reload = reload_of(file, config, apps, world)
        session = world.session_of("one")
        more = TWO + '  - {bot: "o03_live:bot", account: three, app: second}\n'
        told = await read_again(reload, file, more)
        assert told["kept"] == [f"{APP_ID}: one", "second: two"]
        assert told["started"] == ["second: three"]
        assert [bot.account for bot in apps[0].statistics()] == ["one"]
        assert [bot.account for bot in apps[1].statistics()] == ["two", "three"]
        told = await read_again(reload, file, more.replace("account: one", "account: uno"))
        assert (told["started"], told["stopped"]) == ([f"{APP_ID}: uno"], [f"{APP_ID}: one"])
        told = await read_again(reload, file, more.replace("app: second", f"app: {APP_ID}"))
        assert "app second has none left" in told["problem"]
        assert session is not world.session_of("uno")
        assert apps[0].not_ready() == apps[1].not_ready() == []
        nursery.cancel_scope.cancel()


@pytest.mark.row("O03")
async def test_settings_that_can_follow_do_and_nobody_is_restarted(file: Path, autojump_clock: MockClock) -> None:
    config = load(file, ONE)
    levels: list[LogLevel] = []
    async with open_world(server_accounts=["botkit-*"]) as world, trio.open_nursery() as nursery:
        (app,) = apps_of(config, world)
        await nursery.start(app.run)
        reload = reload_of(file, config, [app], world, on_log_level=levels.append)
        await trio.sleep(150)
        session = world.session_of("one")
        changed = ONE.replace("100", "10") + "log: {level: debug}\noutgoing: {queue: 7, retry_seconds: 3}\n"
        told = await read_again(reload, file, changed)
        assert told["kept"] == ["one"]
        assert levels == ["debug"]
        assert app._governor is not None
        assert app._governor.settings == GovernorSettings(queue=7, retry_seconds=3)
        for _ in range(20):  # neither before the canary's next song, nor afterwards
            assert app.not_ready() == []
            await trio.sleep(5)
        assert world.session_of("one") is session
        nursery.cancel_scope.cancel()


@pytest.mark.row("O03")
async def test_the_canary_sings_to_those_who_are_there_now(file: Path, autojump_clock: MockClock) -> None:
    one = ONE.replace("100", "10")
    config = load(file, one)
    async with open_world(server_accounts=["botkit-*"]) as world, trio.open_nursery() as nursery:
        (app,) = apps_of(config, world)
        await nursery.start(app.run)
        await trio.sleep(30)
        reload = reload_of(file, config, [app], world)
        more = one.replace("one}\n", 'one}\n  - {bot: "o03_live:bot", account: two}\n')
        await read_again(reload, file, more)
        await until(lambda: app.not_ready() == [], 30)
        assert [feed.name for feed in app.describe().feeds] == ["online"]
        await trio.sleep(100)
        assert app.not_ready() == []
        only_two = more.replace('  - {bot: "o03_live:plain", account: one}\n', "")
        assert (await read_again(reload, file, only_two))["stopped"] == ["one"]
        for _ in range(10):
            await trio.sleep(10)
            assert app.not_ready() == []
        nursery.cancel_scope.cancel()


@pytest.mark.row("O03")
async def test_a_bot_that_comes_to_a_feed_that_is_given_up_is_told_and_a_new_feed_is_whole(
    file: Path, autojump_clock: MockClock
) -> None:
    watching = ONE.replace("plain", "bot")
    config = load(file, watching)
    async with open_world() as world, trio.open_nursery() as nursery:
        (app,) = apps_of(config, world)
        await nursery.start(app.run)
        module = __import__("o03_live")
        async with world.signal.open_session("botkit-feed-online-one"):  # takes its account, for good
            await until(lambda: len(module.lost) == 1)
        reload = reload_of(file, config, [app], world)
        more = watching.replace("one}\n", 'one}\n  - {bot: "o03_live:bot", account: two}\n')
        assert (await read_again(reload, file, more))["started"] == ["two"]
        await until(lambda: len(module.lost) == 2)
        assert "given up" in module.lost[1]
        assert any("feed" in problem for problem in app.not_ready())
        await read_again(reload, file, more.replace("o03_live:bot", "o03_live:plain"))  # nobody needs it any more
        assert app.describe().feeds == ()
        assert (await app.apply([bot.placement for bot in load(file, watching).bots])) == Changes(
            stopped=("two",), restarted=("one",)
        )
        async with world.signal.open_session("ann"):
            await until(lambda: "ann" in module.seen)
        assert app.tree().children[0].name == "feed online"
        nursery.cancel_scope.cancel()


async def test_another_pace_holds_from_the_present_song_on(autojump_clock: MockClock) -> None:
    songs: list[float] = []

    class Singer(Canary):
        async def _sing(self) -> str:
            songs.append(trio.current_time())
            await trio.sleep(2)
            return ""

    async with open_world() as world, trio.open_nursery() as nursery:
        opener = SessionOpener(world.signal, lambda _account: "")
        canary = Singer(opener, "one", list, list, AppMeters(world.meters), seconds=100)
        nursery.start_soon(canary.run)
        await trio.sleep(101)  # in the middle of the second song
        canary.sing_every(10)
        await trio.sleep(14)  # between two songs
        canary.sing_every(50)
        await trio.sleep(60)
        canary.sing_every(5)
        await trio.sleep(11)
        nursery.cancel_scope.cancel()
    begin = songs[0]
    assert [round(song - begin) for song in songs] == [0, 100, 110, 120, 170, 180, 185]
