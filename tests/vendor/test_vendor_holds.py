"""The vendor's own clients in a channel whose messages a moderator sees first."""

import pytest

from botkit.errors import ErrorCode, RequestFailed
from botkit.events import MessageHeld
from tests.vendor.clients import Sdk, VendorUser, next_event
from tests.vendor.stage import LOBBY, Stage, expect_logout

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow, pytest.mark.parametrize("sdk", ["web", "python"])]

NOT_SENT = int(ErrorCode.SENDMESSAGE_E_OTHER)
FOR_LONG = 10.0
"""A budget, in seconds, that no verdict of a test comes near to."""

AT_ONCE = 0.05
"""A budget that runs out."""


async def test_delivered_replaced_or_dropped(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.moderator.hold(LOBBY, budget=FOR_LONG)
    for sender in (ann, bob):
        held = await say_held(stage, sender, "judge me")
        await stage.catch_up(ann)
        await stage.catch_up(bob)
        assert not ann.untaken("channel_message"), "nobody hears it before the verdict"
        assert not bob.untaken("channel_message")
        assert not sender.untaken("answer"), "the sender is told what came of it, not before"
        await stage.moderator.judge(held.number, "deliver")
        assert await outcome(sender) == (0, "")
        await expect_message(stage, sender, "judge me")

        held = await say_held(stage, sender, "something rude")
        await stage.moderator.judge(held.number, "replace", text="something 漢字")
        assert await outcome(sender) == (0, "")
        await expect_message(stage, sender, "something 漢字")

        held = await say_held(stage, sender, "something rude")
        await stage.moderator.judge(held.number, "drop", reason="rude, 漢字")
        assert await outcome(sender) == (NOT_SENT, "rude, 漢字")
    await stage.moderator.release(LOBBY)
    await stage.check_all_is_well()
    assert "something rude" not in [told["text"] for user in (ann, bob) for told in user.heard("channel_message")]


async def test_verdicts_in_another_order(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.moderator.hold(LOBBY, budget=FOR_LONG)
    held = [
        await say_held(stage, ann, "one"),
        await say_held(stage, bob, "two"),
        await say_held(stage, bob, "three"),
        await say_held(stage, ann, "four"),
        await say_held(stage, ann, "five"),
    ]
    await stage.moderator.judge(held[3].number, "deliver")
    await stage.moderator.judge(held[1].number, "drop", reason="rude")
    await stage.moderator.judge(held[2].number, "replace", text="3")
    await stage.catch_up(ann)
    assert not ann.untaken("channel_message"), "the first one has no verdict yet"
    await stage.moderator.judge(held[0].number, "deliver")
    for user in (ann, bob):
        await user.expect("channel_message", text="four")
    await stage.moderator.release(LOBBY)
    for user in (ann, bob):
        await user.expect("channel_message", text="five")
        said = [(told["account"], told["text"]) for told in user.heard("channel_message")]
        assert said == [("ann", "one"), ("bob", "3"), ("ann", "four"), ("ann", "five")]
        user.forget("channel_message")
    await stage.check_all_is_well()


async def test_a_silent_moderator(stage: Stage, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await stage.moderator.hold(LOBBY, budget=AT_ONCE, open_on_silence=True)
    held = await say_held(stage, ann, "open")
    assert await outcome(ann) == (0, "")
    await expect_message(stage, ann, "open")
    with pytest.raises(RequestFailed):
        await stage.moderator.judge(held.number, "drop")

    await stage.moderator.hold(LOBBY, budget=AT_ONCE, open_on_silence=False)
    await say_held(stage, ann, "closed")
    assert await outcome(ann) == (NOT_SENT, "no moderator answered in time")
    await ann.do("say", text="closed")
    await ann.expect("said")
    await stage.moderator.release(LOBBY)
    await stage.check_all_is_well()
    assert "closed" not in [told["text"] for user in (ann, bob) for told in user.heard("channel_message")]


async def test_the_sender_is_gone_before_the_verdict(stage: Stage, sdk: Sdk) -> None:
    """Who left is judged all the same; what was said by who is muted or kicked by then is dropped, and it is told."""
    ann, bob = stage.ann, stage.bob
    await stage.moderator.hold(LOBBY, budget=FOR_LONG)
    left = await say_held(stage, ann, "left")
    await ann.do("leave")
    await ann.expect("left")
    await stage.moderator.judge(left.number, "deliver")
    await bob.expect("channel_message", account="ann", text="left")
    assert await outcome(ann) == (0, "")

    await stage.enter(ann)
    await say_held(stage, ann, "muted")
    await stage.moderator.mute("ann", channel=LOBBY, reason="enough")
    assert await outcome(ann) == (NOT_SENT, "muted: enough")
    await stage.moderator.unmute("ann", channel=LOBBY)
    kicked = await say_held(stage, ann, "kicked")
    await stage.moderator.kick("ann", LOBBY, reason="enough")
    assert (await outcome(ann))[0] == NOT_SENT
    with pytest.raises(RequestFailed):
        await stage.moderator.judge(kicked.number, "deliver")

    await stage.enter(ann)
    await say_held(stage, ann, "banned")
    await stage.moderator.ban("ann")
    await expect_logout(ann, sdk)
    await stage.moderator.release(LOBBY)
    await stage.moderator.unban("ann")
    await ann.log_in()
    await stage.enter(ann)
    await stage.check_all_is_well(logins=2)
    for user in (ann, bob):
        assert not {told["text"] for told in user.heard("channel_message")} & {"muted", "kicked", "banned"}


async def say_held(stage: Stage, sender: VendorUser, text: str) -> MessageHeld:
    """A message in the lobby that the moderator is asked about; what comes of it is the sender's answer."""
    await sender.do("ask", func="channel_sendmsg", args={"name": LOBBY, "msg": text})
    held = await next_event(stage.moderator, MessageHeld)
    assert (held.account, held.channel, held.text) == (sender.name, LOBBY, text)
    return held


async def outcome(sender: VendorUser) -> tuple[object, object]:
    """What the sender is told of its message: (0, "") when it was delivered."""
    answer = (await sender.expect("answer", func="channel_sendmsg"))["answer"]
    assert isinstance(answer, dict)
    return answer.get("code", 0), answer.get("reason", "")


async def expect_message(stage: Stage, sender: VendorUser, text: str) -> None:
    """Both hear it, the sender too."""
    for user in (stage.ann, stage.bob):
        await user.expect("channel_message", account=sender.name, text=text)
