"""How large a ledger may become: counted by blocks, cut from its oldest end, told as a gap, kept over a restart."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert

from botkit.gateway.ledger_size import BLOCK_BYTES, BLOCK_EVENTS, LedgerSize
from botkit.gateway.settings import GatewaySettings
from botkit.stores.gateway import LedgerBlock, MemoryGatewayStore
from botkit.testing import TEST_APP, WirePeer, open_test_gateway
from botkit.wire.admin import LedgerPage


def size_of(*sizes: int) -> LedgerSize:
    """A ledger with a block of each size."""
    return LedgerSize(
        LedgerBlock(first=10 * number + 1, last=10 * number + 10, ms=1000 * number, size=size)
        for number, size in enumerate(sizes)
    )


def test_the_oldest_blocks_go_beyond_the_bound() -> None:
    size = size_of(5, 6, 7)
    assert (size.total, size.first) == (18, 1)
    assert (size.shrink(18), size.total) == (0, 18)
    assert (size.shrink(17), size.total, size.first) == (10, 13, 11)
    assert (size.shrink(12), size.total, size.first) == (20, 7, 21)
    assert (size.shrink(0), size.total, size.first) == (0, 7, 21), "the newest stays"


def test_what_is_gone_anyway_is_not_counted() -> None:
    size = size_of(5, 6, 7)
    size.forget(9, 0)
    assert size.total == 18
    size.forget(10, 0)
    assert size.total == 13
    size.forget(0, 1000)
    assert size.total == 13
    size.forget(0, 1001)
    assert (size.total, size.first) == (7, 21)
    size.forget(30, 0)
    assert (size.total, size.first) == (0, 0)
    size.add(31, 0, 4)
    assert (size.total, size.first) == (4, 31)


def test_a_block_ends_with_its_events_or_its_bytes() -> None:
    size = LedgerSize([])
    for seq in range(1, BLOCK_EVENTS + 2):
        size.add(seq, 0, 1)
    assert size.shrink(1) == BLOCK_EVENTS
    for seq in range(1000, 1003):
        size.add(seq, 0, BLOCK_BYTES - 1 if seq == 1000 else 1)
    assert size.shrink(1) == 1001


@given(st.lists(st.integers(0, 30_000), max_size=60), st.integers(0, 300_000))
def test_the_total_is_that_of_the_events_that_are_left(sizes: list[int], most: int) -> None:
    size, cut = LedgerSize([]), 0
    for seq, added in enumerate(sizes, 1):
        size.add(seq, 0, added)
        cut = max(cut, size.shrink(most))
        assert size.total == sum(sizes[cut:seq])
        assert size.total <= most or size.total < BLOCK_BYTES + 30_000


async def read(peer: WirePeer, epoch: str = "", after: int = 0) -> LedgerPage:
    return convert(await peer.request("botkit_read_ledger", epoch=epoch, after=after, limit=1000), LedgerPage)


async def kept_bytes(store: MemoryGatewayStore) -> int:
    return sum(block.size for block in (await store.load()).ledgers[TEST_APP].blocks)


@pytest.mark.row("G06")
async def test_a_ledger_stays_within_its_bytes(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    settings = GatewaySettings(apps=(), ledger_bytes=300_000)
    async with (
        open_test_gateway(settings, store=store) as gateway,
        WirePeer.connect(gateway.connector, "server") as server,
    ):

        async def write(count: int) -> None:
            for _ in range(count):
                await server.request("channel_set_attr", channel="lobby", name="n", value="日" * 2600)
            await gateway.journal.wait_committed()

        await write(37)
        assert 290_000 < await kept_bytes(store) <= 300_000
        assert gateway.counters.cut_ledgers.value == 0
        await write(1)
        cut = gateway.counters.cut_ledgers.values["bytes"]
        assert cut in (9, 10)
        assert 220_000 < await kept_bytes(store) <= 240_000
        epoch = gateway.hubs[TEST_APP].ledger.epoch
        page = await read(server, epoch, 1)
        assert page.gap is not None
        assert (page.gap.after, page.gap.before, page.events[0].seq) == (1, cut + 1, cut + 1)
        assert (await read(server, epoch, cut)).gap is None
        await write(200)
        assert 200_000 < await kept_bytes(store) <= 300_000
    async with (
        open_test_gateway(settings, store=store) as gateway,
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        await server.request("channel_set_attr", channel="lobby", name="n", value="日" * 2600)
        await gateway.journal.wait_committed()
        assert 150_000 < await kept_bytes(store) <= 300_000
    smaller = GatewaySettings(apps=(), ledger_bytes=100_000)
    async with open_test_gateway(smaller, store=store) as gateway, WirePeer.connect(gateway.connector, "server"):
        await gateway.journal.wait_committed()
        assert await kept_bytes(store) <= 100_000


async def test_events_beyond_their_number_are_counted(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), ledger_events=3)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "server") as server:
        for number in range(9):
            await server.request("user_set_attr", name="n", value=str(number))
        for _ in range(13):
            await trio.sleep(10)
            await server.send('["ping",1]')
        assert gateway.counters.cut_ledgers.values == {"events": 7}
        assert [event.seq for event in (await read(server)).events] == [8, 9, 10]


async def test_what_goes_for_its_age_is_not_counted_as_cut(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), ledger_days=30 / 86_400, ledger_events=5)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "server") as server:
        for number in range(BLOCK_EVENTS - 1):
            await server.request("user_set_attr", name="n", value=str(number))
            await trio.sleep(0.01)
        await trio.sleep(10)
        await server.send('["ping",1]')
        for _ in range(5):
            await trio.sleep(15)
            await server.request("user_set_attr", name="n", value="x")
        assert gateway.counters.cut_ledgers.value == 0
