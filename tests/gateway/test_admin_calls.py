"""Ban, kick, close a channel, list, snapshot: what server accounts may do to others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from msgspec import convert

from botkit.errors import TransportClosed
from botkit.gateway.server import Gateway
from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.wire.admin import Sanction
from botkit.wire.limits import USER_ONLINE_CHANNEL


@asynccontextmanager
async def world(store: MemoryGatewayStore | None = None) -> AsyncIterator[tuple[Gateway, WirePeer, WirePeer, WirePeer]]:
    """A gateway, a moderator, and two users in the lobby."""
    async with (
        open_test_gateway(store=store) as gateway,
        WirePeer.connect(gateway.connector, "server") as moderator,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        await ann.request("channel_join", name="lobby")
        await bob.request("channel_join", name="lobby")
        await ann.next_notice("channel_user_join")
        yield gateway, moderator, ann, bob


@pytest.mark.row("D04")
async def test_ban_ends_the_session_and_refuses_the_next_login(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (gateway, moderator, ann, bob):
        await moderator.request("botkit_ban", account="bob", seconds=60, reason="spam")
        assert (await bob.receive()) == ["close", "banned: spam"]
        with pytest.raises(TransportClosed):
            await bob.receive()
        assert (await ann.next_notice("channel_user_leave")).content["account"] == "bob"
        async with WirePeer.connect(gateway.connector) as again:
            with pytest.raises(Refusal, match="banned: spam") as refusal:
                await again.login("bob")
            assert refusal.value.code == 202
        await trio.sleep(25)
        async with WirePeer.connect(gateway.connector) as again:
            with pytest.raises(Refusal):
                await again.login("bob")


async def test_ban_lapses_on_time_and_can_be_lifted(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "server") as moderator:
        await moderator.request("botkit_ban", account="bob", seconds=20)
        await moderator.request("botkit_ban", account="ann")
        await trio.sleep(20)
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert bob.uid
        async with WirePeer.connect(gateway.connector) as ann:
            with pytest.raises(Refusal):
                await ann.login("ann")
            await moderator.request("botkit_unban", account="ann")
            await ann.login("ann")
        with pytest.raises(Refusal, match="no ban of ann"):
            await moderator.request("botkit_unban", account="ann")


@pytest.mark.row("D08")
@pytest.mark.parametrize(("down_for", "banned"), [(1800.0, True), (7200.0, False)])
async def test_timed_ban_survives_a_restart_and_lapses_on_time(
    down_for: float, banned: bool, autojump_clock: trio.testing.MockClock
) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "server") as moderator:
        await moderator.request("botkit_ban", account="bob", seconds=3600)
    await trio.sleep(down_for)
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector) as bob:
        if banned:
            with pytest.raises(Refusal):
                await bob.login("bob")
        else:
            await bob.login("bob")


async def test_kick_puts_out_of_the_channel_and_no_more(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (_, moderator, ann, bob):
        assert (await moderator.request("botkit_kick", account="bob", channel="lobby"))["count"] == 1
        assert (await ann.next_notice("channel_user_leave")).content["account"] == "bob"
        await ann.request("channel_sendmsg", name="lobby", msg="quiet now")
        assert await bob.is_silent()
        with pytest.raises(Refusal, match="not a member") as refusal:
            await bob.request("channel_sendmsg", name="lobby", msg="hey")
        assert refusal.value.code == 400
        await bob.request("channel_join", name="lobby")
        with pytest.raises(Refusal, match="not in nowhere"):
            await moderator.request("botkit_kick", account="bob", channel="nowhere")


async def test_closing_a_channel_puts_all_out_and_forgets_it(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (gateway, moderator, ann, _):
        await ann.request("channel_set_attr", channel="lobby", name="topic", value="x")
        assert (await moderator.request("botkit_close_channel", channel="lobby"))["count"] == 2
        assert gateway.hubs["test-app"].channels.get("lobby") is None
        assert (await moderator.request("channel_query_num", name="lobby"))["num"] == 0
        assert (await ann.request("channel_join", name="lobby"))["attrs"] == {}
        assert (await moderator.request("botkit_close_channel", channel="unknown"))["count"] == 0
        with pytest.raises(Refusal, match="never destroyed"):
            await moderator.request("botkit_close_channel", channel=USER_ONLINE_CHANNEL)


async def test_the_list_has_the_holds_too(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (gateway, moderator, _, _), WirePeer.connect(gateway.connector) as judge:
        await judge.login("server-2", resumable=True)
        await moderator.request("botkit_mute", account="ann", channel="lobby")
        for channel in ("lobby", "hall"):
            await judge.request("botkit_hold", channel=channel)
        listed = convert((await moderator.request("botkit_list_sanctions"))["sanctions"], list[Sanction])
        assert [(one.kind, one.account, one.channel) for one in listed] == [
            ("hold", "", "hall"),
            ("hold", "", "lobby"),
            ("mute", "ann", "lobby"),
        ]
        assert (listed[0].moderator, listed[0].until_ms, listed[0].reason) == ("server-2", 0, "")
        after = await moderator.request("botkit_list_sanctions", after=["", "hall", "hold"])
        assert len(convert(after["sanctions"], list[Sanction])) == 2
        one = await moderator.request("botkit_list_sanctions", account="ann")
        assert [each.kind for each in convert(one["sanctions"], list[Sanction])] == ["mute"]
        await moderator.request("botkit_release", channel="hall")
        listed = convert((await moderator.request("botkit_list_sanctions"))["sanctions"], list[Sanction])
        assert [one.channel for one in listed] == ["lobby", "lobby"]


async def test_list_shows_what_is_in_force(autojump_clock: trio.testing.MockClock) -> None:
    async with world() as (gateway, moderator, _, _):
        now = gateway.clock.ms()
        await moderator.request("botkit_mute", account="ann", channel="lobby", seconds=10, reason="loud")
        await moderator.request("botkit_ban", account="eve")
        listed = (await moderator.request("botkit_list_sanctions"))["sanctions"]
        assert listed == [
            {
                "kind": "mute",
                "account": "ann",
                "channel": "lobby",
                "until_ms": now + 10_000,
                "reason": "loud",
                "moderator": "server",
            },
            {"kind": "ban", "account": "eve", "channel": "", "until_ms": 0, "reason": "", "moderator": "server"},
        ]
        assert len((await moderator.request("botkit_list_sanctions", account="eve"))["sanctions"]) == 1  # type: ignore[arg-type]
        await trio.sleep(10)
        await moderator.send('["ping",1]')
        assert [s["kind"] for s in (await moderator.request("botkit_list_sanctions"))["sanctions"]] == ["ban"]  # type: ignore[union-attr, call-overload, index]


async def test_snapshot_tells_who_is_where_page_by_page(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world() as (gateway, moderator, ann, bob):
        ledger = gateway.hubs["test-app"].ledger
        page = await moderator.request("botkit_snapshot")
        assert page["more"] is False
        assert (page["ms"], page["epoch"], page["seq"]) == (gateway.clock.ms(), ledger.epoch, ledger.last)
        assert page["sessions"] == [
            {"account": "ann", "uid": ann.uid, "channel": "lobby"},
            {"account": "bob", "uid": bob.uid, "channel": "lobby"},
            {"account": "server", "uid": moderator.uid, "channel": ""},
        ]
        monkeypatch.setattr("botkit.wire.admin.SNAPSHOT_PAGE", 2)
        first = await moderator.request("botkit_snapshot")
        assert first["more"] is True
        rest = await moderator.request("botkit_snapshot", after="bob")
        assert rest["more"] is False
        assert [s["account"] for s in rest["sessions"]] == ["server"]  # type: ignore[union-attr, call-overload, index]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("botkit_mute", {"account": "a b"}),
        ("botkit_mute", {"account": "ann", "channel": "c" * 129}),
        ("botkit_mute", {"account": "ann", "seconds": -1}),
        ("botkit_mute", {"account": "ann", "reason": "r" * 257}),
        ("botkit_ban", {"account": ""}),
        ("botkit_ban", {"account": "server"}),
        ("botkit_kick", {"account": "ann", "channel": ""}),
        ("botkit_close_channel", {"channel": ""}),
    ],
)
async def test_bad_parameters_are_refused(
    function: str, arguments: dict[str, str], autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "server") as moderator:
        with pytest.raises(Refusal) as refusal:
            await moderator.request(function, **arguments)
        assert refusal.value.code in (1001, 1004, 1005)


async def test_sanctions_that_lapsed_are_let_go(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "server") as moderator:
        for number in range(5):
            await moderator.request("botkit_mute", account=f"user-{number}", seconds=10)
        for second in range(62):
            await trio.sleep(1)
            await moderator.send(f'["ping",{second}]')
        assert (await store.load()).sanctions == []


async def test_users_change_things_at_a_bounded_rate_and_servers_as_they_must(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with world() as (gateway, moderator, ann, _):
        for number in range(198):
            await ann.request("user_set_attr", name="n", value=str(number))
        await ann.request("channel_leave", name="lobby")
        with pytest.raises(Refusal, match="at most 200 changes"):
            await ann.request("channel_join", name="lobby")
        assert gateway.counters.fast_changes.value == 1
        for number in range(300):
            await moderator.request("user_set_attr", name="n", value=str(number))
        await trio.sleep(1)
        await ann.request("channel_join", name="lobby")
