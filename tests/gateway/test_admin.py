"""Mutes: in one channel or everywhere, for a time or until lifted, by servers only, for vendor clients a plain 400."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from botkit.gateway.server import Gateway
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.types import JsonValue
from botkit.wire.admin import ADMIN_PREFIX
from botkit.wire.requests import REQUESTS


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Gateway, WirePeer, WirePeer]]:
    """A gateway, a moderator, and ann in the lobby, whom nobody else hears; who is in the kitchen is of no matter."""
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "server") as moderator,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "cook") as cook,
    ):
        hub = gateway.hubs[TEST_APP]
        hub.app = msgspec.structs.replace(hub.app, allow_force=True)
        await cook.request("channel_join", name="kitchen")
        await ann.request("channel_join", name="lobby")
        yield gateway, moderator, ann


async def say(peer: WirePeer, channel: str = "lobby") -> str:
    """Say something in a channel (``""``: to ann in private); why it was refused, empty if it was not."""
    try:
        if channel:
            await peer.request("channel_sendmsg", name=channel, msg="hello", force=True)
        else:
            await peer.request("user_sendmsg", peer="ann", flag="v1:E:60", t="instant", content="hello")
    except Refusal as refusal:
        return f"{refusal.code} {refusal.reason}"
    return ""


async def refusal_of(asker: WirePeer, function: str, **arguments: JsonValue) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await asker.request(function, **arguments)
    return refusal.value


@pytest.mark.row("D04")
async def test_a_mute_in_a_channel_is_for_that_channel_only(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (_, moderator, ann):
        await moderator.request("botkit_mute", account="ann", channel="lobby", reason="shouting")
        assert await say(ann) == "400 muted: shouting"
        assert await say(ann, "kitchen") == ""
        assert await say(ann, "") == ""
        assert await say(moderator) == ""
        # A muted member stays a member and hears the others.
        assert (await ann.next_notice("channel_msg")).content["account"] == "server"
        await moderator.request("botkit_unmute", account="ann", channel="lobby")
        assert await say(ann) == ""


@pytest.mark.row("D04")
async def test_a_mute_everywhere_covers_channels_and_instant_messages(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (_, moderator, ann):
        await moderator.request("botkit_mute", account="ann")
        assert [await say(ann, where) for where in ("lobby", "kitchen", "")] == ["400 muted"] * 3
        # The two kinds are lifted each by itself.
        await moderator.request("botkit_mute", account="ann", channel="lobby", reason="here too")
        await moderator.request("botkit_unmute", account="ann")
        assert [await say(ann, where) for where in ("lobby", "kitchen", "")] == ["400 muted: here too", "", ""]


@pytest.mark.row("D04", "D08")
async def test_a_timed_mute_lapses_on_time(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (_, moderator, ann):
        await moderator.request("botkit_mute", account="ann", seconds=10)
        await moderator.request("botkit_mute", account="ann", channel="lobby", seconds=0.5)
        await trio.sleep(9.9)
        assert await say(ann) == "400 muted"
        await trio.sleep(0.2)
        assert [await say(ann, where) for where in ("lobby", "")] == ["", ""]
        refusal = await refusal_of(moderator, "botkit_unmute", account="ann")
        assert (refusal.code, "no mute of ann" in refusal.reason) == (1001, True)


async def test_a_second_mute_replaces_the_first(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (_, moderator, ann):
        await moderator.request("botkit_mute", account="ann", seconds=1000, reason="long")
        await moderator.request("botkit_mute", account="ann", seconds=5, reason="short")
        assert await say(ann) == "400 muted: short"
        await trio.sleep(5)
        assert await say(ann) == ""


async def test_a_mute_meets_who_is_offline_and_stays_over_logins(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (gateway, moderator, _):
        await moderator.request("botkit_mute", account="bob", reason="later")
        for _ in range(2):
            async with WirePeer.connect(gateway.connector, "bob") as bob:
                assert await say(bob, "") == "400 muted: later"


@pytest.mark.row("D04")
@pytest.mark.parametrize("function", sorted(name for name in REQUESTS if name.startswith(ADMIN_PREFIX)))
async def test_admin_calls_need_the_server_role(function: str, autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (gateway, _, ann), WirePeer.connect(gateway.connector, "bob") as bob:
        arguments: dict[str, JsonValue] = {"account": "bob", "channel": "lobby", "number": 1, "action": "drop"}
        refusal = await refusal_of(ann, function, **arguments)
        assert (refusal.code, refusal.reason) == (1001, "for server accounts only")
        assert await say(bob) == ""
        assert gateway.sessions == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"seconds": -1}, 1004),
        ({"seconds": 1e12}, 1004),
        ({"seconds": "10"}, 1004),
        ({"seconds": 315_360_000}, 0),
        ({"reason": "r" * 256}, 0),
        ({"reason": "r" * 257}, 1005),
        ({"reason": "日" * 85 + "r"}, 0),
        ({"reason": "日" * 86}, 1005),
        ({"account": "a b"}, 1004),
        ({"channel": "c" * 128}, 0),
        ({"channel": "c" * 129}, 1005),
    ],
)
async def test_parameters_of_a_mute(
    arguments: dict[str, JsonValue], code: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with world() as (_, moderator, ann):
        wanted: dict[str, JsonValue] = {"account": "ann", **arguments}
        if code:
            assert (await refusal_of(moderator, "botkit_mute", **wanted)).code == code
            assert await say(ann) == ""
        else:
            await moderator.request("botkit_mute", **wanted)
            assert (await say(ann, str(arguments.get("channel", "lobby")))).startswith("400 muted")
