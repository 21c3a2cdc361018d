"""What a mute stops: every way in which an account's words reach others, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
import trio

from botkit.gateway.server import Gateway
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonObject, JsonValue


class World(NamedTuple):
    """A gateway; a moderator; ann and bob in the lobby, with a call between them in which each can speak."""

    gateway: Gateway
    moderator: WirePeer
    ann: WirePeer
    bob: WirePeer


CALL = {"channelName": "room", "extra": ""}


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "server") as moderator,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        await ann.request("channel_join", name="lobby")
        await bob.request("channel_join", name="lobby")
        await ann.next_notice("channel_user_join")
        await ann.request("channel_set_attr", channel="lobby", name="topic", value="trio")
        for peer in (ann, bob):
            await peer.next_notice("channel_attr_update")
        await bob.request("voip_invite", peer="ann", **CALL)
        assert [kind for kind, _ in await ann.next_inbox()] == ["voip_invite"]
        await ann.request("voip_invite_accept", peer="bob", **CALL)
        assert len(await bob.next_inbox()) == 1
        for peer in (ann, bob):
            while not await peer.is_silent(0.1):
                await peer.receive()
        yield World(gateway, moderator, ann, bob)


class Way(NamedTuple):
    """A request whose words others get to see; the code with which it is refused when muted."""

    function: str
    arguments: JsonObject
    code: int


IN_THE_CHANNEL = [
    Way("channel_sendmsg", {"name": "lobby", "msg": "buy now"}, 400),
    Way("channel_sendmsg", {"name": "lobby", "msg": "buy now", "force": True}, 400),
    Way("channel_set_attr", {"channel": "lobby", "name": "topic", "value": "buy now"}, 1001),
    Way("channel_set_attr", {"channel": "lobby", "name": "buy now", "value": ""}, 1001),
    Way("channel_set_attr", {"channel": "lobby", "name": "_sendmsg_limit", "value": "0"}, 1001),
    Way("channel_del_attr", {"channel": "lobby", "name": "topic"}, 1001),
    Way("channel_del_attr", {"channel": "lobby", "name": "buy now"}, 1001),
    Way("channel_clear_attr", {"channel": "lobby"}, 1001),
]
ELSEWHERE = [
    Way("user_sendmsg", {"peer": "bob", "flag": "v1:E:60", "t": "instant", "content": "buy now"}, 400),
    Way("user_sendmsg", {"peer": "nobody", "flag": "v1:E:60", "t": "instant", "content": "buy later"}, 400),
    Way("user_set_attr", {"name": "nick", "value": "buy now"}, 1001),
    Way("voip_invite", {"channelName": "lobby", "peer": "bob", "extra": '"buy now"'}, 700),
    Way("voip_invite", {"channelName": "buy now", "peer": "bob", "extra": ""}, 700),
    Way("voip_invite_msg", {"channelName": "room", "peer": "bob", "extra": '"buy now"'}, 700),
]


def way_id(way: Way) -> str:
    return " ".join([way.function, *(str(value) for value in way.arguments.values())])


async def outcome(peer: WirePeer, way: Way) -> tuple[int, str]:
    """Code and reason of the refusal, (0, "") if there was none."""
    try:
        await peer.request(way.function, **way.arguments)
    except Refusal as refusal:
        return refusal.code, refusal.reason
    return 0, ""


async def check_silent(world: World) -> None:
    """Nobody was told anything."""
    assert await world.bob.is_silent(1)
    assert await world.bob.fetch() == []
    lobby = world.gateway.hubs["test-app"].channels.get("lobby")
    assert lobby is not None
    assert dict(lobby.attributes) == {"topic": "trio"}


@pytest.mark.row("D04")
@pytest.mark.parametrize("way", IN_THE_CHANNEL + ELSEWHERE, ids=way_id)
async def test_muted_everywhere_nobody_is_reached(way: Way, autojump_clock: trio.testing.MockClock) -> None:
    async with world() as stage:
        await stage.moderator.request("botkit_mute", account="ann", reason="spam, 漢字")
        before = stage.gateway.hubs["test-app"].ledger.last
        assert await outcome(stage.ann, way) == (way.code, "muted: spam, 漢字")
        await check_silent(stage)
        assert stage.gateway.hubs["test-app"].ledger.last == before
        await stage.moderator.request("botkit_unmute", account="ann")
        assert await outcome(stage.ann, way) == (0, "")


@pytest.mark.row("D04")
@pytest.mark.parametrize("way", IN_THE_CHANNEL, ids=way_id)
async def test_muted_in_a_channel_it_is_not_reached(way: Way, autojump_clock: trio.testing.MockClock) -> None:
    async with world() as stage:
        await stage.moderator.request("botkit_mute", account="ann", channel="lobby", seconds=60)
        assert await outcome(stage.ann, way) == (way.code, "muted")
        await check_silent(stage)
        assert await outcome(stage.bob, way) == (0, "")
        await trio.sleep(25)
        assert await outcome(stage.ann, way) == (way.code, "muted")


@pytest.mark.row("D04")
@pytest.mark.parametrize("way", ELSEWHERE, ids=way_id)
async def test_muted_in_a_channel_all_other_ways_are_open(way: Way, autojump_clock: trio.testing.MockClock) -> None:
    async with world() as stage:
        await stage.moderator.request("botkit_mute", account="ann", channel="lobby")
        await stage.moderator.request("botkit_mute", account="ann", channel="room")  # a call's channel is only its name
        assert await outcome(stage.ann, way) == (0, "")


@pytest.mark.row("D04")
async def test_muted_in_a_channel_the_attributes_of_others_are_open(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as stage:
        await stage.moderator.request("botkit_mute", account="ann", channel="lobby")
        await stage.ann.request("channel_join", name="kitchen")
        await stage.ann.request("channel_set_attr", channel="kitchen", name="mood", value="sad")


@pytest.mark.row("D04")
async def test_a_muted_server_is_muted_too(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as stage, WirePeer.connect(stage.gateway.connector, "server-2") as server:
        await stage.moderator.request("botkit_mute", account="server-2", channel="lobby")
        for way in IN_THE_CHANNEL:
            if way.function == "channel_sendmsg":
                continue
            assert await outcome(server, way) == (way.code, "muted")
        forced = Way("channel_sendmsg", {"name": "lobby", "msg": "buy now", "force": True}, 400)
        assert await outcome(server, forced) == (400, "muted")
        await check_silent(stage)


@pytest.mark.row("D04")
@pytest.mark.parametrize("action", ["voip_invite_accept", "voip_invite_refuse", "voip_invite_bye"])
async def test_muted_everywhere_a_call_is_taken_and_ended_without_a_word(
    action: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with world() as stage:
        await stage.moderator.request("botkit_mute", account="ann")
        call: dict[str, JsonValue] = {"channelName": "second", "peer": "ann", "extra": '"dinner?"'}
        await stage.bob.request("voip_invite", **call)
        assert [kind for kind, _ in await stage.ann.next_inbox()] == ["voip_invite"]
        await stage.ann.request("voip_invite_ack", channelName="second", peer="bob", extra='"buy now"')
        await stage.ann.request(action, channelName="second", peer="bob", extra='"buy now"')
        told: list[tuple[str, str]] = []
        while len(told) < 2:
            told += await stage.bob.next_inbox()
        assert [kind for kind, _ in told] == ["voip_invite_ack", action]
        assert all('"extra":""' in content for _, content in told)


@pytest.mark.row("D04")
async def test_muted_everywhere_it_goes_on_hearing_and_reading(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as stage:
        ann, bob = stage.ann, stage.bob
        await stage.moderator.request("botkit_mute", account="ann")
        await bob.request("channel_sendmsg", name="lobby", msg="hello")
        assert (await ann.next_notice("channel_msg")).content["msg"] == "hello"
        await bob.request("user_sendmsg", peer="ann", flag="v1:E:60", t="instant", content="hello")
        assert await ann.next_inbox() == [("instant", "hello")]
        await bob.request("user_set_attr", name="nick", value="Bob")
        assert (await ann.request("user_get_attr", account="bob", name="nick"))["value"] == "Bob"
        assert (await ann.request("channel_query_num", name="lobby"))["num"] == 2
        await ann.request("channel_leave", name="lobby")
        assert (await ann.request("channel_join", name="lobby"))["attrs"] == {"topic": "trio"}
        await ann.request("user_logout")


@pytest.mark.row("D04")
async def test_what_it_said_before_stays_said(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as stage:
        ann, bob = stage.ann, stage.bob
        await ann.request("user_sendmsg", peer="eve", flag="v1:E:60", t="instant", content="see you")
        await ann.request("voip_invite", channelName="later", peer="eve", extra='"see you"')
        await stage.moderator.request("botkit_mute", account="ann")
        async with WirePeer.connect(stage.gateway.connector, "eve") as eve:
            kinds = {kind for kind, _ in await eve.next_inbox()}
            assert kinds == {"instant", "voip_invite"}
        assert (await bob.request("channel_join", name="lobby"))["attrs"] == {"topic": "trio"}
