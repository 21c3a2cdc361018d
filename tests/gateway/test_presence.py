"""The special channels: every login, logout, join and leave of the app, with its reason, to servers only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio

from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonValue
from botkit.wire.ledger import LedgerEvent, decode_event
from botkit.wire.tokens import make_token

ONLINE, EVENTS = "__agora_user_online", "__agora_channel_event"


@asynccontextmanager
async def watched(settings: GatewaySettings | None = None) -> AsyncIterator[tuple[Gateway, WirePeer, WirePeer]]:
    """A gateway, a server in the channel of presence and one in the channel of membership."""
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "server-online") as online,
        WirePeer.connect(gateway.connector, "server-events") as events,
    ):
        await events.request("channel_join", name=EVENTS)
        await online.request("channel_join", name=ONLINE)
        yield gateway, online, events


async def next_event(feed: WirePeer) -> LedgerEvent:
    notice = await feed.next_notice()
    event = decode_event(str(notice.content["msg"]))
    # Vendor clients see an ordinary message of the account that it is about.
    assert notice.kind == "channel_msg"
    assert (notice.content["account"], notice.content["uid"]) == (event.account, event.uid)
    assert notice.content["channel"] == notice.channel
    return event


async def refusal_of(asker: WirePeer, function: str, **arguments: JsonValue) -> int:
    with pytest.raises(Refusal) as refusal:
        await asker.request(function, **arguments)
    return refusal.value.code


async def next_events(feed: WirePeer, count: int) -> list[tuple[str, str, str, str]]:
    """What happened, to whom, where and why."""
    events = [await next_event(feed) for _ in range(count)]
    return [(event.event, event.account, event.channel, event.reason) for event in events]


@pytest.mark.row("M13a", "M13b", "E02")
@pytest.mark.parametrize("way", ["logout", "disconnected", "replaced", "silence", "protocol_error", "banned"])
async def test_every_way_out_is_told_once_with_its_reason(way: str, autojump_clock: trio.testing.MockClock) -> None:
    reason = "disconnected" if way == "silence" else way
    async with watched() as (gateway, online, events):
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            assert await next_events(online, 1) == [("user_online", "ann", "", "")]
            await ann.request("channel_join", name="lobby")
            assert await next_events(events, 1) == [("channel_join", "ann", "lobby", "")]
            if way == "logout":
                await ann.request("user_logout")
            elif way == "replaced":
                async with WirePeer.connect(gateway.connector, "ann"):
                    assert await next_events(online, 2) == [
                        ("user_offline", "ann", "", "replaced"),
                        ("user_online", "ann", "", ""),
                    ]
                reason = "disconnected"
            elif way == "silence":
                await trio.sleep(20)
                for feed in (online, events):
                    await feed.send('["ping",1]')
                    await feed.receive_named("pong")
                await trio.sleep(12)
            elif way == "protocol_error":
                await ann.send("nonsense")
            elif way == "banned":
                async with WirePeer.connect(gateway.connector, "server-mod") as moderator:
                    await moderator.request("botkit_ban", account="ann", seconds=5)
                assert (await next_event(online)).account == "server-mod"
        assert await next_events(online, 1) == [("user_offline", "ann", "", reason)]
        left = "replaced" if way == "replaced" else reason
        assert await next_events(events, 1) == [("channel_leave", "ann", "lobby", left)]
        assert await events.is_silent()


@pytest.mark.row("M13a")
async def test_a_token_that_expires_is_a_reason(autojump_clock: trio.testing.MockClock) -> None:
    certificate = "c" * 32
    async with open_test_gateway(certificate=certificate) as gateway, WirePeer.connect(gateway.connector) as online:
        now = int(gateway.clock.seconds())
        await online.login("server", make_token("test-app", certificate, "server", now + 100))
        await online.request("channel_join", name=ONLINE)
        async with WirePeer.connect(gateway.connector) as ann:
            await ann.login("ann", make_token("test-app", certificate, "ann", now + 5))
            assert await next_events(online, 2) == [
                ("user_online", "ann", "", ""),
                ("user_offline", "ann", "", "expired"),
            ]


@pytest.mark.row("M13b", "P03")
async def test_every_join_and_leave_of_every_channel(autojump_clock: trio.testing.MockClock) -> None:
    async with watched() as (gateway, _, events), WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("channel_join", name="lobby")
        await ann.request("channel_join", name="lobby")
        await ann.request("channel_join", name="kitchen sink")
        await ann.request("channel_leave", name="lobby")
        await ann.request("channel_leave", name="kitchen sink")
        await ann.request("channel_join", name="lobby")
        async with WirePeer.connect(gateway.connector, "server-mod") as moderator:
            await moderator.request("botkit_kick", account="ann", channel="lobby")
            await moderator.request("channel_join", name="lobby")
        assert await next_events(events, 8) == [
            ("channel_join", "ann", "lobby", ""),
            ("channel_leave", "ann", "lobby", "moved"),
            ("channel_join", "ann", "kitchen sink", ""),
            ("channel_leave", "ann", "kitchen sink", "leave"),
            ("channel_join", "ann", "lobby", ""),
            ("channel_leave", "ann", "lobby", "kicked"),
            ("channel_join", "server-mod", "lobby", ""),
            ("channel_leave", "server-mod", "lobby", "disconnected"),
        ]
        assert await events.is_silent()


@pytest.mark.row("M13a", "M13b")
async def test_numbers_have_no_hole_within_a_stream(autojump_clock: trio.testing.MockClock) -> None:
    async with watched() as (gateway, online, events), WirePeer.connect(gateway.connector, "bob") as bob:
        for number in range(10):
            async with WirePeer.connect(gateway.connector, f"user{number}") as peer:
                await peer.request("channel_join", name="lobby")
                await bob.request("channel_join", name="lobby" if number % 2 else "kitchen")
                await peer.request("user_set_attr", name="n", value=str(number))
        presence = [await next_event(online) for _ in range(1 + 20)]
        membership = [await next_event(events) for _ in range(20 + 10 + 9)]
        for stream in (presence, membership):
            for before, after in pairwise(stream):
                assert after.prev == before.seq
                assert after.epoch == before.epoch
                assert after.ms >= before.ms
        numbers = [event.seq for event in presence + membership]
        assert len(set(numbers)) == len(numbers)
        assert presence[0].epoch == membership[0].epoch


@pytest.mark.row("M13a", "M13b", "E18")
async def test_observers_are_invisible(autojump_clock: trio.testing.MockClock) -> None:
    async with watched() as (gateway, online, events), WirePeer.connect(gateway.connector, "ann") as ann:
        await next_event(online)
        # One observer more, coming and going: nobody is told, in either channel.
        async with WirePeer.connect(gateway.connector, "server-third") as third:
            await next_event(online)
            await third.request("channel_join", name=EVENTS)
            await third.request("channel_leave", name=EVENTS)
            await third.request("channel_join", name=ONLINE)
            assert await events.is_silent()
            assert await third.is_silent()
            assert await online.is_silent()
        for special in (ONLINE, EVENTS):
            assert (await ann.request("channel_query_num", name=special))["num"] == 0
            assert (await ann.request("channel_query_user_isin", name=special, account="server-online"))["isin"] == 0
            assert (await ann.request("channel_query_userlist", name=special))["list"] == []
            assert (await ann.request("channel_query_userlist_all", name=special))["list"] == []
        # Servers may know of each other.
        assert (await events.request("channel_query_userlist", name=ONLINE))["list"] == [["server-online", online.uid]]


@pytest.mark.row("M13c")
async def test_special_channels_are_for_servers_and_for_reading(autojump_clock: trio.testing.MockClock) -> None:
    async with watched() as (gateway, online, events), WirePeer.connect(gateway.connector, "ann") as ann:
        await next_event(online)
        for special in (ONLINE, EVENTS):
            assert await refusal_of(ann, "channel_join", name=special) == 300
            for asker in (ann, online):
                assert await refusal_of(asker, "channel_sendmsg", name=special, msg="x") == 400
                assert await refusal_of(asker, "channel_sendmsg", name=special, msg="x", force=True) == 400
                arguments: dict[str, JsonValue] = {"channel": special, "name": "_channel_ttl", "value": "1"}
                assert await refusal_of(asker, "channel_set_attr", **arguments) == 1001
                assert await refusal_of(asker, "channel_clear_attr", channel=special) == 1001
        assert await online.is_silent()
        assert await events.is_silent()


@pytest.mark.row("M13c")
async def test_special_channels_are_never_destroyed(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        ids: list[int] = []
        for _ in range(3):
            async with WirePeer.connect(gateway.connector, "server") as server:
                await server.request("channel_join", name=ONLINE)
                async with WirePeer.connect(gateway.connector, "bob"):
                    ids.append((await server.next_notice()).message_id)
            await trio.sleep(10)
        assert ids == sorted(set(ids))


@pytest.mark.row("M01", "M13a")
async def test_apps_are_worlds_of_their_own(autojump_clock: trio.testing.MockClock) -> None:
    apps = tuple(AppCredentials(id=name, server_accounts=("server",)) for name in ("one", "two"))
    async with trio.open_nursery() as nursery:

        async def serve(*, task_status: trio.TaskStatus[Gateway]) -> None:
            await serve_gateway(GatewaySettings(apps=apps), task_status=task_status)

        gateway = await nursery.start(serve)
        async with (
            WirePeer.connect(gateway.connector) as server,
            WirePeer.connect(gateway.connector) as ann,
            WirePeer.connect(gateway.connector) as other_ann,
        ):
            await server.login("server", app="one")
            await server.request("channel_join", name=ONLINE)
            await other_ann.login("ann", app="two")
            await other_ann.request("channel_join", name="lobby")
            assert await server.is_silent()
            await ann.login("ann", app="one")
            assert await next_events(server, 1) == [("user_online", "ann", "", "")]
            await ann.request("channel_join", name="lobby")
            await ann.request("channel_sendmsg", name="lobby", msg="anybody?")
            await ann.request("user_sendmsg", peer="ann", flag="v1:E:60", t="instant", content="x")
            assert await other_ann.is_silent()
            assert gateway.sessions == 3
        nursery.cancel_scope.cancel()
