"""Calls on the wire: who is told what, once, in which order; what is refused and changes nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from botkit.gateway import calls
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.types import JsonObject, JsonValue

ROOM = "room 7"


@asynccontextmanager
async def two(settings: GatewaySettings | None = None) -> AsyncIterator[tuple[Gateway, WirePeer, WirePeer]]:
    """A gateway with ann, who calls, and bob."""
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        yield gateway, ann, bob


async def do(asker: WirePeer, action: str, peer: str, extra: str = "", channel: str = ROOM) -> JsonObject:
    """``invite``, ``ack``, ``accept``, ``refuse``, ``bye`` or ``msg``."""
    function = "voip_invite" if action == "invite" else f"voip_invite_{action}"
    return await asker.request(function, channelName=channel, peer=peer, extra=extra)


async def refused(asker: WirePeer, action: str, peer: str, extra: str = "", channel: str = ROOM) -> int:
    """The code with which the request is refused."""
    with pytest.raises(Refusal) as refusal:
        await do(asker, action, peer, extra, channel)
    return refusal.value.code


async def told(peer: WirePeer) -> list[tuple[str, str]]:
    """Kind (without ``voip_``) and extra of all that waits in the inbox now."""
    page = await peer.fetch()
    contents = [(kind.removeprefix("voip_"), msgspec.json.decode(text)) for kind, text in page]
    for _, content in contents:
        assert content.keys() >= {"channel", "peer", "extra", "peeruid"}  # the Python SDK needs all four
    return [(kind, content["extra"]) for kind, content in contents]


@pytest.mark.row("M12", "M20", "M23", "M24", "C08", "C21", "C22", "C25", "C26", "C27")
async def test_a_whole_call(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (gateway, ann, bob):
        assert await do(ann, "invite", "bob", '{"media":"audio"}') == {"result": "ok", "call": 1}
        assert await bob.receive() == ["notify", ["msg", 1]]
        ((kind, text),) = await bob.fetch()
        assert kind == "voip_invite"
        content = msgspec.json.decode(text)
        assert content["channel"] == ROOM
        assert (content["peer"], content["peeruid"], content["extra"]) == ("ann", ann.uid, '{"media":"audio"}')
        assert await ann.is_silent()
        await do(bob, "ack", "ann")
        assert await told(ann) == [("invite_ack", "")]
        await do(bob, "accept", "ann", '{"media":"ok"}')
        ((kind, text),) = await ann.fetch()
        content = msgspec.json.decode(text)
        assert (kind, content["peer"], content["peeruid"]) == ("voip_invite_accept", "bob", bob.uid)
        digits = [f'{{"msgtype":"dtmf","msgdata":"{digit}"}}' for digit in "0123456789*#"]
        for extra in digits:
            await do(ann, "msg", "bob", extra)
        assert await told(bob) == [("invite_msg", extra) for extra in digits]
        await do(bob, "msg", "ann", '"free text"')
        assert await told(ann) == [("invite_msg", '"free text"')]
        await trio.sleep(20)
        await do(ann, "bye", "bob", '{"why":"done"}')
        assert await told(bob) == [("invite_bye", '{"why":"done"}')]
        assert await told(ann) == []
        for peer, other in [(ann, "bob"), (bob, "ann")]:
            for action in ("ack", "accept", "refuse", "bye", "msg"):
                assert await refused(peer, action, other) == 700
        assert dict(gateway.counters.invitations.values) == {"connected": 1, "ended": 1}
        await do(bob, "invite", "ann")
        assert await told(ann) == [("invite", "")]


@pytest.mark.row("M12")
async def test_inviting_joins_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob")
        await told(bob)
        await do(bob, "accept", "ann")
        assert (await ann.request("channel_query_num", name=ROOM))["num"] == 0


@pytest.mark.row("M19", "M21", "M22", "M23", "C22", "C23", "C25")
@pytest.mark.parametrize("acknowledged", [True, False])
@pytest.mark.parametrize(("action", "extra"), [("accept", ""), ("refuse", ""), ("refuse", '{"busy":1}'), ("bye", "")])
async def test_the_callees_answers(
    action: str, extra: str, acknowledged: bool, autojump_clock: trio.testing.MockClock
) -> None:
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob")
        await told(bob)
        if acknowledged:
            await do(bob, "ack", "ann")
            assert await refused(bob, "ack", "ann") == 700
            assert await told(ann) == [("invite_ack", "")]
        await do(bob, action, "ann", extra)
        assert await told(ann) == [(f"invite_{action}", extra)]
        for late in ("ack", "accept", "refuse"):
            assert await refused(bob, late, "ann") == 700
        if action == "accept":
            await do(ann, "bye", "bob")
            assert await told(bob) == [("invite_bye", "")]
        assert await refused(ann, "bye", "bob") == 700
        assert await told(ann) == []
        assert await told(bob) == []


async def test_only_the_two_take_part_and_only_the_callee_answers(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (gateway, ann, bob), WirePeer.connect(gateway.connector, "eve") as eve:
        await do(ann, "invite", "bob")
        for action in ("ack", "accept", "refuse"):
            assert await refused(ann, action, "bob") == 700
        for action in ("ack", "accept", "refuse", "bye", "msg"):
            assert await refused(eve, action, "ann") == 700
            assert await refused(eve, action, "bob") == 700
            assert await refused(bob, action, "ann", channel="other room") == 700
        assert await told(ann) == []
        assert await told(bob) == [("invite", "")]


@pytest.mark.row("M12", "C24")
async def test_one_open_call_by_pair_and_channel(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob")
        assert await refused(ann, "invite", "bob") == 701
        assert await refused(bob, "invite", "ann") == 701  # both at once: the first wins
        await do(ann, "invite", "bob", channel="another room")
        assert [kind for kind, _ in await told(bob)] == ["invite", "invite"]
        await do(bob, "accept", "ann")
        assert await refused(ann, "invite", "bob") == 701
        await do(ann, "bye", "bob")
        await do(bob, "invite", "ann")
        assert await refused(ann, "invite", "ann") == 700


async def test_of_two_that_act_at_once_the_first_wins(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (_, ann, bob):
        for first, second in [("bye", "accept"), ("bye", "refuse"), ("bye", "bye")]:
            await do(ann, "invite", "bob")
            await told(bob)
            await do(ann, first, "bob")
            assert await refused(bob, second, "ann") == 700
            assert await told(bob) == [("invite_bye", "")]
            assert await told(ann) == []
        for first, second in [("refuse", "bye"), ("bye", "bye")]:
            await do(ann, "invite", "bob")
            await told(bob)
            await do(bob, first, "ann")
            assert await refused(ann, second, "bob") == 700
            assert await told(ann) == [(f"invite_{first}", "")]
            assert await told(bob) == []


@pytest.mark.row("M23")
async def test_a_withdrawn_invitation_that_was_not_fetched_was_never_there(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob")
        await do(ann, "msg", "bob", '"hurry"')
        assert await refused(bob, "accept", "ann") == 700  # it cannot know yet
        await do(ann, "bye", "bob")
        assert await told(bob) == []
        assert await told(ann) == []


async def test_what_was_not_fetched_of_a_call_goes_with_it(autojump_clock: trio.testing.MockClock) -> None:
    """The Python SDK drops its connection when told of a call that it has ended itself."""
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob")
        await told(bob)
        await do(bob, "ack", "ann")
        await do(bob, "accept", "ann")
        await do(ann, "msg", "bob", '"one"')
        await ann.request("user_sendmsg", peer="bob", flag="v1:E:60", t="instant", content="hello")
        await do(ann, "bye", "bob")
        assert await told(ann) == []
        assert [kind for kind, _ in await bob.fetch()] == ["voip_invite_msg", "instant", "voip_invite_bye"]


async def test_a_stale_answer_does_not_meet_the_next_call(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob")
        await told(bob)
        await do(bob, "refuse", "ann")
        await do(bob, "invite", "ann")
        # Ann has fetched neither: what she says is about her own invitation.
        assert await refused(ann, "bye", "bob") == 700
        assert await told(ann) == [("invite_refuse", ""), ("invite", "")]
        await do(ann, "accept", "bob")
        assert await told(bob) == [("invite_accept", "")]


@pytest.mark.row("C25")
@pytest.mark.parametrize("way", ["loss", "logout", "kick"])
@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("gone", ["ann", "bob"])
async def test_a_session_that_ends_ends_its_calls(
    gone: str, connected: bool, way: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "stays") as stays:
        async with WirePeer.connect(gateway.connector, "goes") as goes:
            caller, callee = (goes, stays) if gone == "ann" else (stays, goes)
            names = {stays: "stays", goes: "goes"}
            await do(caller, "invite", names[callee])
            await told(callee)
            if connected:
                await do(callee, "accept", names[caller])
                await told(caller)
            if way == "logout":
                await goes.request("user_logout")
            elif way == "kick":
                async with WirePeer.connect(gateway.connector, "goes") as again:
                    assert await told(again) == []
        assert await told(stays) == [("invite_bye", "")]
        assert await refused(stays, "bye", "goes") == 700
        async with WirePeer.connect(gateway.connector, "goes") as again:
            assert await told(again) == []
            assert await refused(again, "accept", "stays") == 700
            await do(stays, "invite", "goes")
            assert await told(again) == [("invite", "")]


@pytest.mark.row("M12d", "M20")
@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ('{"destMediaUid":"123","srcNum":"+49","nested":{"a":[1,2]},"_timeout":20}', 0),
        ("", 0),
        ("[1]", 0),
        ('"日本 🤖"', 0),
        ('"' + "x" * 8190 + '"', 0),
        ('"' + "x" * 8191 + '"', 1005),
        ('"' + "日" * 2730 + '"', 0),
        ('"' + "日" * 2731 + '"', 1005),
        ("{not json", 1004),
        ("hello", 1004),
        ('{"_timeout":30}', 0),
        ('{"_timeout":31}', 1004),
        ('{"_timeout":-1}', 1004),
        ('{"_timeout":"5"}', 1004),
        ('{"_require_peer_online":"yes"}', 1004),
    ],
)
async def test_extra_passes_untouched_or_is_refused(
    extra: str, code: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with two() as (_, ann, bob):
        if code:
            assert await refused(ann, "invite", "bob", extra) == code
            assert await told(bob) == []
        else:
            await do(ann, "invite", "bob", extra)
            assert await told(bob) == [("invite", extra)]


async def test_names_in_an_invitation(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob", channel="c" * 128)
        assert await refused(ann, "invite", "bob", channel="c" * 129) == 1005
        assert await refused(ann, "invite", "bob", channel="") == 1004
        assert await refused(ann, "invite", "b" * 129) == 1005
        assert await refused(ann, "invite", "b ob") == 1004
        assert await told(bob) == [("invite", "")]


async def test_open_calls_of_an_account_are_bounded(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MAX_OPEN_CALLS", 2)
    async with two() as (gateway, ann, bob), WirePeer.connect(gateway.connector, "cid") as cid:
        await do(ann, "invite", "bob", channel="1")
        await do(cid, "invite", "bob", channel="2")
        assert await refused(ann, "invite", "bob", channel="3") == 700
        assert await refused(bob, "invite", "cid", channel="3") == 700
        await do(ann, "invite", "cid", channel="3")
        await do(ann, "bye", "bob", channel="1")
        await do(bob, "invite", "offline", channel="4")


async def test_full_inboxes_refuse_new_calls_and_end_old_ones(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), inbox_limit=2)
    async with two(settings) as (gateway, ann, bob), WirePeer.connect(gateway.connector, "eve") as eve:
        await do(ann, "invite", "bob", '{"_timeout":5}')
        await told(bob)
        for name in ("ann", "ann", "bob"):
            await eve.request("user_sendmsg", peer=name, flag="v1:E:60", t="instant", content="spam")
        assert await refused(eve, "invite", "ann") == 700
        assert await refused(ann, "invite", "eve") == 700
        assert await refused(bob, "msg", "ann") == 700
        await do(bob, "ack", "ann")
        await trio.sleep(6)
        assert [kind for kind, _ in await ann.fetch()] == [
            "instant",
            "instant",
            "voip_invite_ack",
            "voip_invite_failed",
        ]
        assert [kind for kind, _ in await bob.fetch()] == ["instant", "voip_invite_bye"]
        await ann.fetch()
        await do(ann, "invite", "eve")
        assert gateway.sessions == 3


@pytest.mark.row("F03")
@pytest.mark.parametrize(
    ("by_caller", "number", "is_meant"),
    [
        (True, 1, False),
        (True, 2, True),
        (True, 3, False),
        (True, -1, True),
        (False, 1, False),
        (False, 2, True),
        (False, -1, False),
    ],
)
async def test_who_names_a_call_by_its_number_means_that_one(*, by_caller: bool, number: int, is_meant: bool) -> None:
    async with two() as (_, ann, bob):
        await do(ann, "invite", "bob")
        await do(ann, "bye", "bob")
        assert (await do(ann, "invite", "bob"))["call"] == 2
        assert await told(bob) == [("invite", "")]
        asker, peer = (ann, "bob") if by_caller else (bob, "ann")
        bye: dict[str, JsonValue] = {"channelName": ROOM, "peer": peer, "extra": "", "call": number}
        if is_meant:
            assert await asker.request("voip_invite_bye", **bye) == {"result": "ok"}
            return
        with pytest.raises(Refusal, match="no open call") as refusal:
            await asker.request("voip_invite_bye", **bye)
        assert refusal.value.code == 700
        assert await do(bob, "accept", "ann") == {"result": "ok"}
