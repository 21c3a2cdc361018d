"""The attributes that the gateway itself acts on: lifetime, member counts, notices, limits."""

import pytest
import trio

from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonValue
from tests.gateway.lobbies import UPDATE, lobby, set_attribute

DELETE = "channel_del_attr"


async def told_counts(peer: WirePeer, seconds: float) -> list[tuple[JsonValue, JsonValue]]:
    """The built-in counts that ``peer`` is told within ``seconds``."""
    counts: list[tuple[JsonValue, JsonValue]] = []
    await peer.send('["ping",1]')
    with trio.move_on_after(seconds):
        while True:
            notice = await peer.next_notice("channel_attr_update")
            if notice.content["name"] in ("_member_num", "_total_member_num"):
                assert (notice.content["account"], notice.content["uid"]) == ("", 0)
                counts.append((notice.content["name"], notice.content["value"]))
    return counts


async def attributes(peer: WirePeer) -> dict[str, JsonValue]:
    found = (await peer.request("channel_join", name="lobby"))["attrs"]
    assert isinstance(found, dict)
    return found


async def refusal_of(peer: WirePeer, function: str, **arguments: JsonValue) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await peer.request(function, **arguments)
    return refusal.value


@pytest.mark.row("M15a")
async def test_what_a_server_sets_in_an_empty_channel_waits_there(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "server") as server,
        WirePeer.connect(gateway.connector, "ann") as ann,
    ):
        await set_attribute(server, "topic", "prepared")
        await trio.sleep(20)
        assert (await ann.request("channel_join", name="lobby"))["attrs"] == {"topic": "prepared"}


@pytest.mark.row("M15a")
@pytest.mark.parametrize(
    ("ttl", "absence", "kept"),
    [("", 7199, True), ("", 7201, False), ("10", 9, True), ("10", 11, False), ("0", 0.01, False)],
)
async def test_attributes_outlive_the_last_member_by_the_channels_ttl(
    ttl: str, absence: float, kept: bool, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_gateway() as gateway:
        async with lobby(gateway, "ann") as (ann,):
            await set_attribute(ann, "topic", "weather")
            if ttl:
                await set_attribute(ann, "_channel_ttl", ttl)
            await trio.sleep(15)
        await trio.sleep(absence)
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            expected = {"topic": "weather"} | ({"_channel_ttl": ttl} if ttl else {})
            assert (await bob.request("channel_join", name="lobby"))["attrs"] == (expected if kept else {})


@pytest.mark.row("M15a")
async def test_a_visit_starts_the_ttl_anew(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        async with lobby(gateway, "ann") as (ann,):
            await set_attribute(ann, "_channel_ttl", "10")
        for _ in range(3):
            await trio.sleep(8)
            async with lobby(gateway, "ann") as (ann,):
                pass
        await trio.sleep(8)
        assert gateway.hubs["test-app"].channels.get("lobby") is not None
        await trio.sleep(3)
        assert gateway.hubs["test-app"].channels.get("lobby") is None


@pytest.mark.row("M15b")
async def test_member_num_is_told_once_a_period_if_somebody_moved(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        assert "_member_num" not in await attributes(ann)
        await set_attribute(ann, "_auto_update_num", "10")
        assert await told_counts(ann, 10.5) == [("_member_num", "1")]
        assert await told_counts(ann, 15) == []
        async with WirePeer.connect(gateway.connector, "bob") as bob, WirePeer.connect(gateway.connector, "cid") as cid:
            await bob.request("channel_join", name="lobby")
            await cid.request("channel_join", name="lobby")
            await bob.request("channel_leave", name="lobby")
            assert await told_counts(ann, 10) == [("_member_num", "2")]
            assert (await attributes(ann))["_member_num"] == "2"
            await set_attribute(ann, "_auto_update_num", "0")
            await bob.request("channel_join", name="lobby")
            assert await told_counts(ann, 20) == []


@pytest.mark.row("M15b")
async def test_a_new_period_replaces_the_old_one(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        await set_attribute(ann, "_auto_update_num", "5")
        await set_attribute(ann, "_auto_update_num", "20")
        assert await told_counts(ann, 19) == []
        assert await told_counts(ann, 2) == [("_member_num", "1")]


@pytest.mark.row("M15c")
async def test_total_member_num_counts_joins_when_both_timers_run(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        await set_attribute(ann, "_auto_update_total_num", "5")
        assert await told_counts(ann, 12) == []
        await set_attribute(ann, "_auto_update_num", "5")
        for _ in range(3):
            async with WirePeer.connect(gateway.connector, "bob") as bob:
                await bob.request("channel_join", name="lobby")
        assert await told_counts(ann, 5.5) == [("_member_num", "1"), ("_total_member_num", "4")]


@pytest.mark.row("M15b", "M17")
async def test_clearing_the_channel_stops_the_counting(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        await set_attribute(ann, "_auto_update_num", "5")
        assert await told_counts(ann, 6) == [("_member_num", "1")]
        await ann.request("channel_clear_attr", channel="lobby")
        assert await attributes(ann) == {}
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            await bob.request("channel_join", name="lobby")
            assert await told_counts(ann, 20) == []


@pytest.mark.row("C16", "G04")
async def test_counts_share_the_limit_of_ten_notices(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        await set_attribute(ann, "_auto_update_num", "1")
        arrivals: list[float] = []
        with trio.move_on_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(note_arrivals, bob, arrivals)
                for number in range(40):
                    await set_attribute(ann, f"a{number}", "x")
                    await trio.sleep(0.03)
                nursery.start_soon(trio.sleep_forever)
        for start in arrivals:
            assert sum(start <= arrival < start + 1 for arrival in arrivals) <= 10


async def note_arrivals(peer: WirePeer, arrivals: list[float]) -> None:
    while True:
        await peer.next_notice("channel_attr_update")
        arrivals.append(trio.current_time())


@pytest.mark.row("M15d")
async def test_user_notification_0_silences_joins_and_leaves(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        lobby(gateway, "ann") as (ann,),
        WirePeer.connect(gateway.connector, "server") as server,
    ):
        await server.request("channel_join", name="__agora_channel_event")
        await set_attribute(ann, "_userNotification", "0")
        assert (await ann.next_notice()).kind == "channel_attr_update"
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            await bob.request("channel_join", name="lobby")
            await bob.request("channel_sendmsg", name="lobby", msg="hello")
        assert (await ann.next_notice()).kind == "channel_msg"
        assert await ann.is_silent()
        assert ['"channel_join"' in str((await server.next_notice()).content["msg"]) for _ in range(2)] == [True, False]
        await set_attribute(ann, "_userNotification", "1")
        async with WirePeer.connect(gateway.connector, "bob") as bob:
            await bob.request("channel_join", name="lobby")
            assert (await ann.next_notice("channel_user_join")).content["account"] == "bob"


@pytest.mark.row("M15f")
async def test_setattr_limit_caps_each_attribute_by_itself(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        await set_attribute(ann, "_setattr_limit", "2")
        await set_attribute(ann, "a", "1")
        await set_attribute(bob, "a", "2")
        for function, arguments in [(UPDATE, {"name": "a", "value": "3"}), (DELETE, {"name": "a"})]:
            refusal = await refusal_of(ann, function, channel="lobby", **arguments)
            assert refusal.code == 1001
            assert "too fast" in refusal.reason
        await set_attribute(ann, "b", "1")
        assert await attributes(ann) == {"_setattr_limit": "2", "a": "2", "b": "1"}
        await trio.sleep(1)
        await set_attribute(ann, "a", "3")
        await set_attribute(ann, "_setattr_limit", "0")
        assert (await refusal_of(ann, UPDATE, channel="lobby", name="c", value="1")).code == 1001
        await ann.request(DELETE, channel="lobby", name="_setattr_limit")
        for value in "12345":
            await set_attribute(ann, "a", value)


async def test_rates_of_attributes_that_nobody_changes_any_more_are_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        await set_attribute(ann, "_setattr_limit", "5")
        for number in range(150):
            await ann.request(DELETE, channel="lobby", name=f"name {number}")
        await trio.sleep(2)
        await set_attribute(ann, "a", "1")
        channel = gateway.hubs["test-app"].channels.get("lobby")
        assert channel is not None
        assert list(channel.attribute_rates) == ["a"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_member_num", "5"),
        ("_total_member_num", "5"),
        ("_channel_ttl", "-1"),
        ("_channel_ttl", "soon"),
        ("_channel_ttl", "1000000001"),
        ("_channel_ttl", "٣"),
        ("_userNotification", "2"),
        ("_auto_update_num", "1.5"),
        ("_auto_update_total_num", ""),
        ("_sendmsg_limit", "many"),
        ("_setattr_limit", " 1"),
    ],
)
@pytest.mark.row("M15g")
async def test_built_ins_take_no_nonsense(name: str, value: str, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        refusal = await refusal_of(ann, UPDATE, channel="lobby", name=name, value=value)
        assert refusal.code == 1004
        assert name in refusal.reason
        assert await attributes(ann) == {}
        if "member_num" in name:
            assert (await refusal_of(ann, DELETE, channel="lobby", name=name)).code == 1004
