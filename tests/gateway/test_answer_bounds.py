"""No answer is too large for its peer, whatever others have put into it: refused before, cut, or told in pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from msgspec import convert

from botkit.gateway.server import Gateway
from botkit.gateway.session import Session, new_rate
from botkit.gateway.settings import GatewaySettings
from botkit.stores.gateway import ChannelAttributeSet, MemoryGatewayStore, UserAttributeSet
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.types import Account, ChannelName, JsonValue, Uid
from botkit.wire.admin import SANCTION_PAGE, LedgerPage, SanctionList, SnapshotPage
from botkit.wire.limits import MAX_GATEWAY_FRAME_BYTES
from botkit.wire.replies import nested_size

SMALL = GatewaySettings(apps=(), send_buffer=256 * 1024)
ENVELOPE = 300
"""What an answer is besides its lists, at most."""

WORST = '"' * 128


class Ruler(WirePeer):
    """A peer that measures the answers that it gets."""

    largest = 0

    async def receive(self) -> list[JsonValue]:
        data = await self._transport.receive()
        self.largest = max(self.largest, len(data.encode()) if isinstance(data, str) else len(data))
        frame: list[JsonValue] = msgspec.json.decode(data)
        return frame


@asynccontextmanager
async def ruler(gateway: Gateway, account: str) -> AsyncIterator[Ruler]:
    async with gateway.connector() as transport:
        peer = Ruler(transport)
        await peer.login(account)
        peer.largest = 0
        yield peer


def crowd(gateway: Gateway, names: list[str], channel: str) -> None:
    """Members without a connection, as if they were waited for."""
    hub = gateway.hubs[TEST_APP]
    for number, name in enumerate(names, 1000):
        session = Session(TEST_APP, Account(name), Uid(number), new_rate())
        hub.sessions.restore(session, 0)
        hub.channels.restore(session, hub.channels.open(ChannelName(channel)))


def impose(gateway: Gateway, names: list[str], *, reason: str) -> None:
    sanctions = gateway.hubs[TEST_APP].sanctions
    for name in names:
        sanctions.impose("ban", Account(name), "", seconds=0, reason=reason, moderator=Account("server"))


def test_an_answer_is_half_of_what_its_peer_takes() -> None:
    assert GatewaySettings(apps=(), send_buffer=1000).answer_bytes == 500
    assert GatewaySettings(apps=()).answer_bytes == 2 * 1024 * 1024
    assert GatewaySettings(apps=(), send_buffer=1024**3).answer_bytes == MAX_GATEWAY_FRAME_BYTES // 2


async def fill(peer: WirePeer, function: str, value: str, **where: str) -> Refusal:
    """Set attributes until one is refused."""
    for number in range(1000):
        try:
            await peer.request(function, name=f"a{number}", value=value, **where)
        except Refusal as refusal:
            return refusal
    raise AssertionError("nothing is refused")


@pytest.mark.parametrize("settings", [SMALL, GatewaySettings(apps=())])
async def test_nobody_makes_a_channel_that_nobody_can_join(
    settings: GatewaySettings, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "mallory") as mallory:
        await mallory.request("channel_join", name="lobby")
        refusal = await fill(mallory, "channel_set_attr", "\x01" * 8096, channel="lobby")
        assert refusal.code == 1005
        assert refusal.reason.startswith("the attributes of a channel are too large: ")
        assert gateway.counters.refused_attributes.values == {"each": 1}
        async with ruler(gateway, "ann") as ann:
            attributes = (await ann.request("channel_join", name="lobby"))["attrs"]
            assert isinstance(attributes, dict)
            assert set(attributes.values()) == {"\x01" * 8096}
            assert settings.answer_bytes * 0.4 < ann.largest < settings.answer_bytes
            assert gateway.counters.cut_answers.value == 0


@pytest.mark.parametrize("letter", ["a", '"', "日"])
async def test_the_border_of_a_channels_attributes(letter: str, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway(SMALL) as gateway, ruler(gateway, "ann") as ann:
        await ann.request("channel_join", name="lobby")
        channel = gateway.hubs[TEST_APP].channels.get("lobby")
        assert channel is not None

        async def set_attribute(name: str, value: str) -> None:
            await ann.request("channel_set_attr", channel="lobby", name=name, value=value)

        room = SMALL.answer_bytes // 2
        await fill(ann, "channel_set_attr", letter * 2000, channel="lobby")
        rest = room - channel.attributes.size - nested_size("last") - nested_size("") - len(":,")
        await set_attribute("last", "x" * rest)
        assert channel.attributes.size == room
        for name, value in [("last", "x" * (rest + 1)), ("one more", "")]:
            with pytest.raises(Refusal) as refusal:
                await set_attribute(name, value)
            assert refusal.value.code == 1005
        await set_attribute("last", "y" * rest)
        ann.largest = 0
        attributes = (await ann.request("channel_join", name="lobby"))["attrs"]
        assert isinstance(attributes, dict)
        assert attributes["last"] == "y" * rest
        assert room <= ann.largest <= room + ENVELOPE
        # What was removed, or became less, makes room.
        await ann.request("channel_del_attr", channel="lobby", name="a0")
        await set_attribute("one more", "")
        await set_attribute("last", "")
        await ann.request("channel_clear_attr", channel="lobby")
        assert channel.attributes.size == 0


async def test_a_users_attributes_are_bounded_as_well(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), send_buffer=256 * 1024)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "mallory") as mallory:
        refusal = await fill(mallory, "user_set_attr", '"' * 1024)
        assert (refusal.code, "the attributes of a user are too large" in refusal.reason) == (1005, True)
        async with ruler(gateway, "ann") as ann:
            await ann.request("user_get_attr_all", account="mallory")
            assert settings.answer_bytes * 0.9 < ann.largest <= settings.answer_bytes + ENVELOPE


async def test_attributes_from_before_the_bound_are_kept_and_cut_where_they_are_told(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store, value = MemoryGatewayStore(), '"' * 8000
    lobby = ChannelName("lobby")
    for number in range(10):
        name = f"a{number}"
        await store.commit([ChannelAttributeSet(app=TEST_APP, channel=lobby, name=name, value=value)])
        await store.commit([UserAttributeSet(app=TEST_APP, account=Account("old"), name=name, value=value)])
    async with open_test_gateway(SMALL, store=store) as gateway, ruler(gateway, "ann") as ann:
        attributes = (await ann.request("channel_join", name="lobby"))["attrs"]
        assert attributes == {"a0": value, "a1": value}
        assert len(str((await ann.request("user_get_attr_all", account="old"))["json"])) > 3 * 8000
        assert (await ann.request("user_get_attr", account="old", name="a9"))["value"] == value
        assert ann.largest < SMALL.answer_bytes + ENVELOPE
        assert gateway.counters.cut_answers.values == {"channel_join": 1, "user_get_attr_all": 1}
        # They may become fewer or smaller, not more.
        await ann.request("channel_set_attr", channel="lobby", name="a9", value="")
        with pytest.raises(Refusal):
            await ann.request("channel_set_attr", channel="lobby", name="a9", value="x")


async def test_a_list_of_members_has_the_latest_that_fit(autojump_clock: trio.testing.MockClock) -> None:
    names = [f"{number:03}{WORST[3:]}" for number in range(400)]
    async with open_test_gateway(SMALL) as gateway, ruler(gateway, "ann") as ann:
        crowd(gateway, names, "room")
        listed = await ann.request("channel_query_userlist_all", name="room")
        accounts = [account for account, _ in convert(listed["list"], list[tuple[str, int]])]
        assert listed["num"] == 400
        assert accounts == names[-len(accounts) :]
        assert SMALL.answer_bytes * 0.9 < ann.largest <= SMALL.answer_bytes + ENVELOPE
        assert gateway.counters.cut_answers.values == {"channel_query_userlist_all": 1}
        assert len((await ann.request("channel_query_userlist", name="room"))["list"]) == 200  # type: ignore[arg-type]
        joined = convert((await ann.request("channel_join", name="room"))["list"], list[tuple[str, int]])
        assert (joined[-1][0], joined[-2][0]) == ("ann", names[-1])
        assert 100 < len(joined) < 200
        assert ann.largest <= SMALL.answer_bytes + ENVELOPE


async def test_short_names_are_all_listed(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, ruler(gateway, "ann") as ann:
        crowd(gateway, [f"user{number}" for number in range(10_000)], "room")
        listed = await ann.request("channel_query_userlist_all", name="room")
        assert len(listed["list"]) == 10_000  # type: ignore[arg-type]
        assert gateway.counters.cut_answers.value == 0


async def test_snapshots_come_in_pages_that_fit(autojump_clock: trio.testing.MockClock) -> None:
    names = sorted(f"{number:03}{WORST[3:]}" for number in range(400))
    async with open_test_gateway(SMALL) as gateway, ruler(gateway, "server") as server:
        crowd(gateway, names, WORST)
        seen: list[str] = []
        pages, more = 0, True
        while more:
            page = convert(await server.request("botkit_snapshot", after=seen[-1] if seen else ""), SnapshotPage)
            seen += [session.account for session in page.sessions]
            pages, more = pages + 1, page.more
        assert seen == sorted([*names, "server"])
        assert 3 <= pages <= 5
        assert server.largest <= SMALL.answer_bytes + ENVELOPE


@pytest.mark.parametrize("count", [SANCTION_PAGE - 1, SANCTION_PAGE, SANCTION_PAGE + 1])
async def test_sanctions_come_in_pages(count: int, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, ruler(gateway, "server") as server:
        impose(gateway, [f"{number:04}" for number in range(count)], reason="")
        page = convert(await server.request("botkit_list_sanctions"), SanctionList)
        assert [sanction.account for sanction in page.sanctions] == [
            f"{number:04}" for number in range(min(count, SANCTION_PAGE))
        ]
        assert page.more is (count > SANCTION_PAGE)


async def test_sanctions_come_in_pages_that_fit(autojump_clock: trio.testing.MockClock) -> None:
    names = [f"{number:03}{WORST[3:]}" for number in range(400)]
    async with open_test_gateway(SMALL) as gateway, ruler(gateway, "server") as server:
        impose(gateway, names, reason='"' * 256)
        seen: list[tuple[str, str, str]] = []
        pages, more = 0, True
        while more:
            after: list[JsonValue] = list(seen[-1]) if seen else ["", "", ""]
            page = convert(await server.request("botkit_list_sanctions", after=after), SanctionList)
            seen += [(sanction.account, sanction.channel, sanction.kind) for sanction in page.sanctions]
            pages, more = pages + 1, page.more
        assert seen == [(name, "", "ban") for name in names]
        assert 4 <= pages <= 8
        assert server.largest <= SMALL.answer_bytes + ENVELOPE
        one = await server.request("botkit_list_sanctions", account=names[7])
        assert [sanction.account for sanction in convert(one, SanctionList).sanctions] == [names[7]]


async def test_an_inbox_is_read_in_pages_that_fit(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway(SMALL) as gateway, WirePeer.connect(gateway.connector, "mallory") as mallory:
        for number in range(30):
            text = f"{number:02}" + "\x01" * 8190
            await mallory.request("user_sendmsg", peer="ann", flag="v1:E:60", t="instant", content=text)
        async with ruler(gateway, "ann") as ann:
            texts: list[str] = []
            while len(texts) < 30:
                texts += [content[:2] for _, content in await ann.next_inbox()]
            assert texts == [f"{number:02}" for number in range(30)]
            assert 50_000 < ann.largest <= SMALL.answer_bytes + ENVELOPE


async def test_the_ledger_is_read_in_pages_that_fit(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway(SMALL) as gateway, ruler(gateway, "server") as server:
        await server.request("channel_join", name="lobby")
        for number in range(20):
            await server.request("channel_set_attr", channel="lobby", name="n", value=f"{number:02}" + "日" * 2600)
        server.largest, seqs = 0, list[int]()
        while not seqs or seqs[-1] < gateway.hubs[TEST_APP].ledger.last:
            page = convert(
                await server.request("botkit_read_ledger", epoch="", after=seqs[-1] if seqs else 0), LedgerPage
            )
            seqs += [event.seq for event in page.events]
        assert seqs == list(range(1, 23))
        assert SMALL.answer_bytes // 2 < server.largest <= SMALL.answer_bytes + ENVELOPE
