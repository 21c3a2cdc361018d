"""The bot on a real gateway: what people notice, before delivery and after it."""

import pytest
import trio
from trio.testing import MockClock

from botkit import ChannelMessage, ErrorCode, InstantMessage, LoopLimits
from botkit import filters as f
from botkit.errors import SendFailed
from botkit.events import ChannelLeft
from bots.moderation.settings import HoldSettings, Ladder
from tests.bots.moderation.stage import SPAM, stage, told


@pytest.mark.row("D05")
async def test_an_offending_message_reaches_nobody(autojump_clock: MockClock) -> None:
    async with stage() as at:
        bob, ann, moderator = await at.user("bob"), await at.user("ann"), await at.user("mod-eve")
        with pytest.raises(SendFailed, match="not delivered: “spam” is not said here"):
            await bob.say("SPAM!")
        await bob.say("hello")
        for user in (bob, ann, moderator):
            heard = await user.heard(ChannelMessage)
            assert [message.text for message in heard] == ["hello"]
        assert await told(bob) == "Please mind the rules of lobby: “spam” is not said here. Your strikes: 1."
        assert await at.acts() == [
            ("spam", "drop", "bob", "done"),
            ("spam", "strike", "bob", "done"),
            ("spam", "warn", "bob", "done"),
        ]


@pytest.mark.row("D05")
async def test_without_the_role_it_reacts_after_the_delivery(autojump_clock: MockClock) -> None:
    async with stage(servers=()) as at:
        bob, ann = await at.user("bob"), await at.user("ann")
        await bob.say("spam")
        await ann.expect_text("spam")
        assert "strikes: 1" in await told(bob)
        assert await at.rows("SELECT rule, account FROM cases") == [("spam", "bob")]


@pytest.mark.parametrize("private", [False, True])
async def test_nobody_makes_the_bot_deaf_by_having_it_answer(autojump_clock: MockClock, private: bool) -> None:
    """Who is answered again and again, as fast as a bot would ask, is still judged afterwards."""
    async with stage(hold=None) as at:
        bob = await at.user("bob")
        for _ in range(LoopLimits().turns + 5):
            await (bob.tell("moderator", "!why 12") if private else bob.say("!why 12"))
            assert "case 12" not in await told(bob)
        await bob.say("spam")
        assert "strikes: 1" in await told(bob)
        assert await at.rows("SELECT rule, account FROM cases") == [("spam", "bob")]


@pytest.mark.row("D04", "D07")
async def test_the_ladder_is_climbed_and_strikes_decay(autojump_clock: MockClock) -> None:
    ladder = Ladder(steps=("warn", "mute 10m", "kick", "ban"), decay="1h")
    async with stage(ladder=ladder, hold=None) as at:
        bob = await at.user("bob")
        await bob.say("spam 1")
        assert "strikes: 1" in await told(bob)
        await bob.say("spam 2")
        assert await told(bob) == "You are muted in lobby for 10m: “spam” is not said here."
        with pytest.raises(SendFailed, match="muted"):
            await bob.say("hello?")
        await trio.sleep(601)
        await bob.say("spam 3")
        assert await told(bob) == "You were put out of lobby: “spam” is not said here."
        assert (await bob.expect(ChannelLeft)).code == ErrorCode.LEAVECHANNEL_E_KICKED
        assert bob.session.channel is None
        await trio.sleep(3_600)
        await bob.join("lobby")
        await bob.say("spam after the decay")
        assert "strikes: 1" in await told(bob)
        verbs = [act[1] for act in await at.acts() if act[1] != "tell"]
        assert verbs == ["strike", "warn", "strike", "mute", "strike", "kick", "strike", "warn"]


async def test_what_is_fine_goes_through_untouched(autojump_clock: MockClock) -> None:
    async with stage() as at:
        bob, ann = await at.user("bob"), await at.user("ann")
        for number in range(20):
            await bob.say(f"message {number}")
        heard = await ann.heard(ChannelMessage)
        assert [message.text for message in heard] == [f"message {number}" for number in range(20)]
        assert await at.acts() == []
        assert at.world.metric("botkit_moderation_judged_total", when="held") == 20
        assert at.world.metric("botkit_moderation_judged_total", when="delivered") == 0, "each is judged once"


@pytest.mark.row("D06")
async def test_moderators_and_the_bot_itself_are_never_actioned(autojump_clock: MockClock) -> None:
    rule = SPAM
    async with stage(rule, channels=("lobby", "room"), alerts=("mod-eve",)) as at:
        eve, bob = await at.user("mod-eve"), await at.user("bob", "room")
        await eve.say("spam")
        await eve.expect(ChannelMessage, text="spam")
        async with at.world.visitor("moderator~2x"):
            pass
        with pytest.raises(SendFailed):
            await bob.say("spam")
        await told(bob)
        assert await at.rows("SELECT account FROM cases") == [("bob",)]


@pytest.mark.row("D06")
async def test_a_report_that_quotes_a_banned_word_is_not_punished(autojump_clock: MockClock) -> None:
    rule = type(SPAM)(id="spam", words=("spam",), then=("notice", "alert"))
    async with stage(rule, alerts=("mod-eve",), hold=None) as at:
        eve, bob = await at.user("mod-eve"), await at.user("bob")
        await bob.say("spam")
        await bob.expect(ChannelMessage, f.text.startswith("bob, please mind the rules: “spam”"))
        assert await told(eve) == "Case 2: bob in lobby, rule spam: “spam” is not said here."
        assert await at.rows("SELECT account FROM cases") == [("bob",)]


async def test_in_a_dry_run_nobody_notices_anything(autojump_clock: MockClock) -> None:
    async with stage(dry_run=True, ladder=Ladder(steps=("warn", "mute 1m"))) as at:
        bob = await at.user("bob")
        for text in ("spam 1", "spam 2", "spam 3"):
            await bob.say(text)
            await trio.sleep(1)
        await bob.expect_nothing(InstantMessage)
        assert await at.acts() == []
        assert [act[1] for act in await at.acts("dry")] == ["strike", "warn", "strike", "mute", "tell"]


async def test_closed_when_silent_and_the_bot_is_gone(autojump_clock: MockClock) -> None:
    async with stage(run=False, hold=HoldSettings(when_silent="closed")) as at:
        bob = await at.user("bob")
        async with at.running():
            await bob.say("hello")
        with pytest.raises(SendFailed, match="no moderator answered in time"):
            await bob.say("is anybody there?")


async def test_one_line_moderates_every_channel_that_matches(autojump_clock: MockClock) -> None:
    async with stage(channels=("lobby", "room-*"), ladder=Ladder(steps=("mute 10m",)), linger=5) as at:
        for number, channel in enumerate(("room-1", "room-2", "hall", "room-1")):
            async with at.world.visitor(f"user-{number}", channel=channel) as user:
                await trio.sleep(2)
                refused = False
                try:
                    await user.say("spam")
                except SendFailed:
                    refused = True
                assert refused is (channel != "hall")
            await trio.sleep(30)  # the session for it is gone again
        bob = await at.user("bob")
        with pytest.raises(SendFailed):
            await bob.say("spam")
        acts = [act for act in await at.acts() if act[1] == "mute"]
        assert acts == [("spam", "mute", name, "done") for name in ("user-0", "user-1", "user-3", "bob")]
