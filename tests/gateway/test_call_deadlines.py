"""Calls that nobody answers: offline peers, timeouts, ringing, and what is told when time is up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonObject

ROOM = "support"
OFFLINE, TIMEOUT = 703, 704


@asynccontextmanager
async def caller(settings: GatewaySettings | None = None) -> AsyncIterator[tuple[Gateway, WirePeer]]:
    """A gateway and ann, whose pings keep her there."""
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        yield gateway, ann


async def do(asker: WirePeer, action: str, peer: str, extra: str = "") -> JsonObject:
    return await asker.request(f"voip_{action}", channelName=ROOM, peer=peer, extra=extra)


async def told(peer: WirePeer) -> list[str]:
    """The kinds of all that waits in the inbox; for a failure its code, too."""
    kinds: list[str] = []
    for kind, text in await peer.fetch():
        content = msgspec.json.decode(text)
        assert content["channel"] == ROOM
        kinds.append(kind.removeprefix("voip_"))
        if kind == "voip_invite_failed":
            # Web clients hand extra on, botkit's reads code.
            assert msgspec.json.decode(content["extra"])["code"] == content["code"]
            kinds[-1] += f" {content['code']}"
    return kinds


async def pass_time(seconds: float, *peers: WirePeer) -> None:
    """Sleep, with pings every 10 s."""
    while seconds > 0:
        await trio.sleep(min(seconds, 10))
        seconds -= 10
        for peer in peers:
            await peer.send('["ping",1]')
            await peer.receive_named("pong")


@pytest.mark.row("M12a", "C24")
async def test_a_peer_that_must_be_online_and_is_not_fails_in_the_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with caller() as (_, ann):
        for extra in ('{"_require_peer_online":1}', '{"_require_peer_online":1,"_timeout":30}', '{"_timeout":0}'):
            with pytest.raises(Refusal, match="bob is offline") as refusal:
                await do(ann, "invite", "bob", extra)
            assert refusal.value.code == OFFLINE
        await pass_time(70, ann)
        assert await told(ann) == []  # told once: not by a message as well


@pytest.mark.row("M12b", "C24")
@pytest.mark.parametrize("extra", ["", '{"_require_peer_online":0}', '{"_timeout":21}', '{"_timeout":30}'])
async def test_an_offline_peer_is_given_up_after_20_seconds(extra: str, autojump_clock: trio.testing.MockClock) -> None:
    async with caller() as (gateway, ann):
        await do(ann, "invite", "bob", extra)
        await pass_time(19.9, ann)
        assert await told(ann) == []
        await pass_time(0.2, ann)
        assert await told(ann) == [f"invite_failed {OFFLINE}"]
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await bob.is_silent()
            assert await told(bob) == []
        await pass_time(60, ann)
        assert await told(ann) == []
        await do(ann, "invite", "bob")


@pytest.mark.row("M12b", "C08")
async def test_a_peer_that_comes_at_19_seconds_gets_the_invitation_and_rings(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with caller() as (gateway, ann):
        await do(ann, "invite", "bob", '{"n":1}')
        with pytest.raises(Refusal, match="offline"):
            await do(ann, "invite_msg", "bob", '"are you there?"')
        await pass_time(19, ann)
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await bob.receive() == ["notify", ["msg", 1]]
            assert await told(bob) == ["invite"]
            await pass_time(40, ann, bob)
            assert await told(ann) == []
            await pass_time(1.1, ann, bob)  # 60 s after the invitation
            assert await told(ann) == [f"invite_failed {TIMEOUT}"]
            assert await told(bob) == ["invite_bye"]


@pytest.mark.row("M12c", "C24")
@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("timeout", [1, 5, 20])
async def test_timeout_withdraws_the_invitation(
    timeout: int, online: bool, autojump_clock: trio.testing.MockClock
) -> None:
    async with caller() as (gateway, ann):
        async with WirePeer.connect(gateway.connector, "bob" if online else "elsewhere") as bob:
            await do(ann, "invite", "bob", f'{{"_timeout":{timeout}}}')
            await pass_time(timeout - 0.1, ann, bob)
            assert await told(ann) == []
            await pass_time(0.2, ann, bob)
            assert await told(ann) == [f"invite_failed {TIMEOUT}"]
            assert await told(bob) == []  # it never fetched it, so it was never there
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await bob.is_silent()
            assert await told(bob) == []
        await do(ann, "invite", "bob")


@pytest.mark.row("M12c")
async def test_timeout_ends_the_call_for_a_callee_that_has_it(autojump_clock: trio.testing.MockClock) -> None:
    async with caller() as (gateway, ann), WirePeer.connect(gateway.connector, "bob") as bob:
        await do(ann, "invite", "bob", '{"_timeout":5}')
        assert await told(bob) == ["invite"]
        await do(bob, "invite_ack", "ann")
        await trio.sleep(5.1)
        assert await told(ann) == ["invite_ack", f"invite_failed {TIMEOUT}"]
        assert await told(bob) == ["invite_bye"]
        with pytest.raises(Refusal) as refusal:
            await do(bob, "invite_accept", "ann")
        assert refusal.value.code == 700
        assert await told(ann) == []


@pytest.mark.row("M12c")
async def test_an_answered_call_has_no_deadline(autojump_clock: trio.testing.MockClock) -> None:
    async with caller() as (gateway, ann), WirePeer.connect(gateway.connector, "bob") as bob:
        await do(ann, "invite", "bob", '{"_timeout":5}')
        await told(bob)
        await trio.sleep(4.9)
        await do(bob, "invite_accept", "ann")
        assert await told(ann) == ["invite_accept"]
        await pass_time(300, ann, bob)
        await do(bob, "invite_bye", "ann")
        assert await told(ann) == ["invite_bye"]


@pytest.mark.row("M12c")
@pytest.mark.parametrize("ring_timeout", [60, 5, 200])
async def test_without_timeout_it_rings_as_long_as_the_gateway_says(
    ring_timeout: int, autojump_clock: trio.testing.MockClock
) -> None:
    settings = GatewaySettings(apps=(), ring_timeout=ring_timeout)
    async with caller(settings) as (gateway, ann), WirePeer.connect(gateway.connector, "bob") as bob:
        await do(ann, "invite", "bob")
        await pass_time(ring_timeout - 0.1, ann, bob)
        assert await told(ann) == []
        await pass_time(0.2, ann, bob)
        assert await told(ann) == [f"invite_failed {TIMEOUT}"]
        assert await told(bob) == []


async def test_the_end_of_a_call_waits_for_a_session_that_does_not_fetch(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with caller() as (gateway, ann), WirePeer.connect(gateway.connector, "bob") as bob:
        await do(ann, "invite", "bob")
        assert await told(bob) == ["invite"]
        await do(ann, "invite_bye", "bob")
        await pass_time(600, ann, bob)
        assert await told(bob) == ["invite_bye"]


async def test_a_withdrawn_call_leaves_no_deadline_to_the_next(autojump_clock: trio.testing.MockClock) -> None:
    async with caller() as (gateway, ann), WirePeer.connect(gateway.connector, "bob") as bob:
        await do(ann, "invite", "bob", '{"_timeout":5}')
        await do(ann, "invite_bye", "bob")
        await do(ann, "invite", "bob", '{"_timeout":10}')
        await trio.sleep(9)
        assert await told(ann) == []
        assert await told(bob) == ["invite"]
        await trio.sleep(1.1)
        assert await told(ann) == [f"invite_failed {TIMEOUT}"]


@pytest.mark.row("M12b")
async def test_a_caller_that_leaves_takes_its_waiting_invitation_along(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            await do(ann, "invite", "bob")
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await bob.is_silent(25)
            assert await told(bob) == []
