"""Held channels: messages go to a moderator first, in order, within a budget."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.gateway.server import Gateway
from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonValue


async def next_held(moderator: WirePeer) -> list[JsonValue]:
    """The next message that waits for a verdict: number, channel, account, uid, text, budget."""
    notice = await moderator.receive_named("notify")
    assert isinstance(notice, list)
    assert notice[0] == "botkit_held"
    return notice[1:]


@asynccontextmanager
async def held(**hold: JsonValue) -> AsyncIterator[tuple[Gateway, WirePeer, WirePeer, WirePeer]]:
    """A gateway, a moderator that holds the lobby, and two members of it."""
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector) as moderator,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        await moderator.login("server", resumable=True)
        await moderator.request("botkit_hold", channel="lobby", **hold)
        await ann.request("channel_join", name="lobby")
        await bob.request("channel_join", name="lobby")
        await ann.next_notice("channel_user_join")
        yield gateway, moderator, ann, bob


async def say(peer: WirePeer, text: str, outcomes: list[str]) -> None:
    """Send a message and note what became of it."""
    try:
        await peer.request("channel_sendmsg", name="lobby", msg=text)
    except Refusal as refusal:
        outcomes.append(f"{refusal.code} {refusal.reason}")
    else:
        outcomes.append("ok")


@pytest.mark.row("D05")
@pytest.mark.parametrize(
    ("verdict", "heard", "outcome"),
    [
        ({"action": "deliver"}, "hello", "ok"),
        ({"action": "replace", "text": "h***o"}, "h***o", "ok"),
        ({"action": "drop", "reason": "rude"}, None, "400 rude"),
        ({"action": "drop"}, None, "400 refused by a moderator"),
    ],
)
async def test_the_moderator_decides_before_anybody_hears(
    verdict: dict[str, JsonValue], heard: str | None, outcome: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with held() as (_, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "hello", outcomes)
        number, channel, account, _, text, budget = await next_held(moderator)
        assert (channel, account, text, budget) == ("lobby", "ann", "hello", 1000)
        assert await bob.is_silent(0.5)
        assert outcomes == []
        await moderator.request("botkit_judge", number=number, **verdict)
        if heard is not None:
            assert (await bob.next_notice()).content["msg"] == heard
        assert await bob.is_silent(1)
        assert outcomes == [outcome]
        with pytest.raises(Refusal, match="no message"):
            await moderator.request("botkit_judge", number=number, action="deliver")


@pytest.mark.row("D05")
@pytest.mark.parametrize(("policy", "outcome"), [(True, "ok"), (False, "400 no moderator answered in time")])
async def test_on_silence_the_policy_decides(
    policy: bool, outcome: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with held(budget_ms=200, open=policy) as (gateway, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "hello", outcomes)
        await next_held(moderator)
        assert await bob.is_silent(0.19)
        await trio.sleep(0.02)
        assert await bob.is_silent(1) is not policy
        assert outcomes == [outcome]
        assert gateway.counters.silent_moderators.value == 1


async def test_order_is_kept_whatever_order_the_verdicts_come_in(autojump_clock: trio.testing.MockClock) -> None:
    async with held() as (_, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "first", outcomes)
        first, *_ = await next_held(moderator)
        nursery.start_soon(say, bob, "second", outcomes)
        second, *_ = await next_held(moderator)
        await moderator.request("botkit_judge", number=second, action="deliver")
        assert outcomes == []
        await moderator.request("botkit_judge", number=first, action="deliver")
        await trio.sleep(0.1)
        assert outcomes == ["ok", "ok"]


async def test_the_moderators_own_messages_and_other_channels_pass(autojump_clock: trio.testing.MockClock) -> None:
    async with held() as (_, moderator, ann, bob):
        await moderator.request("channel_sendmsg", name="lobby", msg="be nice", force=True)
        assert (await ann.next_notice("channel_msg")).content["msg"] == "be nice"
        await bob.request("channel_join", name="elsewhere")
        await bob.request("channel_sendmsg", name="elsewhere", msg="free")
        assert (await bob.next_notice("channel_msg")).content["msg"] in ("be nice", "free")


async def test_lifting_the_hold_delivers_what_waits(autojump_clock: trio.testing.MockClock) -> None:
    async with held() as (_, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "hello", outcomes)
        await next_held(moderator)
        await moderator.request("botkit_release", channel="lobby")
        assert (await bob.next_notice()).content["msg"] == "hello"
        await say(bob, "free", outcomes)
        assert outcomes == ["ok", "ok"]
        with pytest.raises(Refusal, match="no hold"):
            await moderator.request("botkit_release", channel="lobby")


@pytest.mark.parametrize("policy", [True, False])
async def test_without_its_moderator_the_policy_decides_at_once(
    policy: bool, autojump_clock: trio.testing.MockClock
) -> None:
    async with held(open=policy) as (_, moderator, ann, _bob):
        await moderator.request("user_logout")
        outcomes: list[str] = []
        await say(ann, "hello", outcomes)
        assert outcomes == (["ok"] if policy else ["400 no moderator answered in time"])


async def test_a_hold_survives_a_restart_with_its_policy(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector) as moderator:
        await moderator.login("server", resumable=True)
        await moderator.request("botkit_hold", channel="lobby", open=False)
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("channel_join", name="lobby")
        outcomes: list[str] = []
        await say(ann, "hello", outcomes)
        assert outcomes == ["400 no moderator answered in time"]
        async with WirePeer.connect(gateway.connector) as moderator, trio.open_nursery() as nursery:
            await moderator.login("server", resumable=True)
            nursery.start_soon(say, ann, "again", outcomes)
            number, *_ = await next_held(moderator)
            await moderator.request("botkit_judge", number=number, action="deliver")
        assert outcomes[1:] == ["ok"]


async def test_holds_are_for_botkit_servers_and_ordinary_channels(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "server-1") as vendor,
        WirePeer.connect(gateway.connector) as server,
    ):
        await server.login("server-2", resumable=True)
        with pytest.raises(Refusal, match="only a botkit client"):
            await vendor.request("botkit_hold", channel="lobby")
        for wrong in ({"channel": "__agora_user_online"}, {"channel": ""}, {"channel": "c", "budget_ms": 10_001}):
            with pytest.raises(Refusal):
                await server.request("botkit_hold", **wrong)


async def test_a_verdict_after_the_channel_was_closed_refuses_the_message(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with held() as (_, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "hello", outcomes)
        number, *_rest = await next_held(moderator)
        await moderator.request("botkit_close_channel", channel="lobby")
        await bob.next_notice("channel_user_leave")
        await bob.request("channel_join", name="lobby")
        await moderator.request("botkit_judge", number=number, action="deliver")
        assert await bob.is_silent(1)
        assert outcomes == ["400 the channel was closed meanwhile"]
