"""Channels on the wire: who is told what, in which order, and what is refused."""

from contextlib import AsyncExitStack

import msgspec
import pytest
import trio

from botkit.gateway import channels
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import Account
from tests.gateway.lobbies import lobby


async def refusal_of(asker: WirePeer, function: str, **arguments: str) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await asker.request(function, **arguments)
    return refusal.value


@pytest.mark.row("M13", "C10", "C13")
async def test_join_is_answered_with_members_and_attributes_and_told_to_the_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        answer = await ann.request("channel_join", name="lobby")
        assert answer["list"] == [["ann", ann.uid]]
        assert answer["attrs"] == {}
        await ann.request("channel_set_attr", channel="lobby", name="topic", value="weather")
        assert (await ann.next_notice()).content["value"] == "weather"
        await bob.send(f'["call2",["channel_join",7,{{"line":"{bob.line}","name":"lobby"}}]]')
        first = await bob.receive()
        assert first[0] == "call2-ret"
        assert '"attrs":{"topic":"weather"}' in str(first)
        assert str(first).index('["ann"') < str(first).index('["bob"')
        joined = await ann.next_notice()
        assert (joined.channel, joined.kind) == ("lobby", "channel_user_join")
        assert joined.content == {"channel": "lobby", "account": "bob", "uid": bob.uid}
        assert await ann.is_silent()
        assert await bob.is_silent()


async def test_joining_the_same_channel_again_answers_and_tells_nobody(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        assert (await ann.request("channel_join", name="lobby"))["list"] == [["ann", ann.uid], ["bob", bob.uid]]
        assert await bob.is_silent()


@pytest.mark.row("P03", "C14")
async def test_joining_another_channel_leaves_the_first(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        await ann.request("channel_join", name="kitchen")
        left = await bob.next_notice()
        assert (left.kind, left.content["account"]) == ("channel_user_leave", "ann")
        await bob.request("channel_sendmsg", name="lobby", msg="hello?")
        assert (await bob.next_notice("channel_msg")).content["msg"] == "hello?"
        assert await ann.is_silent()
        assert (await bob.request("channel_query_num", name="lobby"))["num"] == 1
        assert (await bob.request("channel_query_user_isin", name="kitchen", account="ann"))["isin"] == 1


async def test_a_full_channel_refuses_and_leaves_the_session_where_it_was(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "MAX_CHANNEL_MEMBERS", 2)
    async with (
        open_test_gateway() as gateway,
        lobby(gateway, "ann", "bob"),
        WirePeer.connect(gateway.connector, "cid") as cid,
    ):
        await cid.request("channel_join", name="kitchen")
        refusal = await refusal_of(cid, "channel_join", name="lobby")
        assert refusal.code == 300
        assert "full" in refusal.reason
        assert (await cid.request("channel_query_user_isin", name="kitchen", account="cid"))["isin"] == 1


@pytest.mark.row("M14", "C14")
async def test_the_others_are_told_once_of_leaving_logout_and_loss(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann") as (ann,):
        for way in ("channel_leave", "user_logout", "loss", "kick"):
            async with WirePeer.connect(gateway.connector, "bob") as bob:
                await bob.request("channel_join", name="lobby")
                assert (await ann.next_notice()).kind == "channel_user_join"
                if way == "channel_leave":
                    await bob.request(way, name="lobby")
                    await bob.request(way, name="lobby")
                elif way == "user_logout":
                    await bob.request(way)
                elif way == "kick":
                    async with WirePeer.connect(gateway.connector, "bob"):
                        pass
            left = await ann.next_notice()
            assert (left.kind, left.content) == (
                "channel_user_leave",
                {"channel": "lobby", "account": "bob", "uid": bob.uid},
            )
            assert await ann.is_silent()
        await ann.request("channel_leave", name="elsewhere")
        assert (await ann.request("channel_query_num", name="lobby"))["num"] == 1


@pytest.mark.row("M18", "C18")
async def test_all_members_receive_a_message_the_sender_too_under_rising_ids(
    autojump_clock: trio.testing.MockClock,
) -> None:
    texts = [f"line {number}" for number in range(10)]
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob", "cid") as peers:
        for number, text in enumerate(texts):
            await peers[number % 3].request("channel_sendmsg", name="lobby", msg=text)
        seen = [[await peer.next_notice("channel_msg") for _ in texts] for peer in peers]
        for notices in seen:
            assert notices == seen[0]
            assert [notice.content["msg"] for notice in notices] == texts
            ids = [notice.message_id for notice in notices]
            assert ids == sorted(set(ids))
        assert [notice.content["account"] for notice in seen[0][:3]] == ["ann", "bob", "cid"]
        assert [notice.content["uid"] for notice in seen[0][:3]] == [peer.uid for peer in peers]


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("c" * 128, True), ("c" * 129, False), ("日" * 42, True), ("日" * 43, False), ("two words", True), ("", False)],
)
@pytest.mark.row("M13", "C11", "G04")
async def test_channel_name_borders(name: str, accepted: bool, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        if not accepted:
            assert (await refusal_of(ann, "channel_join", name=name)).code == 300
            return
        await ann.request("channel_join", name=name)
        await ann.request("channel_sendmsg", name=name, msg="here")
        notice = await ann.next_notice("channel_msg")
        assert (notice.channel, notice.content["channel"]) == (name, name)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("x" * 8192, True),
        ("x" * 8193, False),
        ("€" * 2730 + "xx", True),
        ("€" * 2731, False),
        ("🤖日本語 ü\u0000\n\t\"\\ '", True),
        ("", True),
    ],
)
@pytest.mark.row("M18", "M10", "G04")
async def test_message_size_borders_and_utf8(text: str, accepted: bool, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, lobby(gateway, "ann", "bob") as (ann, bob):
        if accepted:
            await ann.request("channel_sendmsg", name="lobby", msg=text)
            assert (await bob.next_notice("channel_msg")).content["msg"] == text
            await ann.request("user_sendmsg", peer="bob", flag="v1:E:60", t="instant", content=text)
            assert await bob.next_inbox() == [("instant", text)]
        else:
            assert (await refusal_of(ann, "channel_sendmsg", name="lobby", msg=text)).code == 1005
            refusal = await refusal_of(ann, "user_sendmsg", peer="bob", flag="v1:E:60", t="instant", content=text)
            assert refusal.code == 1005
            assert await bob.is_silent()


@pytest.mark.row("C15", "G04")
async def test_the_answer_to_a_join_has_the_latest_200_of_201(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, AsyncExitStack() as stack:
        for number in range(201):
            peer = await stack.enter_async_context(WirePeer.connect(gateway.connector, f"user{number}"))
            await peer.request("channel_join", name="lobby")
        answer = await peer.request("channel_join", name="lobby")
        latest = [f"user{number}" for number in range(1, 201)]
        members = msgspec.convert(answer["list"], list[list[str | int]])
        assert [account for account, _ in members] == latest
        assert members[-1] == ["user200", peer.uid]
        assert (await peer.request("channel_query_userlist", name="lobby"))["list"] == members
        oldest = ["user0", gateway.hubs["test-app"].uid_of(Account("user0"))]
        everybody = await peer.request("channel_query_userlist_all", name="lobby")
        assert everybody["num"] == 201
        assert everybody["list"] == [oldest, *members]
        some = await peer.request("channel_query_userlist_all", name="lobby", num=2)
        assert some["list"] == members[-2:]


@pytest.mark.row("M07", "C17", "W03", "W04")
async def test_queries_of_what_nobody_knows(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        assert (await ann.request("channel_query_num", name="void"))["num"] == 0
        assert (await ann.request("channel_query_user_isin", name="void", account="ann"))["isin"] == 0
        for function in ("channel_query_userlist", "channel_query_userlist_all"):
            answer = await ann.request(function, name="void")
            assert (answer["num"], answer["list"]) == (0, [])
        assert (await ann.request("user_query_user_status", account="ann"))["status"] == 1
        assert (await ann.request("user_query_user_status", account="bob"))["status"] == 0
        assert (await refusal_of(ann, "channel_query_num", name="")).code == 1004
