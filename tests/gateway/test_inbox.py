"""Inboxes on the wire: announced, fetched by the page, acknowledged, kept for who is offline, forgotten in time."""

import msgspec
import pytest
import trio

from botkit.gateway.settings import GatewaySettings
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import Account, JsonObject, JsonValue
from botkit.wire.messages import parse_line


async def send(sender: WirePeer, peer: str, *texts: str, ttl: int = 60) -> None:
    for text in texts:
        await sender.request("user_sendmsg", peer=peer, flag=f"v1:E:{ttl}", t="instant", content=text)


async def page(peer: WirePeer, ver_clear: int, most: int = 30) -> tuple[int, list[tuple[int, str]]]:
    """Fetch by hand: ``ver_clear`` of the answer, and version and text of each message."""
    result = await peer.request("user_getmsg", ver_clear=ver_clear, max=most)
    messages = msgspec.convert(result["msgs"], list[tuple[int, str]])
    return int(str(result["ver_clear"])), [(version, parse_line(line).content) for version, line in messages]


@pytest.mark.row("M10", "C07")
async def test_a_message_is_announced_and_fetched_once(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        await send(ann, "bob", "hello bob, how are you?")
        assert await bob.receive() == ["notify", ["msg", 1]]
        result = await bob.request("user_getmsg", ver_clear=0, max=30)
        assert result["ver_clear"] == 0
        ((version, text),) = msgspec.convert(result["msgs"], list[tuple[int, str]])
        assert version == 1
        line = parse_line(text)
        assert (line.source, line.target, line.kind) == ("ann", "bob", "instant")
        assert line.flag.startswith("v1:E:60")
        assert line.content == "hello bob, how are you?"
        assert line.ms == gateway.clock.ms()
        assert await page(bob, 1) == (1, [])
        assert await bob.is_silent()
        assert await ann.is_silent()


@pytest.mark.row("C07")
async def test_messages_come_in_the_order_of_each_sender(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "cid") as cid,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        for number in range(10):
            await send(ann, "bob", f"a{number}")
            await send(cid, "bob", f"c{number}")
        _, messages = await page(bob, 0)
        assert [version for version, _ in messages] == list(range(1, 21))
        assert [text for _, text in messages if text[0] == "a"] == [f"a{number}" for number in range(10)]
        assert [text for _, text in messages if text[0] == "c"] == [f"c{number}" for number in range(10)]


async def test_what_was_not_acknowledged_is_handed_out_again(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await send(ann, "ann", "one", "two", "three")
        assert await page(ann, 0, 2) == (0, [(1, "one"), (2, "two")])
        assert await page(ann, 0, 2) == (0, [(1, "one"), (2, "two")])
        assert await page(ann, 1) == (1, [(2, "two"), (3, "three")])
        # Acknowledged is acknowledged, whatever a confused client says next.
        assert await page(ann, 0) == (1, [(2, "two"), (3, "three")])
        assert await page(ann, 3) == (3, [])
        assert await page(ann, 0) == (3, [])
        await send(ann, "ann", "four")
        assert await page(ann, 0) == (3, [(4, "four")])


async def test_a_client_that_claims_to_have_seen_more_is_never_told_less(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Web clients poll every second while the answer's version is below their own, and drop what is not above it."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        assert await page(ann, 50) == (50, [])
        await send(ann, "ann", "new")
        assert await page(ann, 50) == (50, [(51, "new")])
        assert await page(ann, -7) == (50, [(51, "new")])


@pytest.mark.parametrize("claimed", [2**52, 2**52 + 1, 2**53])
async def test_who_claims_to_have_seen_the_newest_there_can_be_can_still_acknowledge(
    claimed: int, autojump_clock: trio.testing.MockClock
) -> None:
    """Else the next message waits for ever, and a client that fetches until nothing is left never ends."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await page(ann, claimed)
        await send(ann, "ann", "one", "two")
        assert len(await ann.fetch()) == 2
        assert await ann.fetch() == []


async def test_pages_have_30_and_what_is_left_is_announced_behind_each(autojump_clock: trio.testing.MockClock) -> None:
    """The Python SDK never asks again after a full page unless it is told to."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        async with WirePeer.connect(gateway.connector, "cid") as cid:
            await send(cid, "bob", *[f"m{number}" for number in range(30)])
        await send(ann, "bob", *[f"m{number}" for number in range(30, 61)])
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await bob.receive() == ["notify", ["msg", 61]]
            seen: list[tuple[int, str]] = []
            for size, more in [(30, True), (30, True), (1, False)]:
                _, messages = await page(bob, seen[-1][0] if seen else 0, 500)
                assert len(messages) == size
                seen += messages
                if more:
                    assert await bob.receive() == ["notify", ["msg", 61]]
                else:
                    assert await bob.is_silent()
            assert seen == [(number + 1, f"m{number}") for number in range(61)]
            assert await page(bob, 61) == (61, [])
            assert await bob.is_silent()


async def test_what_was_said_of_calls_goes_with_its_session(autojump_clock: trio.testing.MockClock) -> None:
    """It is of no use to the next one, and would keep the call and both its sessions for as long as nobody comes."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        mailboxes = gateway.hubs["test-app"].mailboxes
        async with WirePeer.connect(gateway.connector, "bob"):
            await send(ann, "bob", "note")
            await ann.request("voip_invite", channelName="talk", peer="bob", extra="")
            assert mailboxes.newest(Account("bob")) == 2
        await trio.sleep(1)
        assert mailboxes.newest(Account("bob")) == 1
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert [text for _, text in (await page(bob, 0))[1]] == ["note"]


@pytest.mark.parametrize(("most", "size"), [(0, 1), (-5, 1), (1, 1), (2, 2), (31, 5)])
async def test_page_sizes(most: int, size: int, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await send(ann, "ann", *"abcde")
        assert len((await page(ann, 0, most))[1]) == size


async def test_a_refused_fetch_is_only_refused(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        wrong: list[JsonObject] = [{"line": "foreign"}, {"line": ann.line, "ver_clear": "7"}, {"max": 1.5}]
        for number, arguments in enumerate(wrong):
            await ann.send(msgspec.json.encode(["call2", ["user_getmsg", number, arguments]]))
            assert '"failed"' in str((await ann.receive())[1])
        assert await page(ann, 0) == (0, [])


@pytest.mark.row("M11")
@pytest.mark.parametrize(("ttl", "absence", "delivered"), [(10, 9.9, True), (10, 10.1, False), (2_592_000, 3600, True)])
async def test_a_message_waits_for_an_offline_peer_until_its_ttl(
    ttl: int, absence: float, delivered: bool, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            await send(ann, "bob", "are you there?", ttl=ttl)
        await trio.sleep(absence)
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert [text for _, text in (await page(bob, 0))[1]] == (["are you there?"] if delivered else [])
            assert gateway.counters.expired_messages.value == (0 if delivered else 1)
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            await page(bob, 1)
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await page(bob, 0) == (1, [])


@pytest.mark.row("M11")
@pytest.mark.parametrize("flag", ["v1:E:0", "", "v1:E:", "v1:E:-5", "v2:E:60"])
async def test_without_ttl_nothing_waits_for_an_offline_peer(flag: str, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        arguments: JsonObject = {"flag": flag, "t": "instant", "content": "x"}
        with pytest.raises(Refusal, match="offline") as refusal:
            await ann.request("user_sendmsg", **{**arguments, "peer": "bob"})
        assert refusal.value.code == 400
        await ann.request("user_sendmsg", **{**arguments, "peer": "ann"})
        assert len((await page(ann, 0))[1]) == 1


async def test_offline_messages_can_be_switched_off(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), offline_messages=False)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        with pytest.raises(Refusal, match="offline"):
            await send(ann, "bob", "x")
        await send(ann, "ann", "x")


async def test_a_fresh_client_gets_what_the_one_before_did_not_acknowledge(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector, "ann") as first:
            await send(first, "ann", "one", "two", "three")
            await page(first, 0)
            await page(first, 1)
        async with WirePeer.connect(gateway.connector, "ann") as second:
            assert await second.receive() == ["notify", ["msg", 3]]
            assert await page(second, 0) == (1, [(2, "two"), (3, "three")])
            await page(second, 3)
        async with WirePeer.connect(gateway.connector, "ann") as third:
            assert await third.is_silent()
            assert await page(third, 0) == (3, [])


async def test_a_full_inbox_refuses_and_takes_more_once_it_is_emptied(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), inbox_limit=3)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        await send(ann, "bob", "1", "2", "3")
        with pytest.raises(Refusal, match="inbox full: 3 messages wait") as refusal:
            await send(ann, "bob", "4")
        assert refusal.value.code == 400
        await send(bob, "ann", "other inboxes are not full")
        assert [version for version, _ in (await page(bob, 0))[1]] == [1, 2, 3]
        await page(bob, 1)
        await send(ann, "bob", "5")
        assert (await page(bob, 1))[1][-1] == (4, "5")


async def test_expired_messages_make_room(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), inbox_limit=2)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await send(ann, "bob", "short", ttl=5)
        await send(ann, "bob", "long", ttl=500)
        with pytest.raises(Refusal, match="full"):
            await send(ann, "bob", "no room")
        await trio.sleep(6)
        await send(ann, "bob", "room")
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            assert await page(bob, 0) == (1, [(2, "long"), (3, "room")])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"peer": "a b"}, 1004), ({"peer": ""}, 1004), ({"t": "voip_invite"}, 1004), ({"peer": None}, 1004)],
)
async def test_bad_parameters(
    arguments: dict[str, JsonValue], code: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        good: dict[str, JsonValue] = {"peer": "ann", "flag": "v1:E:60", "t": "instant", "content": "x"}
        with pytest.raises(Refusal) as refusal:
            await ann.request("user_sendmsg", **(good | arguments))
        assert refusal.value.code == code
        assert await page(ann, 0) == (0, [])
