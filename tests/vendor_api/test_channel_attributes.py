"""Attributes of channels (M15, M16, M17, C16)."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling.vendor import Signal
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import World, log_in

NAME, VALUE = 128, 8096


@pytest.mark.row("M15", "C16")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", ""),
        ("n" * NAME, "v" * VALUE),
        ("\u96ea" * 42 + "ab", "\u96ea" * (VALUE // 3) + "xy"),
        ("\U0001f600" * 32, "\U0001f600" * (VALUE // 4)),
        ("with blanks", 'a\0b\n"\\\u2028'),
    ],
)
async def test_a_change_is_told_to_all(wired_signal: Signal, name: str, value: str) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    theirs, mine = await bob.join("room"), await ann.join("room")
    mine.channelSetAttr(name, value)
    assert await ann.heard.next("onChannelAttrUpdated") == (mine, name, value, "update")
    assert await bob.heard.next("onChannelAttrUpdated") == (theirs, name, value, "update")
    assert not ann.heard.all("onError")


@pytest.mark.row("M15", "M16", "C09")
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("n" * (NAME + 1), "v", 1005),
        ("\u96ea" * 42 + "abc", "v", 1005),
        ("", "v", 1004),
        ("a\nb", "v", 1004),
        ("n", "v" * (VALUE + 1), 1005),
        ("n", "\u96ea" * (VALUE // 3) + "xyz", 1005),
        ("n", "\U0001f600" * (VALUE // 4) + "x", 1005),
        ("n", "\ud800", 1004),
    ],
)
async def test_what_can_be_no_attribute(signal: Signal, name: str, value: str, code: int) -> None:
    ann = await log_in(signal, "ann")
    channel = await ann.join("room")
    channel.channelSetAttr(name, value)
    assert (await ann.heard.next("onError"))[0] == code
    if name != "n":
        channel.channelDelAttr(name)
        assert (await ann.heard.next("onError"))[0] == code
    await wait_all_tasks_blocked()
    assert not ann.heard.all("onChannelAttrUpdated")


@pytest.mark.row("M16", "C16")
async def test_deleting(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    theirs, mine = await bob.join("room"), await ann.join("room")
    mine.channel_set_attr("topic", "snow")
    mine.channel_set_attr("colour", "white")
    mine.channelDelAttr("topic")
    mine.channel_del_attr("never set")
    for person, channel in ((ann, mine), (bob, theirs)):
        for name, value, kind in (("topic", "snow", "update"), ("colour", "white", "update")):
            assert await person.heard.next("onChannelAttrUpdated") == (channel, name, value, kind)
        for name in ("topic", "never set"):
            assert await person.heard.next("onChannelAttrUpdated") == (channel, name, "", "del")
    carol = await log_in(wired_signal, "carol")
    in_carol = await carol.join("room")
    assert await carol.heard.next("onChannelAttrUpdated") == (in_carol, "colour", "white", "update")


@pytest.mark.row("M17", "C16")
async def test_clearing(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    theirs, mine = await bob.join("room"), await ann.join("room")
    for number in range(5):
        mine.channelSetAttr(f"n{number}", "v")
    mine.channelClearAttr()
    for person, channel in ((ann, mine), (bob, theirs)):
        for number in range(5):
            assert (await person.heard.next("onChannelAttrUpdated"))[1] == f"n{number}"
        assert await person.heard.next("onChannelAttrUpdated") == (channel, "", "", "clear")
        assert len(person.heard.all("onChannelAttrUpdated")) == 6
    mine.channel_clear_attr()
    assert await bob.heard.next("onChannelAttrUpdated") == (theirs, "", "", "clear")
    carol = await log_in(wired_signal, "carol")
    await carol.join("room")
    carol.session.messageInstantSend("carol", "that was it", carol.heard)
    await carol.heard.next("onMessageInstantReceive")
    assert not carol.heard.all("onChannelAttrUpdated")


@pytest.mark.row("M17", "M15d", "M15e")
async def test_clearing_brings_the_built_ins_back_to_their_defaults(signal: Signal, autojump_clock: MockClock) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    channel = await ann.join("room")
    channel.channelSetAttr("_sendmsg_limit", "1")
    channel.channelSetAttr("_userNotification", "0")
    channel.channelClearAttr()
    for _ in range(3):
        await ann.heard.next("onChannelAttrUpdated")
    for number in range(20):
        channel.messageChannelSend(str(number))
    await bob.join("room")
    await ann.heard.next("onChannelUserJoined")
    await trio.sleep(0.1)
    assert len(ann.heard.all("onMessageSendSuccess")) == 20


@pytest.mark.row("C16")
async def test_at_most_ten_a_second_and_the_last_value_always(signal: Signal, autojump_clock: MockClock) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    await bob.join("room")
    channel = await ann.join("room")
    for number in range(100):
        channel.channelSetAttr(f"n{number % 4}", str(number))
    await wait_all_tasks_blocked()
    at_once = [name for _, name, *_ in bob.heard.all("onChannelAttrUpdated")]
    assert len(at_once) == 10
    await trio.sleep(5)
    for person in (ann, bob):
        told = person.heard.all("onChannelAttrUpdated")
        assert len(told) == 14
        assert {name: value for _, name, value, _ in told} == {"n0": "96", "n1": "97", "n2": "98", "n3": "99"}
    for burst in range(5):
        for number in range(20):
            channel.channelSetAttr("n0", f"{burst} {number}")
        await trio.sleep(0.5)
    await trio.sleep(5)
    told = bob.heard.all("onChannelAttrUpdated")[14:]
    assert told[-1][2] == "4 19"
    assert len(told) <= 40  # 2 s and a bit of changes


@pytest.mark.row("C16")
async def test_members_agree_whatever_the_order_of_changes(signal: Signal, autojump_clock: MockClock) -> None:
    people = [await log_in(signal, f"user-{number}") for number in range(4)]
    channels = [await person.join("room") for person in people]
    for number in range(40):
        channel = channels[number % 4]
        if number % 10 == 9:
            channel.channelClearAttr()
        elif number % 3 == 2:
            channel.channelDelAttr(f"n{number % 5}")
        else:
            channel.channelSetAttr(f"n{number % 5}", str(number))
    await trio.sleep(60)
    walks = [[change for _, *change in person.heard.all("onChannelAttrUpdated")] for person in people]
    assert all(walk == walks[0] for walk in walks)
    state: dict[object, object] = {}
    for name, value, kind in walks[0]:
        if kind == "update":
            state[name] = value
        elif kind == "del":
            state.pop(name, None)
        else:
            state.clear()
    late = await log_in(signal, "late")
    await late.join("room")
    await wait_all_tasks_blocked()
    assert {name: value for _, name, value, _ in late.heard.all("onChannelAttrUpdated")} == state


@pytest.mark.row("M15", "M16", "M17", "C09")
async def test_only_members_change_attributes(signal: Signal) -> None:
    ann = await log_in(signal, "ann")
    channel = await ann.join("room")
    channel.channelLeave()
    channel.channelSetAttr("n", "v")
    channel.channelDelAttr("n")
    channel.channelClearAttr()
    failed = ann.session.channelJoin("c" * 129, ann.heard)
    failed.channelSetAttr("n", "v")
    for code in (1001, 1001, 1001, 1005, 1001):
        assert (await ann.heard.next("onError"))[0] == code
    assert not ann.heard.all("onChannelAttrUpdated")


@pytest.mark.row("M15", "C09")
async def test_no_answer(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        ann = await log_in(signal, "ann")
        channel = await ann.join("room")
        lines.silent = True
        channel.channelSetAttr("n", "v")
        assert (await ann.heard.next("onError"))[0] == 1002
