"""Joining and leaving (M13, M14, C10 to C15), and every way out of a channel."""

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling.vendor import Signal
from botkit.types import JsonObject
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import Recorder, Told, World, log_in


@pytest.mark.row("M13", "C10", "C13", "C15")
async def test_joining_tells_everything_in_order(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    first = await ann.join("room")
    first.channelSetAttr("topic", "snow")
    first.channelSetAttr("colour", "white")
    for _ in range(2):
        await ann.heard.next("onChannelAttrUpdated")
    second = bob.session.channelJoin("room", bob.heard)
    assert second.name == "room"
    assert (await ann.heard.next("onChannelUserJoined")) == (first, "bob", bob.uid)
    second.messageChannelSend("hello")
    await bob.heard.next("onMessageChannelReceive")
    about_channel = [told for told in bob.heard.told if told.name != "onMessageSendSuccess"]  # in no order with events
    assert about_channel[1:6] == [
        Told("onChannelJoined", (second,)),
        Told("onChannelUserList", (second, ["ann", "bob"], [ann.uid, bob.uid])),
        Told("onChannelAttrUpdated", (second, "topic", "snow", "update")),
        Told("onChannelAttrUpdated", (second, "colour", "white", "update")),
        Told("onMessageChannelReceive", (second, "bob", bob.uid, "hello")),
    ]
    assert not bob.heard.all("onChannelUserJoined")  # others only


@pytest.mark.row("C10")
async def test_joined_comes_before_all_else_of_the_channel(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    noisy = await ann.join("room")
    for number in range(40):
        noisy.messageChannelSend(str(number))
        if number == 20:
            quiet = bob.session.channelJoin("room", bob.heard)
    await ann.heard.next("onChannelUserJoined")
    noisy.messageChannelSend("last")
    while (await bob.heard.next("onMessageChannelReceive"))[-1] != "last":
        pass
    assert [told.name for told in bob.heard.told[1:3]] == ["onChannelJoined", "onChannelUserList"]
    received = [text for *_, text in bob.heard.all("onMessageChannelReceive")]
    everything = [*map(str, range(40)), "last"]
    assert received == everything[len(everything) - len(received) :]
    assert quiet.name == "room"


@pytest.mark.row("M13", "C11")
@pytest.mark.parametrize("name", ["c", "c" * 128, "\u96ea" * 42 + "ab", "with blanks", "a/b?*\"'"])
async def test_names_that_channels_may_have(wired_signal: Signal, name: str) -> None:
    ann = await log_in(wired_signal, "ann")
    channel = ann.session.channel_join(name, ann.heard)
    assert await ann.heard.next("onChannelJoined") == (channel,)


@pytest.mark.row("M13", "C11", "C09")
@pytest.mark.parametrize(
    ("name", "code"), [("c" * 129, 1005), ("\u96ea" * 42 + "abc", 1005), ("", 1004), ("a\nb", 1004), ("\ud800", 1004)]
)
async def test_names_that_channels_may_not_have(signal: Signal, name: str, code: int) -> None:
    ann = await log_in(signal, "ann")
    before = await ann.join("room")
    channel = ann.session.channelJoin(name, ann.heard)
    assert await ann.heard.next("onChannelJoinFailed") == (channel, 300)
    assert (await ann.heard.next("onError"))[0] == code
    assert not ann.heard.all("onChannelLeaved")  # a refused join leaves the session where it was
    before.messageChannelSend("still here")
    await ann.heard.next("onMessageChannelReceive")
    channel.messageChannelSend("but not there")
    assert await ann.heard.next("onMessageSendError") == (400,)


@pytest.mark.row("M14", "C12", "C14")
async def test_leaving(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    theirs, mine = await bob.join("room"), await ann.join("room")
    mine.channelLeave()
    mine.channel_leave()
    assert await ann.heard.next("onChannelLeaved") == (mine, 602)
    assert await bob.heard.next("onChannelUserLeaved") == (theirs, "ann", ann.uid)
    theirs.messageChannelSend("alone")
    await bob.heard.next("onMessageChannelReceive")
    ann.session.channelQueryUserNum("room", ann.heard)
    assert await ann.heard.next("onChannelQueryUserNum") == ("", 1)
    assert len(ann.heard.all("onChannelLeaved")) == 1
    assert not ann.heard.all("onMessageChannelReceive", "onError", "onChannelUserLeaved")
    again = await ann.join("room")
    mine.channelLeave()  # the one of before
    again.messageChannelSend("back")
    await ann.heard.next("onMessageChannelReceive")


@pytest.mark.row("M13", "C10", "C15")
async def test_joining_the_same_channel_again(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    await bob.join("room")
    first = await ann.join("room")
    first.channelSetAttr("topic", "snow")
    await ann.heard.next("onChannelAttrUpdated")
    heard = Recorder()
    second = ann.session.channelJoin("room", heard)
    assert await heard.next("onChannelAttrUpdated") == (second, "topic", "snow", "update")
    assert heard.names() == ["onChannelJoined", "onChannelUserList", "onChannelAttrUpdated"]
    second.messageChannelSend("hello")
    assert await heard.next("onMessageChannelReceive") == (second, "ann", ann.uid, "hello")
    assert not ann.heard.all("onChannelLeaved", "onMessageChannelReceive")
    assert len(bob.heard.all("onChannelUserJoined")) == 1


@pytest.mark.row("M13", "C15", "0.5")
async def test_the_list_has_the_latest_200(signal: Signal) -> None:
    people = [await log_in(signal, f"user-{number}") for number in range(201)]
    for number, person in enumerate(people):
        channel = await person.join("room")
        if number == 0:
            channel.channelSetAttr("_userNotification", "0")  # else 20,000 notices
        if number in (199, 200):
            latest = people[: number + 1][-200:]
            ((_, users, uids),) = person.heard.all("onChannelUserList")
            assert users == [other.session.account for other in latest]
            assert uids == [other.uid for other in latest]
    # A moderator, and whoever asks by the older call, sees them all.
    moderator = await log_in(signal, "server-1")
    everybody = {person.session.account for person in people}
    assert {online.account for online in await moderator.client.list_online() if online.channel == "room"} == everybody
    answers: list[JsonObject] = []
    moderator.session.invoke(
        "io.agora.signal.channel_query_userlist_all", {"name": "room"}, lambda _, answer: answers.append(answer)
    )
    await wait_all_tasks_blocked()
    assert {account for account, _ in msgspec.convert(answers[0]["list"], list[tuple[str, int]])} == everybody


@pytest.mark.row("C12")
async def test_600_for_another_reason(world: World, autojump_clock: MockClock) -> None:
    """A moderator puts it out while its connection is lost, and only later does it learn that it is not in."""
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal, world.open() as other:
        ann, moderator = await log_in(signal, "ann"), await log_in(other, "server-1")
        channel = await ann.join("room")
        lines.cut = True
        await lines.drop()
        await moderator.client.kick("ann", "room")
        lines.cut = False
        assert await ann.heard.next("onChannelLeaved") == (channel, 600)
        await ann.heard.next("onReconnected")


@pytest.mark.row("C12", "C14", "0.3")
async def test_601_a_moderator(wired: World, wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    moderator = await log_in(wired_signal, "server-1")
    theirs, mine = await bob.join("room"), await ann.join("room")
    await moderator.client.kick("ann", "room", reason="rude")
    assert await ann.heard.next("onChannelLeaved") == (mine, 601)
    assert await bob.heard.next("onChannelUserLeaved") == (theirs, "ann", ann.uid)
    mine.messageChannelSend("hello?")
    assert await ann.heard.next("onMessageSendError") == (400,)
    assert await moderator.client.close_channel("room") == 1
    assert await bob.heard.next("onChannelLeaved") == (theirs, 601)


@pytest.mark.row("C14")
async def test_a_member_that_is_lost_has_left_after_a_grace(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal, world.open() as other:
        ann, bob = await log_in(signal, "ann"), await log_in(other, "bob")
        theirs = await bob.join("room")
        mine = await ann.join("room")
        start = trio.current_time()
        lines.cut = True
        await lines.drop()
        assert await bob.heard.next("onChannelUserLeaved") == (theirs, "ann", ann.uid)
        assert 30 <= trio.current_time() - start < 32
        lines.cut = False
        await ann.heard.next("onReconnected")
        assert ann.heard.all("onChannelUserList")[-1][0] is mine  # joined again, told anew
        assert await bob.heard.next("onChannelUserJoined") == (theirs, "ann", ann.uid)
        assert len(ann.heard.all("onChannelJoined")) == 1
        assert not ann.heard.all("onChannelLeaved")


@pytest.mark.row("C11")
async def test_a_join_that_was_told_to_have_failed_is_undone(world: World, autojump_clock: MockClock) -> None:
    """The answer comes after the client has given up."""
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal, world.open() as other:
        ann, bob = await log_in(signal, "ann"), await log_in(other, "bob")
        await bob.join("room")
        held = lines.hold()
        channel = ann.session.channelJoin("room", ann.heard)
        assert await ann.heard.next("onChannelJoinFailed") == (channel, 300)
        assert len(bob.heard.all("onChannelUserJoined")) == 1
        held.set()
        await bob.heard.next("onChannelUserLeaved")
        await wait_all_tasks_blocked()
        assert not ann.heard.all("onChannelJoined", "onChannelLeaved")
