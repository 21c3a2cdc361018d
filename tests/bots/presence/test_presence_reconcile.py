"""Snapshots over a real socket."""

import socket

import httpx
import pytest

from botkit import ConfigError, open_database
from bots.presence.reconcile import open_reconcile
from bots.presence.store import SCHEMA, PresenceStore


@pytest.mark.row("E11")
async def test_it_listens_and_lets_nobody_in_without_a_secret() -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        async with (
            open_reconcile("127.0.0.1:0", PresenceStore(database), {}) as url,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            assert (await client.get(f"{url}snapshot?sink=backend")).status_code == 401
            assert (await client.get(f"{url}other")).status_code == 404
        async with open_reconcile("", PresenceStore(database), {}) as url:
            assert url == ""


async def test_a_port_in_use_is_named() -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            with pytest.raises(ConfigError) as caught:
                async with open_reconcile(f"127.0.0.1:{taken.getsockname()[1]}", PresenceStore(database), {}):
                    pass
            assert caught.value.key == "listen"
