"""How much may wait in inboxes: in each, in all of an app, of one sender; and that the sums stay right."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from botkit.gateway.inbox import MESSAGE_BYTES, Inbox, size_of
from botkit.gateway.quota import NOBODY, Quota
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.stores.changes import InboxSnapshot
from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway

TEXT = "x" * 7000
EACH = 7300
"""About what a message with that text takes."""


async def send(sender: WirePeer, *peers: str, ttl: int = 600) -> list[str]:
    """Send the text to each; why it was refused, empty if it was not."""
    outcomes = []
    for peer in peers:
        try:
            await sender.request("user_sendmsg", peer=peer, flag=f"v1:E:{ttl}", t="instant", content=TEXT)
            outcomes.append("")
        except Refusal as refusal:
            outcomes.append(f"{refusal.code} {refusal.reason}")
    return outcomes


def quota_of(gateway: Gateway) -> Quota:
    return gateway.hubs[TEST_APP].mailboxes._quota


def test_a_quota_has_two_bounds() -> None:
    quota = Quota(together=10, by_account=6)
    quota.take("ann", 4)
    assert [quota.passed("ann", more, more) for more in (2, 3, 7)] == [None, "by account", "together"]
    assert [quota.passed("bob", more, more) for more in (6, 7)] == [None, "together"]
    assert [quota.passed(NOBODY, more, more) for more in (6, 7)] == [None, "together"]
    quota.take(NOBODY, 10)
    assert [quota.passed("bob", more, more) for more in (0, 1)] == [None, "together"]
    quota.take("ann", -4)
    assert (quota.used, quota.used_by("ann"), quota._used_by) == (10, 0, {})


async def test_what_one_account_sends_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), inbox_bytes_per_sender=3 * EACH)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "mallory") as mallory,
        WirePeer.connect(gateway.connector, "server") as server,
        WirePeer.connect(gateway.connector, "ann") as ann,
    ):
        refusal = f"400 too much waits: at most {3 * EACH} bytes of what mallory sent"
        assert await send(mallory, "ann", "zoe", "ann", "zoe") == ["", "", "", refusal]
        assert gateway.counters.full_inboxes.values == {"by account": 1}
        assert await send(ann, "zoe") == [""], "others are not hurt"
        assert await send(server, *["zoe"] * 5) == [""] * 5
        assert await ann.fetch() == [("instant", TEXT)] * 2
        assert await send(mallory, "zoe") != [""], "handed out is not acknowledged"
        assert await ann.fetch() == []
        assert await send(mallory, "zoe", "zoe", "zoe") == ["", "", refusal]


async def test_what_waits_for_all_accounts_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), inbox_bytes=3 * EACH)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        assert await send(ann, "zoe", "bob") == ["", ""]
        assert await send(ann, "zoe", ttl=30) == [""]
        refusal = f"400 too much waits: at most {3 * EACH} bytes of all inboxes"
        assert await send(server, "zoe") == [refusal]
        assert gateway.counters.full_inboxes.values == {"together": 1}
        for _ in range(13):
            await trio.sleep(10)
            for peer in (ann, bob, server):
                await peer.send('["ping",1]')
        assert await send(server, "zoe", "zoe") == ["", refusal], "the third one's time was over"


async def test_calls_are_refused_while_all_inboxes_are_full_and_end_all_the_same(
    autojump_clock: trio.testing.MockClock,
) -> None:
    settings = GatewaySettings(apps=(), inbox_bytes=EACH + 800)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        await ann.request("voip_invite", channelName="c", peer="bob", extra="")
        await bob.next_inbox()
        assert await send(ann, "zoe") == [""]
        quota_of(gateway).take(NOBODY, 800)
        with pytest.raises(Refusal, match="full") as refusal:
            await ann.request("voip_invite", channelName="d", peer="bob", extra="")
        assert refusal.value.code == 700
        await ann.request("voip_invite_bye", channelName="c", peer="bob", extra="")
        assert [kind for kind, _ in await bob.next_inbox()] == ["voip_invite_bye"]


async def test_what_waited_before_a_restart_counts_for_all(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    settings = GatewaySettings(apps=(), inbox_bytes=4 * EACH, inbox_bytes_per_sender=2 * EACH)
    async with open_test_gateway(settings, store=store) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        assert await send(ann, "zoe", "zoe") == ["", ""]
        used = quota_of(gateway).used
    async with open_test_gateway(settings, store=store) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        assert (quota_of(gateway).used, quota_of(gateway).used_by("ann")) == (used, 0)
        assert await send(ann, "zoe", "zoe") == ["", ""]
        assert "all inboxes" in (await send(ann, "zoe"))[0]


async def test_nothing_is_counted_for_a_session_that_is_over(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        async with WirePeer.connect(gateway.connector, "bob"):
            await ann.request("voip_invite", channelName="c", peer="bob", extra="")
            assert quota_of(gateway).used > 0
        async with WirePeer.connect(gateway.connector, "bob"):
            await ann.next_inbox()
            await ann.fetch()
            assert quota_of(gateway).used == 0


acts = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "call", "acknowledge", "expire", "withdraw", "forget", "hand out"]),
        st.integers(0, 12),
        st.sampled_from(["", "ann", "bob"]),
    ),
    max_size=40,
)


@given(acts)
def test_the_sums_are_right_whatever_happens(acts: list[tuple[str, int, str]]) -> None:
    quota = Quota(10**9, 10**9)
    inbox = Inbox(quota, InboxSnapshot(last=2, messages=[(1, "one", 5), (2, "two", 50)]))
    for act, number, sender in acts:
        if act == "add":
            inbox.add("é" * number, number, sender)
        elif act == "call":
            inbox.add("x", 10**9, call=number % 2)
        elif act == "acknowledge":
            inbox.acknowledge(min(number, inbox.last))
        elif act == "expire":
            inbox.expire(number)
        elif act == "withdraw":
            inbox.withdraw_call(number % 2)
        elif act == "forget":
            inbox.forget_calls()
        else:
            inbox.handed_out = max(inbox.handed_out, min(number, inbox.last))
        sizes = [(message.sender, size_of(message.line)) for message in inbox.messages]
        assert quota.used == sum(size for _, size in sizes)
        for account in ("ann", "bob"):
            assert quota.used_by(account) == sum(size for who, size in sizes if who == account)


def test_a_line_takes_its_bytes() -> None:
    assert size_of("é") == 2 + MESSAGE_BYTES
