"""Channels that outlive their members: for how long, how many of an app and of an account, and how large."""

import pytest
import trio

from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.stores.gateway import ChannelAttributeSet, MemoryGatewayStore
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.types import ChannelName


async def keep(peer: WirePeer, channel: str, value: str = "x", *, name: str = "topic") -> str:
    """Join a channel and set an attribute; why that was refused, empty if it was not."""
    await peer.request("channel_join", name=channel)
    try:
        await peer.request("channel_set_attr", channel=channel, name=name, value=value)
    except Refusal as refusal:
        return f"{refusal.code} {refusal.reason}"
    return ""


def kept(gateway: Gateway) -> int:
    return len(gateway.hubs[TEST_APP].channels.kept)


def existing(gateway: Gateway) -> set[str]:
    return set(gateway.hubs[TEST_APP].channels._channels)


async def test_one_account_keeps_so_many_channels(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), channels_per_account=2)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        assert [await keep(ann, f"c{number}") for number in range(2)] == ["", ""]
        refusal = "1001 2 channels have attributes of ann already; clear those of one, or wait"
        assert await keep(ann, "c2") == refusal
        assert gateway.counters.refused_attributes.values == {"channels by account": 1}
        assert await keep(ann, "c0", "more", name="other") == "", "that one is kept anyway"
        # Others have theirs, and what another began is not hers.
        assert await keep(bob, "c2") == ""
        assert await keep(ann, "c2") == ""
        assert [await keep(server, f"s{number}") for number in range(5)] == [""] * 5
        # Who is refused is in the channel all the same, and the channel goes with the last member.
        assert await keep(ann, "c3") == refusal
        assert "c3" in existing(gateway)
        await ann.request("channel_leave", name="c3")
        await trio.sleep(0.1)
        assert existing(gateway) == {"c0", "c1", "c2", *(f"s{number}" for number in range(5))}


@pytest.mark.parametrize("how", ["clear", "delete", "ttl", "close"])
async def test_a_channel_that_is_not_kept_any_more_makes_room(how: str, autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), channels_per_account=1, channels=2)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        assert await keep(ann, "c0", "5", name="_channel_ttl") == ""
        assert "of ann already" in await keep(ann, "c1")
        if how == "clear":
            await server.request("channel_clear_attr", channel="c0")
        elif how == "delete":
            await server.request("channel_del_attr", channel="c0", name="_channel_ttl")
        elif how == "close":
            await server.request("botkit_close_channel", channel="c0")
        else:
            await trio.sleep(5.1)
        assert kept(gateway) == 0
        assert await keep(ann, "c1") == ""
        assert await keep(server, "c2") == ""
        assert await keep(server, "c3") == "1001 2 channels have attributes already"
        assert gateway.counters.refused_attributes.values == {"channels by account": 1, "channels together": 1}


async def test_after_a_restart_all_are_counted_for_the_app(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    settings = GatewaySettings(apps=(), channels_per_account=2, channels=5)
    async with open_test_gateway(settings, store=store) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        assert [await keep(ann, f"c{number}") for number in range(2)] == ["", ""]
    async with open_test_gateway(settings, store=store) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        assert kept(gateway) == 2
        assert [await keep(ann, f"d{number}") for number in range(2)] == ["", ""]
        assert await keep(ann, "d2") != ""
        assert kept(gateway) == 4


async def test_what_one_account_sets_is_bounded_and_a_servers_is_not(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), attribute_bytes_per_account=20_000, attribute_bytes=39_000)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        assert [await keep(ann, f"c{number}", "x" * 8000) for number in range(2)] == ["", ""]
        assert (
            await keep(ann, "c2", "x" * 8000) == "1005 what ann has set in channels is too large: at most 20000 bytes"
        )
        assert [await keep(server, f"s{number}", "x" * 7900) for number in range(2)] == ["", ""]
        refusal = "1005 the attributes of all channels are too large: at most 39000 bytes"
        assert await keep(server, "s3", "x" * 8096) == refusal
        await server.request("user_set_attr", name="mood", value="good")  # users have room of their own
        await server.request("botkit_close_channel", channel="c0")
        assert await keep(server, "s3", "x" * 8096) == ""
        assert gateway.counters.refused_attributes.values == {"by account": 1, "together": 1}


async def test_the_attributes_of_all_users_are_bounded(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), attribute_bytes=2100)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        for name in ("a", "b"):
            await ann.request("user_set_attr", name=name, value="x" * 1000)
        with pytest.raises(Refusal, match="of all users") as refusal:
            await ann.request("user_set_attr", name="c", value="x" * 1000)
        assert refusal.value.code == 1005


@pytest.mark.row("M15a")
async def test_the_longest_ttl(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        assert await keep(ann, "lobby", "2592000", name="_channel_ttl") == ""
        refusal = "1004 _channel_ttl is at most 2592000 seconds here"
        assert await keep(ann, "lobby", "2592001", name="_channel_ttl") == refusal
        assert (await ann.request("channel_join", name="lobby"))["attrs"] == {"_channel_ttl": "2592000"}


@pytest.mark.row("M15a")
@pytest.mark.parametrize(("longest", "absence", "there"), [(100, 99, True), (100, 101, False), (9000, 7201, False)])
async def test_no_channel_is_kept_for_longer_than_the_longest_ttl(
    longest: int, absence: float, there: bool, autojump_clock: trio.testing.MockClock
) -> None:
    settings = GatewaySettings(apps=(), channel_ttl=longest)
    async with open_test_gateway(settings) as gateway:
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            assert await keep(ann, "lobby") == ""
        await trio.sleep(absence)
        assert ("lobby" in existing(gateway)) is there


async def test_a_longer_ttl_of_earlier_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    store, lobby = MemoryGatewayStore(), ChannelName("lobby")
    await store.commit([ChannelAttributeSet(app=TEST_APP, channel=lobby, name="_channel_ttl", value="1000000000")])
    async with open_test_gateway(GatewaySettings(apps=(), channel_ttl=100), store=store) as gateway:
        await trio.sleep(99)
        assert "lobby" in existing(gateway)
        await trio.sleep(2)
        assert existing(gateway) == set()
