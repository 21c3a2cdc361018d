"""Attributes that mean something to the gateway (M15a to M15g)."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling.vendor import Channel, Signal
from tests.vendor_api.people import Person, log_in


async def _enter(signal: Signal, account: str, **attributes: str) -> tuple[Person, Channel]:
    """A member of the channel, which has these attributes then."""
    person = await log_in(signal, account)
    channel = await person.join("room")
    for name, value in attributes.items():
        channel.channelSetAttr(name, value)
        await person.heard.next("onChannelAttrUpdated")
    return person, channel


async def _leave(person: Person, channel: Channel) -> None:
    channel.channelLeave()
    await person.heard.next("onChannelLeaved")


def _told(person: Person, name: str) -> list[object]:
    """The values of an attribute that a member has been told."""
    return [value for _, told, value, _ in person.heard.all("onChannelAttrUpdated") if told == name]


@pytest.mark.row("M15a")
@pytest.mark.parametrize(
    ("ttl", "empty", "kept"),
    [("", 7199, True), ("", 7201, False), ("60", 59, True), ("60", 61, False), ("0", 1, False)],
)
async def test_how_long_an_empty_channel_keeps_its_attributes(
    signal: Signal, autojump_clock: MockClock, ttl: str, empty: float, kept: bool
) -> None:
    attributes = {"topic": "snow"} | ({"_channel_ttl": ttl} if ttl else {})
    ann, channel = await _enter(signal, "ann", **attributes)
    await _leave(ann, channel)
    ann.session.logout()
    await trio.sleep(empty)
    bob = await log_in(signal, "bob")
    await bob.join("room")
    await wait_all_tasks_blocked()
    assert _told(bob, "topic") == (["snow"] if kept else [])


@pytest.mark.row("M15a")
async def test_the_time_runs_from_the_last_leave(signal: Signal, autojump_clock: MockClock) -> None:
    ann, channel = await _enter(signal, "ann", topic="snow", _channel_ttl="60")
    for _ in range(3):
        await _leave(ann, channel)
        await trio.sleep(50)
        channel = await ann.join("room")
    await trio.sleep(200)
    bob, _ = await _enter(signal, "bob")
    await wait_all_tasks_blocked()
    assert _told(bob, "topic") == ["snow"]


@pytest.mark.row("M15b")
async def test_counting_is_off_by_default(signal: Signal, autojump_clock: MockClock) -> None:
    ann, channel = await _enter(signal, "ann")
    await _enter(signal, "bob")
    await trio.sleep(60)
    channel.channelSetAttr("_auto_update_num", "0")
    await _enter(signal, "carol")
    await trio.sleep(60)
    assert _told(ann, "_member_num") == []


@pytest.mark.row("M15b")
async def test_the_number_of_members(signal: Signal, autojump_clock: MockClock) -> None:
    ann, channel = await _enter(signal, "ann", _auto_update_num="10")
    for account in ("bob", "carol", "dave"):
        await _enter(signal, account)
    await trio.sleep(11)
    assert _told(ann, "_member_num") == ["4"]  # once, however many moved
    await trio.sleep(60)
    assert _told(ann, "_member_num") == ["4"]  # nobody moved
    erin, theirs = await _enter(signal, "erin")
    await trio.sleep(11)
    await _leave(erin, theirs)
    await trio.sleep(11)
    assert _told(ann, "_member_num") == ["4", "5", "4"]
    channel.channelSetAttr("_auto_update_num", "0")
    await _enter(signal, "frank")
    await trio.sleep(60)
    assert _told(ann, "_member_num") == ["4", "5", "4"]
    late, _ = await _enter(signal, "late")
    await wait_all_tasks_blocked()
    assert _told(late, "_member_num") == ["4"]  # an attribute like any other


@pytest.mark.row("M15c")
async def test_the_number_of_joins(signal: Signal, autojump_clock: MockClock) -> None:
    ann, channel = await _enter(signal, "ann", _auto_update_total_num="10")
    await _enter(signal, "bob")
    await trio.sleep(30)
    assert _told(ann, "_total_member_num") == []  # both must be set
    channel.channelSetAttr("_auto_update_num", "10")
    carol, theirs = await _enter(signal, "carol")
    for _ in range(3):
        await _leave(carol, theirs)
        theirs = await carol.join("room")
    await trio.sleep(11)
    assert (_told(ann, "_total_member_num"), _told(ann, "_member_num")) == (["6"], ["3"])
    await trio.sleep(30)
    assert _told(ann, "_total_member_num") == ["6"]


@pytest.mark.row("M15d")
async def test_no_notices_of_joins_and_leaves(signal: Signal, autojump_clock: MockClock) -> None:
    ann, channel = await _enter(signal, "ann", _userNotification="0")
    bob, theirs = await _enter(signal, "bob")
    await _leave(bob, theirs)
    bob.session.logout()
    await trio.sleep(1)
    assert not ann.heard.all("onChannelUserJoined", "onChannelUserLeaved")
    assert bob.heard.all("onChannelLeaved") == [(theirs, 602)]  # to oneself all the same
    channel.channelSetAttr("_userNotification", "1")
    carol, theirs = await _enter(signal, "carol")
    assert await ann.heard.next("onChannelUserJoined") == (channel, "carol", carol.uid)
    await _leave(carol, theirs)
    assert await ann.heard.next("onChannelUserLeaved") == (channel, "carol", carol.uid)


@pytest.mark.row("M15e")
@pytest.mark.parametrize("limit", [0, 1, 5])
async def test_the_limit_of_messages(signal: Signal, autojump_clock: MockClock, limit: int) -> None:
    ann, channel = await _enter(signal, "ann", _sendmsg_limit=str(limit))
    bob, theirs = await _enter(signal, "bob")
    for second in range(1, 4):
        for _ in range(5):
            channel.messageChannelSend("from ann")
            theirs.messageChannelSend("from bob")
        await trio.sleep(1)
        sent = len(ann.heard.all("onMessageSendSuccess")) + len(bob.heard.all("onMessageSendSuccess"))
        refused = ann.heard.all("onMessageSendError") + bob.heard.all("onMessageSendError")
        assert (sent, refused) == (limit * second, [(400,)] * ((10 - limit) * second))
        assert len(bob.heard.all("onMessageChannelReceive")) == sent


@pytest.mark.row("M15f")
async def test_the_limit_of_changes_by_attribute(signal: Signal, autojump_clock: MockClock) -> None:
    ann, channel = await _enter(signal, "ann", _setattr_limit="2")
    bob, theirs = await _enter(signal, "bob")
    for number in range(4):
        channel.channelSetAttr("topic", f"a{number}")
        theirs.channelSetAttr("colour", f"b{number}")
    await trio.sleep(1)
    assert _told(ann, "topic") == ["a0", "a1"]
    assert _told(ann, "colour") == ["b0", "b1"]
    for person in (ann, bob):
        assert [code for code, _ in person.heard.all("onError")] == [1001, 1001]
    theirs.channelSetAttr("topic", "again")
    await wait_all_tasks_blocked()
    assert _told(ann, "topic") == ["a0", "a1", "again"]


@pytest.mark.row("M15g", "C09")
@pytest.mark.parametrize("name", ["_member_num", "_total_member_num"])
async def test_what_the_gateway_keeps_nobody_sets(signal: Signal, autojump_clock: MockClock, name: str) -> None:
    ann, channel = await _enter(signal, "ann", _auto_update_num="1", _auto_update_total_num="1")
    channel.channelSetAttr(name, "1000")
    channel.channelDelAttr(name)
    for _ in range(2):
        code, reason = await ann.heard.next("onError")
        assert (code, name in str(reason)) == (1004, True)
    await trio.sleep(5)
    assert _told(ann, name) == ["1"]


@pytest.mark.row("M15g", "M15a", "M15e")
@pytest.mark.parametrize("value", ["", "many", "-1", "1.5", "\u0663", "99999999999"])
@pytest.mark.parametrize("name", ["_channel_ttl", "_auto_update_num", "_sendmsg_limit", "_setattr_limit"])
async def test_values_that_a_built_in_cannot_have(signal: Signal, name: str, value: str) -> None:
    ann, channel = await _enter(signal, "ann")
    channel.channelSetAttr(name, value)
    assert (await ann.heard.next("onError"))[0] == 1004
    assert _told(ann, name) == []
