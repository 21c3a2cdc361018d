"""A gateway process killed with -9 under load: what it answered is there when the next one starts."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from botkit.errors import TransportClosed
from botkit.stores.gateway import open_gateway_store
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.transport.websocket import websocket_connector
from botkit.types import Account, JsonValue
from botkit.wire.ledger import LedgerEvent

WRITERS = 4


@contextmanager
def gateway_process(store: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A gateway in a process of its own, and its WebSocket URL."""
    options = ["--app-id", TEST_APP, "--server-account", "server", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    command = [sys.executable, "-c", "from botkit.cli import main; main()", "gateway", *options, "--store", store]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            yield process, ready.split("ws=")[1].split()[0]
        finally:
            process.kill()


class Told:
    """What the gateway answered with ok: the last value of each attribute, the messages, the uids, the mutes."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.messages: dict[str, list[str]] = {}
        self.uids: dict[str, int] = {}
        self.muted: set[str] = set()
        self.sent: set[str] = set()
        self.first_answer = trio.Event()


async def write(url: str, account: str, told: Told, first: int) -> None:
    """Ask for one change after the other until the connection breaks, and note each answer."""
    async with WirePeer.connect(websocket_connector(url), account) as peer:
        assert told.uids.setdefault(account, peer.uid) == peer.uid
        for number in range(first, first + 100_000):
            await peer.request("user_set_attr", name="n", value=str(number))
            told.values[account] = number
            told.first_answer.set()
            if number % 3 == 0:
                text = f"{account} {number}"
                told.sent.add(text)
                await peer.request("user_sendmsg", peer="bob", flag="v1:E:3600", t="instant", content=text)
                told.messages.setdefault(account, []).append(text)
            if account == "server" and number % 5 == 0:
                await peer.request("botkit_mute", account=f"muted{number}", seconds=3600)
                told.muted.add(f"muted{number}")


async def write_until_killed(url: str, process: "subprocess.Popen[str]", told: Told, first: int) -> None:
    async def writer(account: str) -> None:
        try:
            await write(url, account, told, first)
        except TransportClosed:
            pass  # killed
        except Refusal as refusal:
            if "too fast" not in refusal.reason:
                raise

    async with trio.open_nursery() as nursery:
        for number in range(WRITERS - 1):
            nursery.start_soon(writer, f"writer{number}")
        nursery.start_soon(writer, "server")
        await told.first_answer.wait()
        await trio.sleep(random.uniform(0.05, 0.3))
        process.kill()


@pytest.mark.slow
@pytest.mark.row("G06", "M04", "M11", "D08")
async def test_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    store, told = f"sqlite:///{tmp_path}/gateway.db", Told()
    received: list[tuple[int, str]] = []
    events: list[LedgerEvent] = []
    for life in range(4):
        told.first_answer = trio.Event()
        with gateway_process(store) as (process, url):
            await write_until_killed(url, process, told, first=life * 1_000_000 + 1)
        async with open_gateway_store(store) as opened, open_test_gateway(store=opened) as gateway:
            hub = gateway.hubs[TEST_APP]
            assert {account: hub.uid_of(Account(account)) for account in told.uids} == told.uids
            async with WirePeer.connect(gateway.connector, "bob") as bob:
                for account, value in told.values.items():
                    kept = (await bob.request("user_get_attr", account=account, name="n"))["value"]
                    assert int(str(kept)) >= value
                received += await drain(bob)
            async with WirePeer.connect(gateway.connector, "server") as server:
                events = await ledger_behind(server, events)
                listed: JsonValue = (await server.request("botkit_list_sanctions"))["sanctions"]
                assert told.muted <= {
                    sanction["account"] for sanction in msgspec.convert(listed, list[dict[str, str | int]])
                }
    texts = [text for _, text in received]
    assert len(set(texts)) == len(texts), "a message came twice"
    assert set(texts) <= told.sent
    for messages in told.messages.values():
        assert messages
        assert [text for text in texts if text in set(messages)] == messages, "lost, or out of order"
    versions = [version for version, _ in received]
    assert versions == sorted(set(versions))


async def ledger_behind(server: WirePeer, known: list[LedgerEvent]) -> list[LedgerEvent]:
    """The whole ledger: it begins with what was read of it before, and goes on under numbers that are new."""
    events: list[LedgerEvent] = []
    while True:
        after = events[-1].seq if events else 0
        page = msgspec.convert((await server.request("botkit_read_ledger", after=after))["events"], list[LedgerEvent])
        if not page:
            break
        events += page
    assert events[: len(known)] == known
    assert len(events) > len(known)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len({event.epoch for event in events}) == 1
    return events


async def drain(bob: WirePeer) -> list[tuple[int, str]]:
    """Fetch and acknowledge everything: version and text of each message."""
    seen, messages = 0, list[tuple[int, str]]()
    while True:
        result = await bob.request("user_getmsg", ver_clear=seen, max=30)
        page = msgspec.convert(result["msgs"], list[tuple[int, str]])
        if not page:
            return messages
        messages += [(version, line.split(" ", 6)[-1]) for version, line in page]
        seen = page[-1][0]
