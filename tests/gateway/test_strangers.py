"""Accounts that never logged in: messages may wait for them, but anybody can make such names up."""

import pytest
import trio

from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import Refusal, WirePeer, open_test_gateway


async def minutes(peer: WirePeer, count: int) -> None:
    """Let time pass without being taken for dead."""
    for _ in range(count * 6):
        await trio.sleep(10)
        await peer.send('["ping",1]')


async def test_nothing_is_left_of_names_that_nobody_has(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        for number in range(50):
            await ann.request("user_sendmsg", peer=f"made-up-{number}", flag="v1:E:30", t="instant", content="hi")
        mailboxes = gateway.hubs["test-app"].mailboxes
        assert len(mailboxes._inboxes) >= 50
        await minutes(ann, 2)
        assert set(mailboxes._inboxes) <= {"ann"}
        assert set((await store.load()).inboxes) <= {("test-app", "ann")}


async def test_messages_for_an_account_that_comes_later_are_kept(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("user_sendmsg", peer="zoe", flag="v1:E:600", t="instant", content="hi")
        await minutes(ann, 2)
        async with WirePeer.connect(gateway.connector, "zoe") as zoe:
            assert await zoe.next_inbox() == [("instant", "hi")]


async def test_their_number_is_bounded(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botkit.gateway.mailboxes.MAX_STRANGERS", 2)
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob"),
    ):
        for peer in ("made-up-1", "made-up-2", "made-up-1", "bob"):
            await ann.request("user_sendmsg", peer=peer, flag="v1:E:30", t="instant", content="hi")
        with pytest.raises(Refusal, match="never logged in") as refusal:
            await ann.request("user_sendmsg", peer="made-up-3", flag="v1:E:30", t="instant", content="hi")
        assert refusal.value.code == 400
        assert gateway.counters.refused_strangers.value == 1
