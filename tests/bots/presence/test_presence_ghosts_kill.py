"""No ghosts, in processes: a gateway that is killed -9, clients that are half-open, a daemon that is cut off."""

import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trio

from botkit import Signal, WallClock, open_database
from botkit.testing.peer import WirePeer
from botkit.transport.websocket import websocket_connector
from bots.presence.queries import Queries
from bots.presence.records import PRESENCE
from bots.presence.store import SCHEMA, PresenceStore
from tests.bots.presence.presence_net import Network, open_network

Run: TypeAlias = Callable[..., Any]
"""Fixtures of tests/processes.py."""

GATEWAY = """\
app: {id: the-app, server_accounts: ["presence*", "botkit-feed-*"]}
gateway: {listen: "127.0.0.1:0", http: "", timeouts: {idle: 11}}
store: {url: "sqlite:///gateway.db"}
"""

DAEMON = """\
app: {{id: the-app}}
gateway: {{url: "{url}"}}
bots:
  - bot: bots.presence:bot
    account: {name}
    settings: {{database: "sqlite:///{name}.db", ignore: ["presence*", "botkit-feed-*"], sinks: []}}
"""

DEADLINE = 240.0


class Processes:
    """Starts what the test needs, in threads: they block."""

    def __init__(self, start: Run, run: Run, folder: Path) -> None:
        self._start, self._run, self._folder = start, run, folder

    async def gateway(self) -> tuple[Any, int]:
        """A gateway on what the store has; the process, and its port."""
        running = await trio.to_thread.run_sync(partial(self._start, "gateway", "--config", "gateway.yaml"))
        banner = await trio.to_thread.run_sync(running.read_until, "ready ")
        (url,) = {word for line in banner for word in line.split() if word.startswith("ws=")}
        return running, int(url.rstrip("/").rpartition(":")[2])

    async def daemon(self, name: str, url: str) -> None:
        """A presence daemon of that account."""
        (self._folder / f"{name}.yaml").write_text(DAEMON.format(name=name, url=url))
        running = await trio.to_thread.run_sync(partial(self._start, "run", f"{name}.yaml"))
        await trio.to_thread.run_sync(running.read_until, "ready: 1 of 1")

    async def now(self, name: str) -> dict[str, str]:
        """``botkit presence now``: each account that it names, and its status."""
        ask = partial(self._run, "presence", "now", "--json", "--database", f"sqlite:///{name}.db")
        answer = await trio.to_thread.run_sync(ask)
        assert answer.returncode == 0, answer.stderr
        return {one["account"]: one["status"] for one in json.loads(answer.stdout)["people"]}

    async def until(self, name: str, status: str, accounts: set[str]) -> None:
        """Wait until a daemon says ``status`` of these, and nothing of others."""
        wanted = dict.fromkeys(accounts, status)
        async with open_database(f"sqlite:///{self._folder / name}.db", SCHEMA) as database:
            with trio.fail_after(DEADLINE):
                while True:
                    said = (await Queries(database).now(WallClock().ms())).people
                    if {one.account: one.status for one in said} == wanted == await self.now(name):
                        return
                    await trio.sleep(0.5)


@asynccontextmanager
async def people(network: Network, *accounts: str) -> AsyncIterator[None]:
    """These are in the lobby, as clients of botkit, which come back when they can."""
    async with AsyncExitStack() as stack:
        for account in accounts:
            session = await stack.enter_async_context(Signal("the-app", network.url).open_session(account))
            await session.join("lobby")
        yield


@asynccontextmanager
async def web_client(network: Network, account: str) -> AsyncIterator[None]:
    """This one is online, as a client that never comes back to a session."""
    async with WirePeer.connect(websocket_connector(network.url)) as peer:
        await peer.login(account, app="the-app")
        yield


async def told(folder: Path, name: str) -> list[tuple[str, str, str, str]]:
    """What a daemon has written down of people."""
    async with open_database(f"sqlite:///{folder / name}.db", SCHEMA) as database:
        records = await PresenceStore(database).read(0, 10_000)
    return [(one.event, one.account, one.channel, one.reason) for one in records if one.event in PRESENCE]


@pytest.mark.slow
@pytest.mark.row("E08")
async def test_after_a_kill_a_half_open_client_and_a_netsplit_no_ghost_remains(
    start_botkit: Run, run_botkit: Run, tmp_path: Path
) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    processes = Processes(start_botkit, run_botkit, tmp_path)
    gateway, port = await processes.gateway()
    stay, lost, half, web = {"stay-1", "stay-2"}, {"lost-1", "lost-2"}, {"half-1"}, {"web-1"}
    async with AsyncExitStack() as stack:
        kept, gone, far = [await stack.enter_async_context(open_network(port)) for _ in range(3)]
        await processes.daemon("presence1", kept.url)
        await processes.daemon("presence2", far.url)
        await stack.enter_async_context(people(kept, *stay))
        for name in ("presence1", "presence2"):
            await processes.until(name, "online", stay)
        await stack.enter_async_context(people(gone, *lost))
        await stack.enter_async_context(web_client(gone, "web-1"))
        for name in ("presence1", "presence2"):
            await processes.until(name, "online", stay | lost | web)
        for network in (gone, far):
            network.split()
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait()
        _, port = await processes.gateway()
        for network in (kept, gone, far):
            network.target = port
        road = await stack.enter_async_context(open_network(port))
        await stack.enter_async_context(people(road, *half))
        await processes.until("presence1", "online", stay | lost | half)
        road.split()
        await processes.until("presence1", "online", stay)
        await processes.until("presence2", "unknown", stay | lost | web)
        far.heal()
        await processes.until("presence2", "online", stay)
        whole, again = await told(tmp_path, "presence1"), await told(tmp_path, "presence2")
        for network in (gone, road):
            network.heal()
    assert [one for one in whole if one[1] not in stay] == [one for one in again if one[1] not in stay]
    ends = [(account, channel, reason) for event, account, channel, reason in whole if event in ("offline", "left")]
    lost_ends = [(account, channel, "disconnected") for account in lost | half for channel in ("", "lobby")]
    assert sorted(ends) == sorted([*lost_ends, ("web-1", "", "crashed")])
