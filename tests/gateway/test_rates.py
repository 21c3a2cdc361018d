"""Messages per second, by user and by channel, at their borders."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio

from botkit.gateway.server import Gateway
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import Account, JsonValue


@asynccontextmanager
async def lobby(gateway: Gateway, *accounts: str) -> AsyncIterator[list[WirePeer]]:
    """Members of ``lobby``."""
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(WirePeer.connect(gateway.connector, name)) for name in accounts]
        for peer in peers:
            await peer.request("channel_join", name="lobby")
        yield peers


async def accepted(sender: WirePeer, times: int, function: str = "channel_sendmsg", **arguments: JsonValue) -> int:
    """How many of so many equal requests are accepted; the others must be refused with 400."""
    arguments = arguments or {"name": "lobby", "msg": "x"}
    refusals: list[Refusal] = []
    for _ in range(times):
        try:
            await sender.request(function, **arguments)
        except Refusal as refusal:
            refusals.append(refusal)
    assert all(refusal.code == 400 and "too fast" in refusal.reason for refusal in refusals)
    return times - len(refusals)


async def accepted_by(peers: list[WirePeer], each: int) -> int:
    return sum([await accepted(peer, each) for peer in peers])


INSTANT: dict[str, JsonValue] = {"peer": "bob", "flag": "v1:E:60", "t": "instant", "content": "x"}


@pytest.mark.row("M18", "G04")
async def test_a_user_sends_60_messages_in_any_second(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        assert await accepted(ann, 61) == 60
        assert await accepted(ann, 1) == 0
        for _ in range(60):
            await bob.next_notice("channel_msg")
        assert await bob.is_silent(0.5)
        assert await accepted(ann, 1) == 0
        await trio.sleep(0.5)
        assert await accepted(ann, 70) == 60
        assert await accepted(bob, 60) == 60


async def test_the_window_slides(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        assert await accepted(ann, 20) == 20
        await trio.sleep(0.6)
        assert await accepted(ann, 50) == 40
        await trio.sleep(0.5)
        assert await accepted(ann, 50) == 20
        await trio.sleep(0.5)
        assert await accepted(ann, 50) == 40


async def test_instant_and_channel_messages_share_the_allowance(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, _):
        assert await accepted(ann, 30) == 30
        assert await accepted(ann, 31, "user_sendmsg", **INSTANT) == 30
        assert await accepted(ann, 1) == 0


async def test_a_new_login_brings_no_new_allowance(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            assert await accepted(ann, 60, "user_sendmsg", **INSTANT) == 60
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            assert await accepted(ann, 1, "user_sendmsg", **INSTANT) == 0
            await trio.sleep(3)
            assert await accepted(ann, 60, "user_sendmsg", **INSTANT) == 60
        accounts = gateway.hubs["test-app"].accounts
        used = accounts.rate_of(Account("ann"))
        await trio.sleep(62)
        assert accounts.rate_of(Account("ann")) is not used  # an idle one is forgotten


@pytest.mark.row("M18", "G04")
async def test_a_channel_takes_200_messages_in_any_second(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "a", "b", "c", "d") as peers:
        assert await accepted_by(peers[:3], 60) == 180
        assert await accepted(peers[3], 21) == 20
        assert gateway.counters.channel_messages.value == 200
        await trio.sleep(1)
        # What the channel refused was not counted against the user.
        assert await accepted(peers[3], 61) == 60


@pytest.mark.row("M15e")
async def test_sendmsg_limit_caps_the_channel_and_not_the_user(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        await ann.request("channel_set_attr", channel="lobby", name="_sendmsg_limit", value="3")
        assert await accepted(ann, 2) == 2
        assert await accepted(bob, 2) == 1
        assert await accepted(bob, 10, "user_sendmsg", **INSTANT) == 10
        await trio.sleep(1)
        await bob.request("channel_set_attr", channel="lobby", name="_sendmsg_limit", value="0")
        assert await accepted(ann, 1) == 0
        await bob.request("channel_del_attr", channel="lobby", name="_sendmsg_limit")
        assert await accepted_by([ann, bob], 40) == 80


@pytest.mark.row("M15e")
async def test_sendmsg_limit_cannot_raise_the_channels_200(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "a", "b", "c", "d") as peers:
        await peers[0].request("channel_set_attr", channel="lobby", name="_sendmsg_limit", value="1000")
        assert await accepted_by(peers, 60) == 200
