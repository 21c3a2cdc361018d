"""The vendor's own clients under a moderator: muted, kicked, banned, their channel closed under them.

None of this is in the vendor's API: what its clients are shown has to be something that they know.
"""

import pytest
import trio

from botkit.errors import ErrorCode, LoginFailed
from botkit.signaling import Signal
from botkit.testing import TEST_APP
from tests.vendor.clients import Sdk
from tests.vendor.drivers import Vendor
from tests.vendor.stage import LOBBY, MODERATOR, Stage, expect_logout, expect_refusal

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow, pytest.mark.parametrize("sdk", ["web", "python"])]

CALL_ENDS = ("call_failed", "ended_by_peer", "refused")
NOT_SENT = int(ErrorCode.SENDMESSAGE_E_OTHER)


@pytest.mark.row("0.3")
async def test_muted_in_a_channel(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.moderator.mute("ann", channel=LOBBY, reason="spam, 漢字")
    assert await ann.ask_in_vain("channel_sendmsg", name=LOBBY, msg="unheard") == (NOT_SENT, "muted: spam, 漢字")
    await ann.do("say", text="unheard")
    await ann.expect("said")
    await stage.say(bob, ann)
    await ann.do("send", account="bob", text="only the channel is closed to me")
    await ann.expect("sent", ok=True)
    await bob.expect("instant", account="ann", text="only the channel is closed to me")
    await stage.enter(ann, "the hall")
    await stage.say(ann)
    await stage.enter(ann)
    assert await ann.ask_in_vain("channel_sendmsg", name=LOBBY, msg="unheard") == (NOT_SENT, "muted: spam, 漢字")

    await stage.moderator.unmute("ann", channel=LOBBY)
    await stage.check_all_is_well()
    assert not [told for told in bob.heard("channel_message") if told["text"] == "unheard"]


async def test_muted_everywhere_for_a_time(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.moderator.mute("ann", reason="enough")
    await ann.do("send", account="bob", text="unheard")
    await ann.expect("sent", ok=False)
    assert await ann.ask_in_vain("channel_sendmsg", name=LOBBY, msg="unheard") == (NOT_SENT, "muted: enough")
    await stage.say(bob, ann)
    await stage.catch_up(ann)

    await stage.moderator.mute("ann", seconds=600)
    await ann.do("send", account="bob", text="unheard")
    await ann.expect("sent", ok=False)
    await stage.moderator.mute("ann", seconds=1)
    await trio.sleep(1)
    await ann.do("send", account="bob", text="at last")
    await ann.expect("sent", ok=True)
    await bob.expect("instant", account="ann", text="at last")
    assert not await stage.moderator.list_sanctions()
    await stage.check_all_is_well()
    assert not bob.untaken("instant")


async def test_a_mute_reaches_attributes_and_calls(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await bob.do("invite", channel="before", peer="ann", extra="")
    await ann.expect("invited", channel="before")
    await ann.do("accept", channel="before", peer="bob", extra="")
    await bob.expect("accepted", channel="before")
    await stage.moderator.mute("ann", reason="enough")
    for name in ("topic", "漢字"):
        code, reason = await ann.ask_in_vain("channel_set_attr", channel=LOBBY, name=name, value="unheard")
        assert (code, reason) == (int(ErrorCode.GENERAL_E_FAILED), "muted: enough")
        await ann.do("set_attribute", name=name, value="unheard")
    await ann.do("invite", channel="room", peer="bob", extra='"unheard"')
    failed = await ann.expect("call_failed", channel="room", peer="bob")
    assert failed["reason"] in ("muted: enough", int(ErrorCode.INVITE_E_OTHER))
    if sdk == "web":
        await ann.do("press", channel="before", peer="bob", digits="123")
    await ann.do("end", channel="before", peer="bob", extra='"unheard"')
    assert (await bob.expect("ended_by_peer", channel="before"))["extra"] == ""
    await ann.expect("ended_by_myself", channel="before")

    await bob.do("invite", channel="room", peer="ann", extra='"are you there?"')
    await ann.expect("invited", channel="room", extra='"are you there?"')
    await ann.do("accept", channel="room", peer="bob", extra='"unheard"')
    assert (await bob.expect("accepted", channel="room"))["extra"] == ""
    await bob.do("end", channel="room", peer="ann", extra="")
    await ann.expect("ended_by_peer", channel="room")
    await stage.moderator.unmute("ann")
    await stage.check_all_is_well()
    for event in ("attribute", "invited", "call_message"):
        assert not bob.untaken(event)


@pytest.mark.row("0.3")
async def test_kicked_from_a_channel(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.moderator.kick("ann", LOBBY, reason="out")
    await bob.expect("user_left", account="ann")
    await stage.say(bob)
    await stage.catch_up(ann)
    assert not ann.untaken("channel_message"), "who was kicked hears nothing more"
    assert not ann.untaken("left"), "neither SDK has a way to be told; a botkit session hears 601"
    code, _ = await ann.ask_in_vain("channel_sendmsg", name=LOBBY, msg="unheard")
    assert code == NOT_SENT
    await ann.do("say", text="unheard")
    await ann.expect("said")
    await ann.do("set_attribute", name="topic", value="unheard")
    await ann.do("leave")
    await ann.expect("left")
    assert (await bob.ask("channel_query_user_isin", name=LOBBY, account="ann"))[1]["isin"] == 0

    await stage.enter(ann)
    await bob.expect("user_joined", account="ann")
    await stage.check_all_is_well()
    assert not bob.untaken("user_left"), "it left once"
    assert not bob.untaken("attribute")
    assert not [told for told in bob.heard("channel_message") if told["text"] == "unheard"]


@pytest.mark.row("0.3")
async def test_banned_from_the_app(stage: Stage, sdk: Sdk, vendor: Vendor) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.moderator.ban("ann", reason="enough")
    await expect_logout(ann, sdk)
    await bob.expect("user_left", account="ann")
    await ann.start_login()
    await expect_refusal(ann, sdk)
    assert not ann.untaken("login_failed"), "it is told once"
    assert not ann.untaken("logged_out")
    with pytest.raises(LoginFailed, match="banned: enough") as refused:
        async with Signal(TEST_APP, vendor.url).open_session("ann"):
            pass
    assert refused.value.code is ErrorCode.LOGIN_E_FAILED
    assert [(told.kind, told.moderator) for told in await stage.moderator.list_sanctions("ann")] == [("ban", MODERATOR)]

    await stage.moderator.unban("ann")
    await come_back(stage, logins=2)

    await stage.moderator.ban("ann", seconds=600)
    await expect_logout(ann, sdk)
    await bob.expect("user_left", account="ann")
    await ann.start_login()
    await expect_refusal(ann, sdk)
    await stage.moderator.ban("ann", seconds=1)
    await trio.sleep(1)
    await come_back(stage, logins=3)


async def test_banned_in_a_call(stage: Stage, sdk: Sdk) -> None:
    """Both are on the line, and ring at each other: the other side is told of the end of each call, once."""
    ann, bob = stage.ann, stage.bob
    await ann.do("invite", channel="up", peer="bob", extra="")
    await bob.expect("invited", channel="up", peer="ann")
    await bob.do("accept", channel="up", peer="ann", extra="")
    await ann.expect("accepted", channel="up")
    await ann.do("invite", channel="from ann", peer="bob", extra="")
    await bob.expect("invited", channel="from ann", peer="ann")
    await ann.expect("ringing", channel="from ann")
    await bob.do("invite", channel="to ann", peer="ann", extra="")
    await ann.expect("invited", channel="to ann", peer="bob")
    await bob.expect("ringing", channel="to ann")
    await stage.moderator.ban("ann")
    await expect_logout(ann, sdk)
    await bob.expect("user_left", account="ann")
    await stage.catch_up(bob)
    ends = [(told["event"], told["channel"]) for event in CALL_ENDS for told in bob.untaken(event)]
    assert sorted(ends) == [("ended_by_peer", channel) for channel in ("from ann", "to ann", "up")]
    await bob.do("end", channel="up", peer="ann", extra="")
    await stage.moderator.unban("ann")
    await come_back(stage, logins=2)
    for event in CALL_ENDS:
        assert not ann.untaken(event), "a new session knows nothing of the calls of the old one"


async def test_a_channel_that_is_closed(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await ann.do("set_attribute", name="topic", value="the old one")
    for user in (ann, bob):
        await user.expect("attribute", name="topic")
    assert await stage.moderator.close_channel(LOBBY, reason="out, all of you") == 2
    for user in (ann, bob):
        code, _ = await user.ask_in_vain("channel_sendmsg", name=LOBBY, msg="unheard")
        assert code == NOT_SENT
        await stage.catch_up(user)
        assert not user.untaken("channel_message")
        assert not user.untaken("left")
    await stage.enter(ann)
    await stage.say(ann)
    await stage.enter(bob)
    await stage.check_all_is_well()
    assert not ann.untaken("attribute"), "the channel is a new one"


async def test_seen_in_a_snapshot(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.enter(bob, "the hall")
    await ann.expect("user_left", account="bob")
    online = {seen.account: (seen.uid, seen.channel) for seen in await stage.moderator.list_online()}
    uids = {user: user.heard("logged_in")[0]["uid"] for user in (ann, bob)}
    assert online == {
        "ann": (uids[ann], LOBBY),
        "bob": (uids[bob], "the hall"),
        MODERATOR: (stage.moderator.uid, ""),
    }
    await stage.enter(bob)
    await stage.check_all_is_well()


async def come_back(stage: Stage, *, logins: int) -> None:
    """``ann`` logs in again, and all is as it was."""
    await stage.ann.log_in()
    await stage.enter(stage.ann)
    await stage.bob.expect("user_joined", account="ann")
    await stage.check_all_is_well(logins=logins)
