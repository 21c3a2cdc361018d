"""Sessions that come back within 30 s: nobody saw them leave, and they missed nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import ConnectFailed, TransportClosed
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonObject
from botkit.wire.limits import USER_ONLINE_CHANNEL


@asynccontextmanager
async def lobby() -> AsyncIterator[tuple[Gateway, WirePeer, JsonObject]]:
    """Bob, a plain user, and a session of Ann's in the lobby whose connection was just lost."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "bob") as bob:
        await bob.request("channel_join", name="lobby")
        async with WirePeer.connect(gateway.connector) as ann:
            seen = await ann.login("ann", resumable=True)
            await ann.request("channel_join", name="lobby")
            await bob.next_notice("channel_user_join")
            await bob.request("channel_sendmsg", name="lobby", msg="seen")
            seen |= {"channel": "lobby", "message_id": (await ann.next_notice()).message_id, "inbox": 0}
            await bob.next_notice("channel_msg")
            await ann.drop()
        yield gateway, bob, {key: seen[key] for key in ("line", "boot", "channel", "message_id", "inbox")}


@pytest.mark.row("G07")
async def test_back_after_29_seconds_nobody_noticed_and_nothing_is_missing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with lobby() as (gateway, bob, seen):
        for number in range(3):
            await bob.request("channel_sendmsg", name="lobby", msg=f"missed {number}")
            await bob.next_notice("channel_msg")
        await bob.request("user_sendmsg", peer="ann", flag="v1:E:0", t="instant", content="psst")
        for _ in range(29):
            await trio.sleep(1)
            await bob.send('["ping",1]')
        assert (await bob.request("user_query_user_status", account="ann"))["status"] == 1
        async with WirePeer.connect(gateway.connector) as ann:
            outcome = await ann.resume("ann", **seen)  # type: ignore[arg-type]
            assert (outcome["resumed"], outcome["channel"], outcome.get("lost", 0)) == (True, "lobby", 0)
            assert [(await ann.next_notice()).content["msg"] for _ in range(3)] == ["missed 0", "missed 1", "missed 2"]
            assert [content for _, content in await ann.fetch()] == ["psst"]
            await ann.request("channel_sendmsg", name="lobby", msg="back")
            assert (await bob.next_notice()).content == {"channel": "lobby", "account": "ann", "uid": 2, "msg": "back"}


@pytest.mark.row("G07")
async def test_after_30_seconds_the_session_is_gone_and_says_so(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (gateway, bob, seen):
        for _ in range(31):
            await trio.sleep(1)
            await bob.send('["ping",1]')
        assert (await bob.next_notice()).kind == "channel_user_leave"
        assert gateway.counters.logouts.values["disconnected"] == 1
        async with WirePeer.connect(gateway.connector) as ann:
            with pytest.raises(Refusal, match="log in") as refusal:
                await ann.resume("ann", **seen)  # type: ignore[arg-type]
            assert refusal.value.code == 200
            await ann.login("ann")


@pytest.mark.row("G08")
async def test_resume_with_no_event_so_far_and_twice_in_a_row(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector) as ann:
            seen = await ann.login("ann", resumable=True)
            await ann.drop()
        for _ in range(2):
            async with WirePeer.connect(gateway.connector) as ann:
                outcome = await ann.resume("ann", str(seen["line"]), boot=seen["boot"])
                assert outcome["uid"] == seen["uid"]
                assert await ann.fetch() == []
                await ann.drop()
        assert len(gateway.hubs["test-app"].sessions) == 1


async def come_back_and_be_lost(gateway: Gateway, seen: JsonObject, *, heard: bool) -> None:
    async with WirePeer.connect(gateway.connector) as ann:
        await ann.resume("ann", **seen)  # type: ignore[arg-type]
        if heard:
            await ann.send('["ping",1]')
            await ann.receive_named("pong")
        await ann.drop()


@pytest.mark.parametrize(("heard", "times"), [(False, 3), (True, 6)])
async def test_who_comes_back_and_is_lost_again_has_the_whole_time_again(
    heard: bool, times: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with lobby() as (gateway, bob, seen):
        for _ in range(times):
            await trio.sleep(14)
            await bob.send('["ping",1]')
            await come_back_and_be_lost(gateway, seen, heard=heard)
        await trio.sleep(29.9)
        assert (await bob.request("user_query_user_status", account="ann"))["status"] == 1
        await trio.sleep(0.2)
        assert (await bob.request("user_query_user_status", account="ann"))["status"] == 0
        assert gateway.counters.logouts.values["disconnected"] == 1


async def test_who_comes_back_again_and_again_without_a_word_ends(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (gateway, bob, seen):
        for _ in range(5):
            await trio.sleep(14)
            await bob.send('["ping",1]')
            await come_back_and_be_lost(gateway, seen, heard=False)
        await trio.sleep(1.9)  # 71.9 s after the first loss, and 29.9 s after the third silent return
        assert (await bob.request("user_query_user_status", account="ann"))["status"] == 1
        await trio.sleep(0.2)
        assert (await bob.request("user_query_user_status", account="ann"))["status"] == 0


async def test_resume_takes_over_a_half_open_connection(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector) as old,
        WirePeer.connect(gateway.connector) as new,
    ):
        seen = await old.login("ann", resumable=True)
        await new.resume("ann", str(seen["line"]), boot=seen["boot"])
        with pytest.raises(TransportClosed):
            await old.receive()
        await trio.sleep(2)
        assert await new.fetch() == []


async def test_login_elsewhere_ends_the_session_that_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (gateway, bob, seen), WirePeer.connect(gateway.connector, "ann"):
        assert (await bob.next_notice()).kind == "channel_user_leave"
        async with WirePeer.connect(gateway.connector) as other:
            with pytest.raises(Refusal):
                await other.resume("ann", **seen)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"line": "guessed"}, {"account": "bob"}])
async def test_nobody_takes_a_session_without_its_line(
    wrong: dict[str, str], autojump_clock: trio.testing.MockClock
) -> None:
    async with lobby() as (gateway, _, seen), WirePeer.connect(gateway.connector) as thief:
        with pytest.raises(Refusal):
            await thief.resume(**({"account": "ann"} | seen | wrong))  # type: ignore[arg-type]


async def test_vendor_session_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector) as ann:
            line = str((await ann.login("ann"))["line"])
            await ann.drop()
        async with WirePeer.connect(gateway.connector) as ann:
            with pytest.raises(Refusal):
                await ann.resume("ann", line)


async def test_what_happened_to_the_session_meanwhile_is_told(autojump_clock: trio.testing.MockClock) -> None:
    async with lobby() as (gateway, _, seen), WirePeer.connect(gateway.connector, "server") as moderator:
        await moderator.request("botkit_kick", account="ann", channel="lobby")
        async with WirePeer.connect(gateway.connector) as ann:
            outcome = await ann.resume("ann", **seen)  # type: ignore[arg-type]
            assert outcome.get("channel", "") == ""
    async with lobby() as (gateway, _, seen), WirePeer.connect(gateway.connector, "server") as moderator:
        await moderator.request("botkit_ban", account="ann")
        async with WirePeer.connect(gateway.connector) as ann:
            with pytest.raises(Refusal):
                await ann.resume("ann", **seen)  # type: ignore[arg-type]


@pytest.mark.row("G08")
async def test_resume_across_a_restart_of_the_gateway(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector) as ann:
        seen = await ann.login("ann", resumable=True)
        await ann.request("channel_join", name="lobby")
        await ann.request("user_sendmsg", peer="ann", flag="v1:E:60", t="instant", content="note to self")
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "bob") as bob:
        await bob.request("channel_join", name="lobby")
        assert (await bob.request("channel_query_num", name="lobby"))["num"] == 2
        async with WirePeer.connect(gateway.connector) as ann:
            outcome = await ann.resume("ann", str(seen["line"]), boot=seen["boot"], channel="lobby", message_id=9)
            assert (outcome["uid"], outcome["channel"], outcome["lost"]) == (seen["uid"], "lobby", -1)
            assert outcome["boot"] != seen["boot"]
            assert [content for _, content in await ann.fetch()] == ["note to self"]
            await bob.request("channel_sendmsg", name="lobby", msg="hello again")
            assert (await ann.next_notice("channel_msg")).content["msg"] == "hello again"


async def test_after_a_crash_it_is_told_that_the_others_are_gone(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector) as ann:
        await ann.login("ann")
        await ann.request("channel_join", name="lobby")
        await gateway.journal.wait_committed()
        snapshot = await store.load()
    crashed = MemoryGatewayStore()
    crashed._state = snapshot
    async with open_test_gateway(store=crashed) as gateway, WirePeer.connect(gateway.connector, "server") as server:
        events = (await server.request("botkit_read_ledger"))["events"]
        assert [(e["event"], e["reason"]) for e in events if e["account"] == "ann"] == [  # type: ignore[index, union-attr, call-overload]
            ("channel_leave", "crashed"),
            ("user_offline", "crashed"),
        ]


async def test_special_channels_are_replayed_too(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector) as feed:
            seen = await feed.login("server", resumable=True)
            await feed.request("channel_join", name=USER_ONLINE_CHANNEL)
            await feed.drop()
        async with WirePeer.connect(gateway.connector, "ann"):
            pass
        async with WirePeer.connect(gateway.connector) as feed:
            await feed.resume("server", str(seen["line"]), boot=seen["boot"], channel=USER_ONLINE_CHANNEL)
            assert (await feed.next_notice()).content["account"] == "ann"


async def test_a_gateway_that_stopped_takes_no_connection(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        pass
    with pytest.raises(ConnectFailed, match="stopped"):
        async with gateway.connector():
            raise AssertionError("connected")


async def test_a_backlog_that_no_connection_could_take_is_cut_and_told(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), send_buffer=64 * 1024)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "bob") as bob:
        await bob.request("channel_join", name="lobby")
        async with WirePeer.connect(gateway.connector) as ann:
            seen = await ann.login("ann", resumable=True)
            await ann.request("channel_join", name="lobby")
            await ann.drop()
        for number in range(20):
            await bob.request("channel_sendmsg", name="lobby", msg=f"{number:02}" * 3900)
            await bob.next_notice("channel_msg")
        async with WirePeer.connect(gateway.connector) as ann:
            outcome = await ann.resume("ann", str(seen["line"]), boot=seen["boot"], channel="lobby")
            assert outcome["lost"] == 16
            assert [str((await ann.next_notice()).content["msg"])[:2] for _ in range(4)] == ["16", "17", "18", "19"]
            assert await ann.is_silent()


async def test_what_was_said_since_a_restart_is_replayed(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with (
        open_test_gateway(store=store) as gateway,
        WirePeer.connect(gateway.connector) as ann,
        WirePeer.connect(gateway.connector) as bob,
    ):
        seen = {"ann": await ann.login("ann", resumable=True), "bob": await bob.login("bob", resumable=True)}
        for peer in (ann, bob):
            await peer.request("channel_join", name="lobby")
    async with (
        open_test_gateway(store=store) as gateway,
        WirePeer.connect(gateway.connector) as ann,
        WirePeer.connect(gateway.connector) as bob,
    ):
        for peer, account in ((ann, "ann"), (bob, "bob")):
            before = seen[account]
            outcome = await peer.resume(
                account, str(before["line"]), boot=before["boot"], channel="lobby", message_id=40
            )
            assert outcome["lost"] == -1
            if account == "ann":
                await ann.request("channel_sendmsg", name="lobby", msg="before bob was back")
        assert (await bob.next_notice("channel_msg")).content["msg"] == "before bob was back"
