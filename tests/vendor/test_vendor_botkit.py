"""The vendor's own clients with a botkit session at the other end."""

import json
from collections.abc import AsyncIterator

import pytest
import trio

from botkit.errors import ErrorCode, InviteFailed
from botkit.events import (
    CallEnded,
    CallInvited,
    CallRinging,
    ChannelAttributeUpdated,
    ChannelMessage,
    InstantMessage,
    UserJoined,
    UserLeft,
)
from botkit.signaling import Call, LoginSession, Signal
from botkit.testing import TEST_APP
from botkit.wire.states import CallState
from tests.vendor.clients import PATIENCE, Sdk, VendorUser, next_event, parsed
from tests.vendor.drivers import Vendor

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow, pytest.mark.parametrize("sdk", ["web", "python"])]

TEXT = "grüß dich, 漢字 😀  two blanks"


@pytest.fixture
async def bob(vendor: Vendor) -> AsyncIterator[LoginSession]:
    """A botkit session at the vendor's gateway."""
    async with Signal(TEST_APP, vendor.url).open_session("bob") as session:
        yield session


@pytest.fixture
async def ann(vendor: Vendor, sdk: Sdk) -> AsyncIterator[VendorUser]:
    """A user of the vendor's SDK, logged in."""
    async with vendor.open_driver(sdk) as driver:
        user = driver.user("ann")
        await user.log_in()
        yield user


async def test_messages_and_attributes(sdk: Sdk, ann: VendorUser, bob: LoginSession) -> None:
    await bob.send_instant("ann", TEXT)
    await ann.expect("instant", account="bob", text=TEXT)
    await ann.do("send", account="bob", text=TEXT)
    message = await next_event(bob, InstantMessage)
    assert (message.account, message.text) == ("ann", TEXT)
    assert await bob.is_online("ann")

    lobby = await bob.join("the lobby")
    await lobby.set_attribute("topic", TEXT)
    await ann.do("join", channel="the lobby")
    await ann.expect("joined")
    await ann.expect("attribute", name="topic", value=TEXT, kind="update")
    assert (await next_event(bob, UserJoined)).account == "ann"
    await ann.do("say", text=TEXT)
    said = await next_event(bob, ChannelMessage)
    assert (said.account, said.text) == ("ann", TEXT)
    await lobby.send("hi")
    await ann.expect("channel_message", account="bob", text="hi")

    await ann.do("set_attribute", name="mood", value="good")
    update = await next_event(bob, ChannelAttributeUpdated)
    while update.name != "mood":
        update = await next_event(bob, ChannelAttributeUpdated)
    assert (update.account, update.value, update.kind) == ("ann", "good", "update")
    await bob.set_user_attribute("name", "Bob")
    assert (await ann.ask("user_get_attr", account="bob", name="name"))[1]["value"] == "Bob"
    await ann.ask("user_set_attr", name="name", value=TEXT)
    assert await bob.get_user_attributes("ann") == {"name": TEXT}

    await ann.do("leave")
    assert (await next_event(bob, UserLeft)).account == "ann"


async def test_a_whole_call_to_botkit(sdk: Sdk, ann: VendorUser, bob: LoginSession) -> None:
    extra = json.dumps({"media": "audio"})
    await ann.do("invite", channel="room", peer="bob", extra=extra)
    invited = await next_event(bob, CallInvited)
    assert (invited.peer, invited.channel, invited.extra) == ("ann", "room", extra)
    await ann.expect("ringing")
    call = bob.call(invited.call)
    assert call is not None
    async with call.accepted({"yes": 1}):
        accepted = await ann.expect("accepted", channel="room", peer="bob")
        assert parsed(accepted["extra"]) == {"yes": 1}
        await press_both_ways(sdk, ann, call)
        await call.say(TEXT)
        await ann.expect("instant", account="bob", text=TEXT)
        await ann.do("end", channel="room", peer="bob", extra="")
        await call.wait_ended()
    assert (await next_event(bob, CallEnded)).by_peer
    await ann.expect("ended_by_myself")


async def test_a_whole_call_from_botkit(sdk: Sdk, ann: VendorUser, bob: LoginSession) -> None:
    call = await bob.invite("room", "ann", {"srcNum": "07"})
    invited = await ann.expect("invited", channel="room", peer="bob")
    assert parsed(invited["extra"]) == {"srcNum": "07"}
    await next_event(bob, CallRinging)
    await ann.do("accept", channel="room", peer="bob", extra='{"yes": 1}')
    with trio.fail_after(PATIENCE):
        # The Python SDK accepts with the invitation's extra, whatever it is told.
        assert json.loads(await call.wait_answer()) == ({"yes": 1} if sdk == "web" else {"srcNum": "07"})
    await press_both_ways(sdk, ann, call)
    await call.end()
    await ann.expect("ended_by_peer")
    assert not ann.untaken("ended_by_peer"), "a call ends once"


async def press_both_ways(sdk: Sdk, ann: VendorUser, call: Call) -> None:
    """Digits in both directions; the Python SDK has no way to press any."""
    await call.press("0123456789*#")
    message = await ann.expect("call_message", channel="room", peer="bob")
    assert parsed(message["extra"]) == {"msgtype": "dtmf", "msgdata": "0123456789*#"}
    if sdk == "web":
        await ann.do("press", channel="room", peer="bob", digits="12#*")
        assert await call.gather_dtmf(count=4, timeout=PATIENCE) == "12#*"


async def test_calls_that_do_not_come_about(sdk: Sdk, ann: VendorUser, bob: LoginSession) -> None:
    call = await bob.invite("room", "ann")
    await ann.expect("invited")
    await ann.do("refuse", channel="room", peer="bob", extra="")
    with trio.fail_after(PATIENCE), pytest.raises(InviteFailed):
        await call.wait_answer()
    assert call.state is CallState.REFUSED

    await ann.do("invite", channel="room", peer="bob", extra="")
    invited = await next_event(bob, CallInvited)
    incoming = bob.call(invited.call)
    assert incoming is not None
    await incoming.refuse({"why": "busy"})
    assert parsed((await ann.expect("refused"))["extra"]) == {"why": "busy"}

    await ann.do("logout")
    await ann.expect("logged_out", code=101)
    with pytest.raises(InviteFailed) as failed:
        await bob.invite("room", "ann", {"_require_peer_online": 1})
    assert failed.value.code is ErrorCode.INVITE_E_PEEROFFLINE
