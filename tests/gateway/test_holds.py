"""Held channels: messages go to a moderator first, in order, within a budget."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import TransportClosed
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


MEASURES = [
    ("botkit_mute", {"channel": "lobby"}, "muted"),
    ("botkit_mute", {}, "muted"),
    ("botkit_ban", {}, "banned"),
    ("botkit_kick", {"channel": "lobby"}, "kicked"),
]


@pytest.mark.row("D05")
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("policy", [True, False])
@pytest.mark.parametrize("end", ["deliver", "replace", "drop", "silence", "release"])
async def test_what_waits_of_a_sender_falls_with_it(
    measure: tuple[str, dict[str, JsonValue], str], policy: bool, end: str, autojump_clock: trio.testing.MockClock
) -> None:
    function, where, word = measure
    async with held(open=policy) as (gateway, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say_raw, ann, "spam", outcomes)
        number, *_ = await next_held(moderator)
        await moderator.request(function, account="ann", reason="spam, 漢字", **where)
        await trio.sleep(0.01)
        assert outcomes == [f"400 {word}: spam, 漢字"], "the sender is told at once"
        if end == "silence":
            await trio.sleep(2)
            with pytest.raises(Refusal, match=f"no message {number} waits"):
                await moderator.request("botkit_judge", number=number, action="deliver")
        elif end == "release":
            await moderator.request("botkit_release", channel="lobby")
        elif end == "drop":
            await moderator.request("botkit_judge", number=number, action="drop", reason="rude")
        else:
            with pytest.raises(Refusal) as refusal:
                await moderator.request("botkit_judge", number=number, action=end, text="fine")
            reason = f"message {number} of ann was dropped: {word}: spam, 漢字"
            assert (refusal.value.code, refusal.value.reason) == (1001, reason)
        await trio.sleep(2)
        while not await bob.is_silent(1):
            frame = await bob.receive()
            assert "spam" not in str(frame)
            assert "fine" not in str(frame)
        assert len(outcomes) == 1
        assert gateway.counters.held_messages.values == {"dropped": 1}
        assert gateway.counters.silent_moderators.value == 0


async def say_raw(peer: WirePeer, text: str, outcomes: list[str]) -> None:
    """``say`` by one whose connection may end with the answer."""
    try:
        await say(peer, text, outcomes)
    except TransportClosed as closed:
        outcomes.append(f"closed {closed.code}")


async def send_only(peer: WirePeer, function: str, **arguments: JsonValue) -> None:
    """Ask about the lobby, and leave the answer."""
    await peer.send(json.dumps(["call2", [function, 77, {"line": peer.line, "name": "lobby", **arguments}]]))


@pytest.mark.row("D05")
async def test_a_measure_takes_what_is_behind_it_in_the_row_and_no_more(autojump_clock: trio.testing.MockClock) -> None:
    """Ann's message has its verdict already, and waits for its turn; bob's behind it goes on as if it was not there."""
    async with held(budget_ms=5000) as (gateway, moderator, ann, bob), trio.open_nursery() as nursery:
        anns: list[str] = []
        bobs: list[str] = []
        async with WirePeer.connect(gateway.connector) as eve:
            await eve.login("eve")
            await eve.request("channel_join", name="lobby")
            eves: list[str] = []
            nursery.start_soon(say, eve, "first", eves)
            first, *_ = await next_held(moderator)
            nursery.start_soon(say, ann, "spam", anns)
            second, *_ = await next_held(moderator)
            nursery.start_soon(say, bob, "third", bobs)
            third, *_ = await next_held(moderator)
            await moderator.request("botkit_judge", number=second, action="deliver")
            await moderator.request("botkit_judge", number=third, action="deliver")
            await moderator.request("botkit_mute", account="ann", channel="lobby")
            await trio.sleep(0.01)
            assert (anns, bobs, eves) == (["400 muted"], [], [])
            await moderator.request("botkit_judge", number=first, action="deliver")
            await trio.sleep(0.01)
            assert (bobs, eves) == (["ok"], ["ok"])
            heard = [(await ann.next_notice("channel_msg")).content["msg"] for _ in range(2)]
            assert heard == ["first", "third"]
            assert gateway.counters.held_messages.values == {"dropped": 1, "delivered": 2}


@pytest.mark.row("D05")
async def test_a_measure_lets_those_behind_it_go(autojump_clock: trio.testing.MockClock) -> None:
    async with held(budget_ms=5000) as (_, moderator, ann, bob), trio.open_nursery() as nursery:
        anns: list[str] = []
        bobs: list[str] = []
        nursery.start_soon(say, ann, "spam", anns)
        await next_held(moderator)
        nursery.start_soon(say, bob, "hello", bobs)
        number, *_ = await next_held(moderator)
        await moderator.request("botkit_judge", number=number, action="deliver")
        assert bobs == []
        await moderator.request("botkit_kick", account="ann", channel="lobby")
        await trio.sleep(0.01)
        assert (anns, bobs) == (["400 kicked"], ["ok"])


@pytest.mark.row("D05")
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("botkit_mute", {"account": "ann", "channel": "kitchen"}),
        ("botkit_mute", {"account": "bob"}),
        ("botkit_kick", {"account": "bob", "channel": "lobby"}),
        ("botkit_ban", {"account": "bob"}),
        ("botkit_close_channel", {"channel": "kitchen"}),
    ],
)
async def test_a_measure_elsewhere_or_against_others_leaves_it_waiting(
    function: str, arguments: dict[str, JsonValue], autojump_clock: trio.testing.MockClock
) -> None:
    async with held() as (_, moderator, ann, _bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "hello", outcomes)
        number, *_ = await next_held(moderator)
        await moderator.request(function, **arguments)
        assert outcomes == []
        await moderator.request("botkit_judge", number=number, action="deliver")
        await trio.sleep(0.01)
        assert outcomes == ["ok"]


@pytest.mark.row("D05")
@pytest.mark.parametrize("how", ["leave", "logout", "loss"])
async def test_who_is_gone_by_itself_has_said_what_it_said(how: str, autojump_clock: trio.testing.MockClock) -> None:
    async with held() as (_, moderator, ann, bob):
        await send_only(ann, "channel_sendmsg", msg="goodbye")
        number, *_ = await next_held(moderator)
        if how == "loss":
            await ann.drop()
        else:
            function = {"leave": "channel_leave", "logout": "user_logout"}[how]
            await send_only(ann, function)
        assert (await bob.next_notice()).kind == "channel_user_leave"
        await moderator.request("botkit_judge", number=number, action="deliver")
        assert (await bob.next_notice("channel_msg")).content["msg"] == "goodbye"


@pytest.mark.row("D05")
async def test_who_is_let_in_again_has_not_said_what_was_dropped(autojump_clock: trio.testing.MockClock) -> None:
    async with held() as (_, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "spam", outcomes)
        number, *_ = await next_held(moderator)
        await moderator.request("botkit_mute", account="ann")
        await moderator.request("botkit_unmute", account="ann")
        with pytest.raises(Refusal, match="was dropped: muted"):
            await moderator.request("botkit_judge", number=number, action="deliver")
        assert await bob.is_silent(2)


async def test_closing_the_channel_drops_what_waits(autojump_clock: trio.testing.MockClock) -> None:
    async with held() as (_, moderator, ann, bob), trio.open_nursery() as nursery:
        outcomes: list[str] = []
        nursery.start_soon(say, ann, "hello", outcomes)
        number, *_ = await next_held(moderator)
        await moderator.request("botkit_close_channel", channel="lobby")
        await trio.sleep(0.01)
        assert outcomes == ["400 the channel was closed meanwhile"]
        await bob.next_notice("channel_user_leave")
        await bob.request("channel_join", name="lobby")
        with pytest.raises(Refusal, match=f"message {number} of ann was dropped: the channel was closed meanwhile"):
            await moderator.request("botkit_judge", number=number, action="deliver")
        assert await bob.is_silent(2)


async def test_a_channel_that_ends_by_itself_takes_what_waits(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody is in any more: who comes then is in another channel of that name."""
    async with held(budget_ms=5000) as (gateway, moderator, ann, bob):
        await send_only(ann, "channel_sendmsg", msg="hello")
        number, *_ = await next_held(moderator)
        await bob.request("channel_leave", name="lobby")
        await send_only(ann, "channel_leave")
        await trio.sleep(1)
        assert gateway.hubs["test-app"].channels.get("lobby") is None
        await bob.request("channel_join", name="lobby")
        await moderator.request("botkit_judge", number=number, action="deliver")
        assert await bob.is_silent(1)
        assert gateway.counters.held_messages.values == {"too late": 1}
