"""Writing into a channel from outside: the ``send_channel_msg`` of the vendor's Python SDK, which says ``force``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from botkit.gateway import channels
from botkit.gateway.server import Gateway
from botkit.gateway.settings import AppCredentials
from botkit.stores.gateway import GatewayStore, MemberPutOut, MemoryGatewayStore, open_gateway_store
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.types import Account, AppId, ChannelName


@asynccontextmanager
async def lobby(
    allow_force: bool = True, store: GatewayStore | None = None
) -> AsyncIterator[tuple[Gateway, WirePeer, WirePeer, WirePeer]]:
    """A gateway, a moderator, ann in the lobby, bob outside."""
    async with (
        open_test_gateway(store=store) as gateway,
        WirePeer.connect(gateway.connector) as moderator,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        hub = gateway.hubs[TEST_APP]
        hub.app = msgspec.structs.replace(hub.app, allow_force=allow_force)
        await moderator.login("server", resumable=True)
        await ann.request("channel_join", name="lobby")
        yield gateway, moderator, ann, bob


async def shout(peer: WirePeer, channel: str = "lobby", *, force: bool = True) -> str:
    """Write into a channel; code and reason of the refusal, empty if there was none."""
    try:
        await peer.request("channel_sendmsg", name=channel, msg="from outside", force=force)
    except Refusal as refusal:
        return f"{refusal.code} {refusal.reason}"
    return ""


def test_an_app_has_to_say_so() -> None:
    assert AppCredentials(id="a").allow_force is False


@pytest.mark.row("M18")
async def test_a_user_outside_writes_only_where_the_app_allows_it(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby(allow_force=False) as (gateway, _, ann, bob):
        for force in (False, True):
            assert await shout(bob, force=force) == "400 not a member of lobby"
        assert await shout(bob, "nowhere") == "400 not a member of nowhere"
        assert await ann.is_silent()
        assert gateway.hubs[TEST_APP].channels.get("nowhere") is None
        assert await shout(ann) == "", "a member may say force, too"
    async with lobby() as (_, _, ann, bob):
        assert await shout(bob, force=False) == "400 not a member of lobby"
        assert await shout(bob) == ""
        told = (await ann.next_notice()).content
        assert told == {"channel": "lobby", "account": "bob", "uid": bob.uid, "msg": "from outside"}
        assert await bob.is_silent()


@pytest.mark.row("M18")
@pytest.mark.parametrize("allowed", [False, True])
async def test_a_server_always_may(allowed: bool, autojump_clock: trio.testing.MockClock) -> None:
    async with lobby(allow_force=allowed) as (gateway, moderator, ann, _):
        assert await shout(moderator, force=False) == "400 not a member of lobby"
        assert await shout(moderator) == ""
        assert (await ann.next_notice()).content["account"] == "server"
        assert await shout(moderator, "nobody here") == ""
        await trio.sleep(1)
        assert gateway.hubs[TEST_APP].channels.get("nobody here") is None


@pytest.mark.row("D04")
async def test_who_was_kicked_writes_no_more_until_it_joins_again(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (_, moderator, ann, bob):
        await bob.request("channel_join", name="lobby")
        await ann.next_notice("channel_user_join")
        await moderator.request("botkit_kick", account="bob", channel="lobby")
        await ann.next_notice("channel_user_leave")
        assert await shout(bob) == "400 put out of lobby: join it again"
        await bob.request("user_logout")
        await bob.login("bob")
        assert await shout(bob) == "400 put out of lobby: join it again", "a new session is no way round"
        assert await ann.is_silent()
        await bob.request("channel_join", name="lobby")
        await bob.request("channel_leave", name="lobby")
        assert await shout(bob) == ""


@pytest.mark.row("D04")
async def test_a_server_that_was_kicked_has_to_join_again_too(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (gateway, moderator, ann, _), WirePeer.connect(gateway.connector, "server-2") as server:
        await server.request("channel_join", name="lobby")
        await ann.next_notice("channel_user_join")
        await moderator.request("botkit_kick", account="server-2", channel="lobby")
        await ann.next_notice("channel_user_leave")
        assert await shout(server) == "400 put out of lobby: join it again"
        with pytest.raises(Refusal, match="put out of lobby") as refusal:
            await server.request("channel_set_attr", channel="lobby", name="topic", value="x")
        assert refusal.value.code == 1001
        assert await ann.is_silent()


@pytest.mark.row("D04")
@pytest.mark.parametrize("url", ["memory:", "sqlite://"])
async def test_who_was_put_out_is_so_after_a_restart_too(url: str, autojump_clock: trio.testing.MockClock) -> None:
    async with open_gateway_store(url) as store:
        async with lobby(store=store) as (_, moderator, ann, bob):
            await ann.request("channel_set_attr", channel="lobby", name="_channel_ttl", value="1000")
            await bob.request("channel_join", name="lobby")
            await moderator.request("botkit_kick", account="bob", channel="lobby")
            assert await shout(bob) == "400 put out of lobby: join it again"
        async with lobby(store=store) as (_, _, ann, bob):
            assert await shout(bob) == "400 put out of lobby: join it again"
            await bob.request("channel_join", name="lobby")
            await bob.request("channel_leave", name="lobby")
            assert await shout(bob) == ""
        async with lobby(store=store) as (_, moderator, ann, bob):
            assert await shout(bob) == ""
            await bob.request("channel_join", name="lobby")
            await moderator.request("botkit_kick", account="bob", channel="lobby")
            await moderator.request("botkit_close_channel", channel="lobby")
        assert (await store.load()).put_out == {}


async def test_a_channel_that_is_gone_after_a_restart_remembers_nobody(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with lobby(store=store) as (_, moderator, _, bob):
        await bob.request("channel_join", name="lobby")
        await moderator.request("botkit_kick", account="bob", channel="lobby")
        kept = await store.load()
        assert kept.put_out == {(TEST_APP, "lobby"): ["bob"]}
    again = MemoryGatewayStore()
    await again.commit([MemberPutOut(app=AppId(TEST_APP), channel=ChannelName("hall"), account=Account("bob"))])
    async with lobby(store=again):
        pass
    assert (await again.load()).put_out == {}


@pytest.mark.row("D05")
async def test_a_held_channel_is_for_its_members(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (gateway, moderator, _, bob), WirePeer.connect(gateway.connector, "server-2") as server:
        await moderator.request("botkit_hold", channel="lobby", open=False, budget_ms=100)
        assert await shout(bob) == "400 lobby is held by a moderator: join it"
        assert await shout(server) == "400 no moderator answered in time", "a server's message is held like a member's"
        await moderator.request("botkit_release", channel="lobby")
        assert await shout(bob) == ""


@pytest.mark.row("D04")
async def test_a_channel_that_was_closed_is_nobodys_from_outside(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (gateway, moderator, ann, bob):
        await moderator.request("botkit_close_channel", channel="lobby")
        assert await shout(bob) == "400 nobody is in lobby"
        assert await shout(ann) == "400 nobody is in lobby"
        assert gateway.hubs[TEST_APP].channels.get("lobby") is None


@pytest.mark.row("D04")
async def test_a_mute_counts_outside_too(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (_, moderator, ann, bob):
        await moderator.request("botkit_mute", account="bob", channel="lobby", reason="spam")
        assert await shout(bob) == "400 muted: spam"
        await moderator.request("botkit_unmute", account="bob", channel="lobby")
        await moderator.request("botkit_mute", account="bob")
        assert await shout(bob) == "400 muted"
        assert await ann.is_silent()


async def test_what_a_channel_remembers_of_kicks_is_bounded(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "MAX_PUT_OUT", 20)
    async with lobby() as (gateway, moderator, _, _bob):
        for number in range(21):
            async with WirePeer.connect(gateway.connector, f"user-{number}") as user:
                await user.request("channel_join", name="lobby")
                await moderator.request("botkit_kick", account=f"user-{number}", channel="lobby")
        channel = gateway.hubs[TEST_APP].channels.get("lobby")
        assert channel is not None
        assert list(channel.put_out) == [f"user-{number}" for number in range(1, 21)]
        assert gateway.counters.forgotten_kicks.value == 1
