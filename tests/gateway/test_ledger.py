"""The ledger: one row of numbers, read from a cursor, with what is gone as a gap."""

from pathlib import Path
from typing import get_args

import pytest
import trio
from msgspec import convert

from botkit.gateway.settings import GatewaySettings
from botkit.stores.gateway import MemoryGatewayStore, open_gateway_store
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonObject
from botkit.wire import ledger
from botkit.wire.admin import LedgerPage
from botkit.wire.ledger import DATA_KEYS, EventName, decode_event
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL, USER_ONLINE_CHANNEL


async def page(peer: WirePeer, **cursor: str | int) -> LedgerPage:
    result: JsonObject = await peer.request("botkit_read_ledger", **cursor)
    return convert(result, LedgerPage)


@pytest.mark.row("G06")
async def test_everything_that_happens_is_in_there_once_and_in_order(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "server") as server:
        async with WirePeer.connect(gateway.connector, "ann") as ann, WirePeer.connect(gateway.connector, "bob"):
            await ann.request("channel_join", name="lobby")
            await ann.request("channel_set_attr", channel="lobby", name="topic", value="x")
            await ann.request("user_set_attr", name="mood", value="good")
            await ann.request("voip_invite", channelName="c", peer="bob", extra="")
            await server.request("botkit_mute", account="ann", reason="loud")
            await ann.request("user_logout")
        read = await page(server)
        told = [(event.event, event.account, event.reason) for event in read.events]
        assert told == [
            ("user_online", "server", ""),
            ("user_online", "ann", ""),
            ("user_online", "bob", ""),
            ("channel_join", "ann", ""),
            ("channel_attribute", "ann", "update"),
            ("user_attribute", "ann", "update"),
            ("call", "ann", "invited"),
            ("sanction", "ann", "mute"),
            ("call", "ann", "ended"),
            ("channel_leave", "ann", "logout"),
            ("user_offline", "ann", "logout"),
            ("user_offline", "bob", "disconnected"),
        ]
        assert [event.seq for event in read.events] == list(range(1, len(told) + 1))
        assert (read.last, read.gap) == (len(told), None)
        presence = [event for event in read.events if event.event.startswith("user_o")]
        assert [event.prev for event in presence] == [0, *(event.seq for event in presence[:-1])]


@pytest.mark.row("G06")
async def test_reading_on_from_a_cursor_page_by_page(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "server") as server:
        for number in range(5):
            await server.request("user_set_attr", name="n", value=str(number))
        first = await page(server, limit=2)
        second = await page(server, epoch=first.epoch, after=2, limit=2)
        rest = await page(server, epoch=first.epoch, after=4)
        assert [event.seq for event in (*first.events, *second.events, *rest.events)] == [1, 2, 3, 4, 5, 6]
        assert (await page(server, epoch=first.epoch, after=6)).events == ()
        assert (await page(server, epoch=first.epoch, after=6)).gap is None


@pytest.mark.row("G06")
async def test_what_was_forgotten_is_a_gap_and_never_silence(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), ledger_events=3)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "server") as server:
        epoch = gateway.hubs["test-app"].ledger.epoch
        for number in range(9):
            await server.request("user_set_attr", name="n", value=str(number))
        for second in range(65):
            await trio.sleep(1)
            await server.send(f'["ping",{second}]')
        behind = await page(server, epoch=epoch, after=4)
        assert behind.gap is not None
        assert (behind.gap.after, behind.gap.before) == (4, 8)
        assert [event.seq for event in behind.events] == [8, 9, 10]
        assert (await page(server, epoch=epoch, after=7)).gap is None
        assert (await page(server)).gap is None, "who asks from the start of what is kept misses nothing"
        for foreign, after in (("another", 9), (epoch, 99)):
            told = await page(server, epoch=foreign, after=after)
            assert told.gap is not None
            assert [event.seq for event in told.events] == [8, 9, 10]


async def test_old_events_are_forgotten_by_age_too(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), ledger_days=30 / 86_400)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "server") as server:
        for second in range(65):
            await trio.sleep(1)
            await server.send(f'["ping",{second}]')
            await server.request("user_set_attr", name="n", value=str(second))
        assert (await page(server)).events[0].seq > 2


async def test_epoch_and_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    async def run() -> LedgerPage:
        async with (
            open_gateway_store(f"sqlite:///{tmp_path}/gateway.db") as store,
            open_test_gateway(store=store) as gateway,
            WirePeer.connect(gateway.connector, "server") as server,
        ):
            return await page(server)

    first, second = await run(), await run()
    assert first.epoch == second.epoch
    assert [event.seq for event in second.events] == [1, 2, 3]
    assert [event.reason for event in second.events] == ["", "disconnected", ""]


async def test_without_its_past_a_gateway_starts_a_new_epoch(autojump_clock: trio.testing.MockClock) -> None:
    epochs = set()
    for _ in range(2):
        async with (
            open_test_gateway(store=MemoryGatewayStore()) as gateway,
            WirePeer.connect(gateway.connector, "server") as server,
        ):
            epochs.add((await page(server)).epoch)
    assert len(epochs) == 2


@pytest.mark.row("M13a", "M13b")
async def test_special_channels_carry_the_ledgers_own_numbers(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "server-1") as presence,
        WirePeer.connect(gateway.connector, "server-2") as membership,
    ):
        await presence.request("channel_join", name=USER_ONLINE_CHANNEL)
        await membership.request("channel_join", name=CHANNEL_EVENT_CHANNEL)
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            await ann.request("channel_join", name="lobby")
        heard = [await presence.next_notice(), await membership.next_notice()]
        heard += [await membership.next_notice(), await presence.next_notice()]
        events = [decode_event(str(notice.content["msg"])) for notice in heard]
        assert events == list((await page(membership, epoch=events[0].epoch, after=2)).events)


async def test_the_ledger_is_for_servers_and_pages_are_bounded(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        with pytest.raises(Refusal, match="server accounts"):
            await page(ann)
        for limit in (0, 1001):
            with pytest.raises(Refusal, match="limit"):
                await page(server, limit=limit)
        await ann.request("channel_join", name="lobby")
        for number in range(20):
            await ann.request("channel_set_attr", channel="lobby", name=f"n{number}", value="v" * 8000)
        seqs: list[int] = []
        while not seqs or seqs[-1] < gateway.hubs["test-app"].ledger.last:
            seqs += [event.seq for event in (await page(server, epoch="", after=seqs[-1] if seqs else 0)).events]
        assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.row("G06")
async def test_every_event_has_the_keys_that_are_written_down(autojump_clock: trio.testing.MockClock) -> None:
    """All kinds of events, each with all of its reasons that a peer can bring about."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector) as server:
        await server.login("server", resumable=True)
        ms = gateway.clock.ms()
        async with WirePeer.connect(gateway.connector, "ann") as ann, WirePeer.connect(gateway.connector, "bob") as bob:
            for peer in (ann, bob):
                await peer.request("channel_join", name="lobby")
            await ann.request("user_set_attr", name="mood", value="")
            await ann.request("channel_set_attr", channel="lobby", name="topic", value="x")
            await ann.request("channel_del_attr", channel="lobby", name="topic")
            await ann.request("channel_clear_attr", channel="lobby")
            await ann.request("voip_invite", channelName="c", peer="bob", extra='{"_timeout":1}')
            await ann.request("voip_invite", channelName="d", peer="bob", extra="")
            assert len(await bob.next_inbox()) == 2
            await bob.request("voip_invite_accept", channelName="d", peer="ann", extra="")
            await trio.sleep(2)
            await server.request("botkit_mute", account="ann", channel="lobby", reason="loud", seconds=60)
            await server.request("botkit_unmute", account="ann", channel="lobby")
            await server.request("botkit_mute", account="stranger")
            await server.request("botkit_hold", channel="lobby")
            await server.request("botkit_release", channel="lobby")
            await server.request("botkit_kick", account="bob", channel="lobby", reason="out")
            await server.request("botkit_close_channel", channel="lobby", reason="late")
            await server.request("botkit_ban", account="bob")
            await server.request("botkit_unban", account="bob")
        events = (await page(server, limit=1000)).events
    for event in events:
        assert event.data.keys() == DATA_KEYS[event.event], event
    assert {event.event for event in events} == set(get_args(EventName)) == set(DATA_KEYS)

    def data_of(name: EventName, reason: str = "") -> dict[str, str]:
        return next(event.data for event in events if event.event == name and event.reason == reason)

    assert data_of("user_attribute", "update") == {"name": "mood", "value": ""}
    assert data_of("channel_attribute", "update") == {"name": "topic", "value": "x"}
    assert data_of("channel_attribute", "del") == {"name": "topic", "value": ""}
    assert data_of("channel_attribute", "clear") == {"name": "", "value": ""}
    muted = data_of("sanction", "mute")
    assert (muted["moderator"], muted["why"]) == ("server", "loud")
    assert int(muted["until_ms"]) == pytest.approx(ms + 62_000, abs=50)
    for reason in ("unmute", "ban", "unban"):
        assert data_of("sanction", reason) == {"moderator": "server", "why": "", "until_ms": "0"}
    assert data_of("kick") == {"moderator": "server", "why": "out"}
    assert data_of("channel_closed") == {"why": "late"}
    calls = [(event.reason, event.data) for event in events if event.event == "call"]
    assert {reason for reason, _ in calls} >= {"invited", "failed", "connected", "ended"}
    assert all(data == {"peer": "bob"} for _, data in calls)
    moderators = {event.account for event in events if event.event in ("hold", "channel_closed")}
    assert moderators == {"server"}


def test_the_table_in_the_docs_names_each_event_and_its_keys() -> None:
    assert ledger.__doc__ is not None
    known = frozenset[str]().union(*DATA_KEYS.values())
    for name, keys in DATA_KEYS.items():
        row = ledger.__doc__[ledger.__doc__.index(f"\n``{name}``") :]
        row = row[: min(row.find(end, 1) for end in ("\n``", "\n===") if row.find(end, 1) > 0)]
        assert {key for key in known if f"``{key}``" in row} == keys, name
