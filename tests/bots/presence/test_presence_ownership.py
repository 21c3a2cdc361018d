"""Two daemons never have one database."""

from pathlib import Path

import pytest

from botkit import BotInfo, ConfigError, Meters, StoreError
from botkit.types import Account
from bots.presence.daemon import open_daemon
from bots.presence.ownership import own_database
from bots.presence.settings import PresenceSettings


async def test_a_database_has_one_daemon_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/var/presence.db"
    async with own_database(url):
        with pytest.raises(ConfigError) as caught:
            async with own_database(url):
                pass
        async with own_database(f"sqlite:///{tmp_path}/var/another.db"):
            pass
    assert caught.value.key == "database"
    assert f"{tmp_path}/var/presence.db is in use by another presence bot" in str(caught.value)
    async with own_database(url):
        assert (tmp_path / "var" / "presence.db-lock").exists()


async def test_a_daemon_owns_its_database(tmp_path: Path) -> None:
    settings = PresenceSettings(database=f"sqlite:///{tmp_path}/presence.db", sinks=())
    info = BotInfo(name="presence", account=Account("presence"))
    async with open_daemon(settings, info, Meters()):
        with pytest.raises(ConfigError):
            async with open_daemon(settings, info, Meters()):
                pass


async def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        async with own_database(f"sqlite:///{tmp_path}/file/presence.db"):
            pass
