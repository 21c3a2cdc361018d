"""What survives the gateway: on a second one with the same store, at once and after a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from botkit.errors import StoreError
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.stores.changes import Snapshot
from botkit.stores.gateway import GatewayStore, MemoryGatewayStore, open_gateway_store
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonValue


@asynccontextmanager
async def member(gateway: Gateway, account: str) -> AsyncIterator[WirePeer]:
    """A peer in the lobby."""
    async with WirePeer.connect(gateway.connector, account) as peer:
        await peer.request("channel_join", name="lobby")
        yield peer


async def set_attribute(peer: WirePeer, name: str, value: str) -> None:
    await peer.request("channel_set_attr", channel="lobby", name=name, value=value)


async def attributes_found(store: GatewayStore) -> JsonValue:
    """The lobby's attributes at a new gateway on ``store``."""
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "finder") as finder:
        return (await finder.request("channel_join", name="lobby"))["attrs"]


async def live_and_note(store: GatewayStore) -> tuple[int, int]:
    """A first life with something of everything; the uids of ann and the server."""
    async with (
        open_test_gateway(store=store) as gateway,
        WirePeer.connect(gateway.connector, "server") as server,
        member(gateway, "ann") as ann,
    ):
        await ann.request("user_set_attr", name="mood", value="fine")
        await ann.request("user_set_attr", name="mood", value="great 🎉")
        await set_attribute(ann, "topic", "weather")
        await set_attribute(ann, "gone", "x")
        await ann.request("channel_del_attr", channel="lobby", name="gone")
        for text in ("one", "two", "three"):
            await ann.request("user_sendmsg", peer="bob", flag="v1:E:3600", t="instant", content=text)
        await ann.request("user_sendmsg", peer="cid", flag="v1:E:1", t="instant", content="short")
        await ann.request("user_sendmsg", peer="ann", flag="v1:E:3600", t="instant", content="seen")
        await ann.fetch()
        await ann.fetch()
        await server.request("botkit_mute", account="ann", channel="lobby", reason="loud")
        await server.request("botkit_mute", account="dora")
        await server.request("botkit_unmute", account="dora")
        return ann.uid, server.uid


async def check_second_life(store: GatewayStore, ann_uid: int, server_uid: int) -> None:
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "new") as new:
        assert new.uid not in (ann_uid, server_uid)
        assert (await new.request("user_get_attr", account="ann", name="mood"))["value"] == "great 🎉"
        async with member(gateway, "ann") as ann:
            assert ann.uid == ann_uid
            assert (await ann.request("channel_join", name="lobby"))["attrs"] == {"topic": "weather"}
            with pytest.raises(Refusal, match="muted: loud"):
                await ann.request("channel_sendmsg", name="lobby", msg="hello")
            assert await ann.fetch() == []
        async with WirePeer.connect(gateway.connector, "dora") as dora:
            await dora.request("user_sendmsg", peer="new", flag="v1:E:1", t="instant", content="not muted any more")
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await bob.fetch() == [("instant", "one"), ("instant", "two"), ("instant", "three")]
            assert await bob.fetch() == []
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "bob") as bob:
        assert await bob.fetch() == []
        await bob.request("user_sendmsg", peer="bob", flag="v1:E:1", t="instant", content="four")
        result = await bob.request("user_getmsg", ver_clear=0, max=30)
        assert isinstance(result["msgs"], list)
        assert [version for version, _ in result["msgs"]] == [4]  # type: ignore[misc, str-unpack]


@pytest.mark.row("M04", "M11", "M15a", "D08")
async def test_a_second_gateway_on_the_same_file_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/gateway.db"
    async with open_gateway_store(url) as store:
        uids = await live_and_note(store)
    async with open_gateway_store(url) as store:
        await check_second_life(store, *uids)


async def test_the_store_in_memory_plays_the_same(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    uids = await live_and_note(store)
    await trio.sleep(2)
    await check_second_life(store, *uids)


@pytest.mark.row("M15a")
@pytest.mark.parametrize(("before", "after", "kept"), [(3, 6, True), (3, 8, False), (11, 0, False)])
async def test_the_ttl_of_an_empty_channel_runs_on_over_a_restart(
    before: float, after: float, kept: bool, autojump_clock: trio.testing.MockClock
) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway:
        async with member(gateway, "ann") as ann:
            await set_attribute(ann, "_channel_ttl", "10")
        await trio.sleep(before)
    await trio.sleep(after)
    assert await attributes_found(store) == ({"_channel_ttl": "10"} if kept else {})


@pytest.mark.row("M15a")
async def test_members_at_the_stop_count_as_there_until_then(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, member(gateway, "ann") as ann:
        await set_attribute(ann, "_channel_ttl", "10")
        await trio.sleep(20)
    await trio.sleep(9)
    assert await attributes_found(store) == {"_channel_ttl": "10"}


@pytest.mark.row("M15b")
async def test_members_are_counted_on_after_a_restart(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, member(gateway, "ann") as ann:
        await set_attribute(ann, "_auto_update_num", "5")
    async with open_test_gateway(store=store) as gateway, member(gateway, "bob") as bob:
        with trio.fail_after(6):
            notice = await bob.next_notice("channel_attr_update")
        assert (notice.content["name"], notice.content["value"]) == ("_member_num", "1")


async def test_a_closed_channels_time_does_not_end_the_next_one_of_its_name(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "server") as server:
        async with member(gateway, "ann") as ann:
            await set_attribute(ann, "_channel_ttl", "5")
            await server.request("botkit_close_channel", channel="lobby")
        async with member(gateway, "ann") as ann:
            await set_attribute(ann, "topic", "new")
            await trio.sleep(10)
            assert (await ann.request("channel_join", name="lobby"))["attrs"] == {"topic": "new"}
    assert await attributes_found(store) == {"topic": "new"}


async def test_what_was_known_of_a_cleared_channel_is_not_held_against_the_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store, crashed = MemoryGatewayStore(), MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "server") as server:
        async with member(gateway, "ann") as ann:
            await set_attribute(ann, "topic", "old")
        await server.request("channel_clear_attr", channel="lobby")
        await trio.sleep(8000)
    async with open_test_gateway(store=store) as gateway, member(gateway, "ann") as ann:
        await set_attribute(ann, "topic", "new")
        await gateway.journal.wait_committed()
        crashed._state = await store.load()
    assert await attributes_found(crashed) == {"topic": "new"}


async def test_expired_messages_leave_the_store(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway:
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            await ann.request("user_sendmsg", peer="bob", flag="v1:E:5", t="instant", content="x")
        await trio.sleep(70)
        await gateway.journal.wait_committed()
        assert (await store.load()).inboxes == {}, "bob never logged in: nobody has seen his numbers"
        assert gateway.counters.expired_messages.value == 1


async def test_a_store_that_cannot_be_read_is_an_error_at_the_start(tmp_path: Path) -> None:
    class Unreadable(MemoryGatewayStore):
        async def load(self) -> Snapshot:
            raise StoreError("here", "cannot be read")

    (tmp_path / "gateway.db").write_bytes(b"no database" * 1000)
    settings = GatewaySettings(apps=(AppCredentials(id="app"),), store=f"sqlite:///{tmp_path}/gateway.db")
    with pytest.raises(StoreError, match=r"gateway\.db"):
        await serve_gateway(settings)
    with pytest.raises(StoreError, match="here: cannot be read"):
        await serve_gateway(settings, store=Unreadable())
