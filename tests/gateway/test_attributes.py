"""Attributes of channels and users: borders, notices and their limit, the built-ins that count members."""

import pytest
import trio

from botkit.gateway.attribute_set import MAX_ATTRIBUTES
from botkit.gateway.settings import GatewaySettings
from botkit.testing import Notice, Refusal, WirePeer, open_test_gateway
from botkit.types import JsonValue
from tests.gateway.lobbies import UPDATE, lobby, set_attribute

DELETE, CLEAR = "channel_del_attr", "channel_clear_attr"


async def refusal_of(peer: WirePeer, function: str, **arguments: JsonValue) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await peer.request(function, **arguments)
    return refusal.value


async def next_change(peer: WirePeer) -> tuple[JsonValue, JsonValue, JsonValue]:
    """Name, value and type of the next attribute notice."""
    notice = await peer.next_notice("channel_attr_update")
    return change_in(notice)


def change_in(notice: Notice) -> tuple[JsonValue, JsonValue, JsonValue]:
    return notice.content["name"], notice.content["value"], notice.content["type"]


@pytest.mark.row("M15", "M16", "M17", "C16")
async def test_all_members_are_told_of_update_del_and_clear(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        await set_attribute(ann, "topic", "wether")
        await set_attribute(bob, "topic", "weather")
        await set_attribute(bob, "mood", "")
        await ann.request(DELETE, channel="lobby", name="topic")
        await ann.request(DELETE, channel="lobby", name="never set")
        await bob.request(CLEAR, channel="lobby")
        for peer in (ann, bob):
            notices = [await peer.next_notice() for _ in range(6)]
            assert [change_in(notice) for notice in notices] == [
                ("topic", "wether", "update"),
                ("topic", "weather", "update"),
                ("mood", "", "update"),
                ("topic", "", "del"),
                ("never set", "", "del"),
                ("", "", "clear"),
            ]
            assert [notice.content["account"] for notice in notices] == ["ann", "bob", "bob", "ann", "ann", "bob"]
            assert notices[0].content["uid"] == ann.uid
            assert notices[0].content["channel"] == "lobby"
        assert (await ann.request("channel_join", name="lobby"))["attrs"] == {}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("n" * 128, "", 0),
        ("n" * 129, "", 1005),
        ("ü" * 64, "", 0),
        ("ü" * 64 + "n", "", 1005),
        ("", "x", 1004),
        ("a\nb", "x", 1004),
        ("n", "v" * 8096, 0),
        ("n", "v" * 8097, 1005),
        ("n", "日" * 2698 + "vv", 0),
        ("n", "日" * 2699, 1005),
    ],
)
@pytest.mark.row("M15", "G04")
async def test_channel_attribute_borders(
    name: str, value: str, code: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        if code:
            assert (await refusal_of(ann, UPDATE, channel="lobby", name=name, value=value)).code == code
            assert await ann.is_silent()
        else:
            await set_attribute(ann, name, value)
            assert await next_change(ann) == (name, value, "update")
            assert (await ann.request("channel_join", name="lobby"))["attrs"] == {name: value}


async def test_a_channel_has_100_attributes_at_most(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        for number in range(MAX_ATTRIBUTES):
            await set_attribute(ann, f"a{number}", "x")
        assert (await refusal_of(ann, UPDATE, channel="lobby", name="one more", value="x")).code == 1005
        await trio.sleep(20)
        await set_attribute(ann, "a0", "changed")
        await ann.request(DELETE, channel="lobby", name="a1")
        await set_attribute(ann, "one more", "x")
        attributes = (await ann.request("channel_join", name="lobby"))["attrs"]
        assert isinstance(attributes, dict)
        assert len(attributes) == MAX_ATTRIBUTES


@pytest.mark.row("M15")
async def test_only_members_and_servers_change_a_channel(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        lobby(gateway, "ann") as (ann,),
        WirePeer.connect(gateway.connector, "bob") as bob,
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        for function, arguments in [(UPDATE, {"name": "n", "value": "v"}), (DELETE, {"name": "n"}), (CLEAR, {})]:
            refusal = await refusal_of(bob, function, channel="lobby", **arguments)
            assert (refusal.code, refusal.reason) == (1001, "not a member of lobby")
        assert await ann.is_silent()
        await set_attribute(server, "n", "v")
        assert await next_change(ann) == ("n", "v", "update")
        refusal = await refusal_of(server, UPDATE, channel="__agora_user_online", name="n", value="v")
        assert refusal.code == 1001


@pytest.mark.row("C16", "G04")
async def test_at_most_ten_notices_in_a_second_and_the_last_value_always(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        await trio.sleep(0.0054656920976360115 - trio.current_time())  # a moment at which floats round unkindly
        for number in range(50):
            await set_attribute(ann, "score", str(number))
        await set_attribute(ann, "other", "x")
        await ann.request(DELETE, channel="lobby", name="gone")
        started = trio.current_time()
        told = [await next_change(bob) for _ in range(10)]
        assert told == [("score", str(number), "update") for number in range(10)]
        assert await bob.is_silent(0.9)
        assert [await next_change(bob) for _ in range(3)] == [
            ("score", "49", "update"),
            ("other", "x", "update"),
            ("gone", "", "del"),
        ]
        assert 0.9 <= trio.current_time() - started <= 1.1
        assert await bob.is_silent(3)
        assert gateway.counters.delayed_attributes.value == 42
        await set_attribute(ann, "score", "50")
        assert await next_change(bob) == ("score", "50", "update")


@pytest.mark.row("C16")
async def test_held_back_notices_are_released_ten_a_second(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        for number in range(35):
            await set_attribute(ann, f"a{number}", "x")
        arrivals: list[float] = []
        for number in range(35):
            assert await next_change(ann) == (f"a{number}", "x", "update")
            arrivals.append(trio.current_time())
        assert [round(arrival - arrivals[0]) for arrival in arrivals] == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 5


async def test_a_clear_makes_held_back_notices_pointless(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        for number in range(15):
            await set_attribute(ann, f"a{number}", "x")
        await ann.request(CLEAR, channel="lobby")
        await set_attribute(ann, "a0", "y")
        told = [await next_change(ann) for _ in range(12)]
        assert told[10:] == [("", "", "clear"), ("a0", "y", "update")]
        assert await ann.is_silent(3)


async def test_no_flood_of_names_makes_the_backlog_grow_without_bound(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), changes_per_second=1000)
    async with open_test_gateway(settings) as gateway, lobby(gateway, "ann") as (ann,):
        refusals: list[Refusal] = []
        for number in range(500):
            try:
                await ann.request(DELETE, channel="lobby", name=f"name {number}")
            except Refusal as refusal:
                refusals.append(refusal)
        assert len(refusals) == 500 - 10 - 2 * MAX_ATTRIBUTES
        assert {refusal.code for refusal in refusals} == {1001}
        assert "too fast" in refusals[0].reason
        # What is told already about a name may still change, and nothing is refused once there is room.
        await set_attribute(ann, "name 50", "x")
        await trio.sleep(25)
        await set_attribute(ann, "fresh", "x")
