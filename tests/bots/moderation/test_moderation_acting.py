"""Acting: failures that stop nothing else, raids, sprays, sanctions that outlive a restart."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit import ChannelMessage, ErrorCode, InstantMessage, SignalingError
from botkit.errors import LoginFailed, SendFailed
from botkit.testing import User
from bots.moderation import service as service_module
from bots.moderation.acting.sessions import SessionPowers
from bots.moderation.rules import Scores
from bots.moderation.rules.settings import CrossChannelRule, FloodRule, JoinWaveRule, RepeatRule, ScoreRule, WordsRule
from bots.moderation.scorers.settings import FunctionSource, ScorerSettings
from bots.moderation.settings import HoldSettings
from tests.bots.moderation.stage import SPAM, Stage, stage, told

TEN = ("warn", "alert", "notice", "hold", "slow 5", "mute 10m", "kick", "strike", "ban 1h", "alert")
"""Ten actions; the strike leads to a warning."""


@pytest.mark.row("D15")
@pytest.mark.parametrize("broken", ["tell", "say", "kick", "set"])
async def test_what_fails_stops_nothing_else_and_is_told(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    rule = WordsRule(id="spam", words=("spam",), then=TEN)
    original = getattr(SessionPowers, broken)
    failed: list[object] = []

    async def fail_once(self: SessionPowers, *arguments: object) -> None:
        if not failed:
            failed.append(arguments)
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, "out of order")
        await original(self, *arguments)

    monkeypatch.setattr(SessionPowers, broken, fail_once)
    async with stage(rule, alerts=("mod-eve",), hold=None) as at:
        bob, eve = await at.user("bob"), await at.user("mod-eve")
        await bob.say("spam")
        await trio.sleep(2)
        acts = await at.acts()
        outcomes = [act[3] for act in acts]
        assert len(acts) >= 10
        assert (outcomes.count("failed"), outcomes.count("done")) == (1, len(acts) - 1)
        heard = [message.text for message in await eve.heard(ChannelMessage)]
        assert any("mind the rules" in text for text in heard) is (broken != "say")
        alerts = await instants(eve)
        assert any(text.startswith("Case 2 (spam, bob):") and "out of order" in text for text in alerts)
        problem = await at.rows("SELECT problem FROM acts WHERE outcome = 'failed'")
        assert "out of order" in str(problem[0][0])


async def instants(user: User) -> list[str]:
    """What somebody was told in private."""
    return [one.text for one in await user.heard(InstantMessage)]


async def limit_of(at: Stage, channel: str) -> str | None:
    """The channel's limit of messages a second, as somebody in it sees it."""
    async with at.world.visitor(f"see-{trio.current_time():.0f}", channel=channel) as visitor:
        assert visitor.session.channel is not None
        return visitor.session.channel.attributes.get("_sendmsg_limit")


@pytest.mark.row("D20")
@pytest.mark.parametrize(("before", "joins"), [(None, 12), pytest.param("30", 50, marks=pytest.mark.slow)])
async def test_a_wave_is_a_raid_until_it_is_quiet(autojump_clock: MockClock, before: str | None, joins: int) -> None:
    rule = JoinWaveRule(id="raid", joins=10, seconds=10, quiet_seconds=60)
    async with stage(rule, alerts=("mod-eve",)) as at:
        ann = await at.user("ann")
        eve = await at.user("mod-eve", "attic")
        if before is not None:
            await ann.session.invoke(
                "channel_set_attr", {"channel": "lobby", "name": "_sendmsg_limit", "value": before}
            )
        await trio.sleep(30)
        raiders = []
        for number in range(joins):
            raiders.append(await at.world.user(f"raider-{number}", channel="lobby"))
            await trio.sleep(0.04)
        await trio.sleep(1)
        assert "accounts joined within 10 s" in await told(eve)
        assert await limit_of(at, "lobby") == "1"
        for raider in (raiders[0], raiders[joins // 2], raiders[-1]):
            with pytest.raises(SendFailed, match="raid mode"):
                await raider.say("hello")
        await ann.say("I was here before")
        late = await at.user("late")
        with pytest.raises(SendFailed, match="raid mode"):
            await late.say("hello")
        await trio.sleep(90)
        assert await limit_of(at, "lobby") == before
        for user in (raiders[0], late, ann):
            await user.say("it is over")
            await trio.sleep(1)
        assert await at.rows("SELECT state, kind FROM cases") == [("ended", "join_wave")]


@pytest.mark.row("D20")
async def test_a_raid_ends_also_when_the_bot_was_restarted_in_it(autojump_clock: MockClock) -> None:
    rule = JoinWaveRule(id="raid", joins=5, seconds=10, quiet_seconds=60)
    async with stage(rule, run=False) as at:
        async with at.running():
            raiders = [await at.world.user(f"raider-{number}", channel="lobby") for number in range(6)]
            await trio.sleep(1)
        assert await limit_of(at, "lobby") == "1"
        async with at.running():
            await trio.sleep(50)
            with pytest.raises(SendFailed, match="raid mode"):
                await raiders[0].say("still?")
            await trio.sleep(15)
            await raiders[0].say("no more")
            assert await limit_of(at, "lobby") is None


@pytest.mark.row("D21")
async def test_a_spray_over_ten_channels_is_caught_on_the_third(autojump_clock: MockClock) -> None:
    channels = [f"room-{number}" for number in range(10)]
    rule = CrossChannelRule(id="spray", in_channels=3, seconds=60, then=("mute 1h everywhere",))
    async with stage(rule, channels=channels) as at:
        sent = []
        bob = await at.world.user("bob")
        for channel in channels:
            await bob.join(channel)
            try:
                await bob.say("join my server, it is free")
            except SendFailed as error:
                sent.append(error.reason)
            else:
                sent.append("")
            await trio.sleep(0.5)
        assert sent[:2] == ["", ""]
        assert sent[2] == "not delivered: the same text in 3 channels"
        assert sent[3:] == ["muted: the same text in 3 channels"] * 7


@pytest.mark.row("D08")
@pytest.mark.parametrize("back_after", [1_800, 7_200])
async def test_a_ban_outlives_bot_and_gateway_and_is_lifted_once(autojump_clock: MockClock, back_after: float) -> None:
    rule = WordsRule(id="spam", words=("spam",), then=("ban 1h",))
    async with stage(rule, run=False, hold=None) as at:
        async with at.running():
            bob = await at.user("bob")
            await bob.say("spam")
            await trio.sleep(1)
        await at.world.restart_gateway(down_seconds=back_after, crash=True)
        async with at.running():
            await trio.sleep(5)
            if back_after < 3_600:
                with pytest.raises(LoginFailed, match="banned: “spam” is not said here"):
                    async with at.world.visitor("bob"):
                        pass
                await trio.sleep(3_600 - back_after)
            async with at.world.visitor("bob", channel="lobby") as back:
                await back.say("I am back")
        assert await at.rows("SELECT count(*) FROM audit WHERE kind IN ('case', 'undo')") == [(1,)]


class Scorer:
    """A scorer that a test can kill."""

    def __init__(self) -> None:
        self.answers: dict[str, float | None] = {}
        self.hangs = False

    async def score(self, names: Collection[str], text: str) -> Scores:
        """See ``Scorers``."""
        if self.hangs:
            await trio.sleep_forever()
        return {name: self.answers.get(text) for name in names}


@pytest.mark.row("D05")
@pytest.mark.parametrize("policy", ["open", "closed"])
@pytest.mark.parametrize("hangs", [True, False])
async def test_a_dead_scorer_and_the_policy(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, policy: str, hangs: bool
) -> None:
    scorer = Scorer()

    @asynccontextmanager
    async def open_scorer(*_: object) -> AsyncIterator[Scorer]:
        yield scorer

    monkeypatch.setattr(service_module, "open_scorers", open_scorer)
    known = ScorerSettings(name="local", sources=(FunctionSource(function="os:getpid"),))
    rule = ScoreRule(id="toxic", scorer="local", at_least=0.5)
    hold = HoldSettings(when_silent=policy)  # type: ignore[arg-type]
    async with stage(rule, SPAM, hold=hold, alerts=("mod-eve",), scorers=(known,)) as at:
        bob, ann, eve = await at.user("bob"), await at.user("ann"), await at.user("mod-eve")
        scorer.answers = {"nice": 0.1, "nasty": 0.9}
        await bob.say("nice")
        with pytest.raises(SendFailed, match=r"local gives it 0\.90 of 1"):
            await bob.say("nasty")
        scorer.answers.clear()
        scorer.hangs = hangs
        before = trio.current_time()
        if policy == "open":
            await bob.say("who knows")
        else:
            with pytest.raises(SendFailed, match="it could not be judged in time"):
                await bob.say("who knows")
        assert trio.current_time() - before < hold.budget_seconds, "of virtual time: within its budget"
        with pytest.raises(SendFailed, match="“spam” is not said here"):
            await bob.say("spam")
        heard = [message.text for message in await ann.heard(ChannelMessage)]
        assert heard == (["nice", "who knows"] if policy == "open" else ["nice"])
        assert "Rule toxic cannot judge, and is off until it can" in await told(eve)
        assert at.world.metric("botkit_moderation_unjudged_total", policy=policy) >= 1


@pytest.mark.row("D05")
async def test_a_verdict_that_comes_too_late_is_followed_by_a_reaction(
    autojump_clock: MockClock,
) -> None:
    async with stage(SPAM, hold=HoldSettings(budget_seconds=0.1)) as at:
        bob, ann = await at.user("bob"), await at.user("ann")
        await say_too_late(at, bob, "spam")
        await ann.expect_text("spam")
        assert "strikes: 1" in await told(bob)
        assert await at.rows("SELECT count(*) FROM cases") == [(1,)]
        assert at.world.metric("botkit_moderation_late_total") == 1


async def say_too_late(at: Stage, user: User, text: str) -> None:
    """A message whose verdict the gateway does not wait for."""
    at.world.road("moderator").block()
    await user.say(text)
    at.world.road("moderator").open()
    await trio.sleep(1)


@pytest.mark.row("D05")
async def test_what_was_judged_too_late_counts_once(autojump_clock: MockClock) -> None:
    """It is judged again after its delivery: a slow bot is not twice as strict, and lets no offence pass."""
    rules = FloodRule(id="flood", messages=2, seconds=60), RepeatRule(id="repeat", times=1, seconds=60)
    async with stage(*rules, hold=HoldSettings(budget_seconds=0.1)) as at:
        bob = await at.user("bob")
        await say_too_late(at, bob, "hello")
        await say_too_late(at, bob, "anybody here?")
        assert await at.rows("SELECT rule FROM cases") == []
        await say_too_late(at, bob, "anybody here?")
        assert await at.rows("SELECT rule FROM cases") == [("flood",)]
        assert at.world.metric("botkit_moderation_late_total") == 3


@pytest.mark.row("D04")
async def test_hold_for_review_and_its_two_ends(autojump_clock: MockClock) -> None:
    rule = WordsRule(id="maybe", words=("maybe",), then=("hold", "alert"))
    async with stage(rule, alerts=("mod-eve",)) as at:
        bob, ann, eve = await at.user("bob"), await at.user("ann"), await at.user("mod-eve")
        for number in (1, 2):
            with pytest.raises(SendFailed, match="held for review: “maybe” is not said here"):
                await bob.say(f"maybe {number}")
        await trio.sleep(1)
        await eve.heard(ChannelMessage)
        cases = [int(str(row[0])) for row in await at.rows("SELECT id FROM cases ORDER BY id")]
        await eve.tell("moderator", f"!approve {cases[0]}")
        await ann.expect_text("bob: maybe 1")
        await eve.tell("moderator", f"!reject {cases[1]}")
        await eve.tell("moderator", f"!reject {cases[1]}")
        await trio.sleep(1)
        answers = await instants(eve)
        assert answers[-3:] == [
            f"case {cases[0]} is approved",
            f"case {cases[1]} is rejected",
            f"no case {cases[1]} waits for review",
        ]
        assert await at.rows("SELECT state FROM cases ORDER BY id") == [("undone",), ("ended",)]
