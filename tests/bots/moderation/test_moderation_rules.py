"""Every kind of rule: what it finds, where, and what it leaves alone."""

import pytest

from bots.moderation.rules import Joined, Message, RuleSet, RuleState, Verdict
from bots.moderation.rules.settings import (
    AnyRule,
    CapsRule,
    CrossChannelRule,
    Exempt,
    FloodRule,
    JoinWaveRule,
    LinksRule,
    MentionsRule,
    NewJoinerRule,
    RegexRule,
    RepeatRule,
    ScoreRule,
    WordsRule,
)

LETTER = 1_000


class Bench:
    """One set of rules and what it remembers."""

    def __init__(self, *rules: AnyRule, exempt: Exempt | None = None) -> None:
        self.rules, self.state = RuleSet(rules, exempt), RuleState()
        self.scores: dict[str, float | None] = {}

    def say(
        self, text: str, *, at: float = 1.0, account: str = "bob", channel: str = "lobby", roles: tuple[str, ...] = ()
    ) -> Verdict | None:
        """The verdict on a message, ``at`` so many seconds."""
        fact = Message(channel=channel, account=account, text=text, ms=round(at * 1000), roles=roles)
        judgement = self.rules.judge(fact, self.state, self.scores)
        assert not judgement.failures
        return judgement.chosen

    def join(self, account: str, *, at: float = 1.0, channel: str = "lobby") -> Verdict | None:
        """The verdict on somebody who joins."""
        fact = Joined(channel=channel, account=account, ms=round(at * 1000))
        return self.rules.judge(fact, self.state).chosen


def hit(verdict: Verdict | None) -> tuple[str, str]:
    assert verdict is not None
    return verdict.evidence, verdict.detail


@pytest.mark.row("D01")
@pytest.mark.parametrize(
    ("rule", "guilty", "evidence", "innocent"),
    [
        (WordsRule(id="r", words=("spam", "buy now")), "please BUY  now!", "BUY  now", "I buy nowhere"),
        (RegexRule(id="r", patterns=(r"FREE\b",)), "for Free!", "Free", "freedom"),
        (RegexRule(id="r", patterns=(r"\bfree\s+\w*coins?\b",)), "get FREE bitcoins", "FREE bitcoins", "free, coined"),
        (
            LinksRule(id="r", allowed=("example.org",)),
            "go to http://evil.example now",
            "http://evil.example",
            "see https://docs.example.org/x",
        ),
        (MentionsRule(id="r", at_most=2), "hi @ann @bob @cy!", "@ann @bob @cy", "@ann @bob @ann, mail me@x.example"),
        (CapsRule(id="r", share=0.7, letters=10), "STOP SHOUTING now", "STOP SHOUTING now", "STOP shouting NOW"),
        (CapsRule(id="r", share=0.5, letters=4), "ABCd", "ABCd", "ABcd"),
        (CapsRule(id="r", share=0.5, letters=4), "ÄÖÜß", "ÄÖÜß", "OK!"),
    ],
)
def test_rules_about_one_text(rule: AnyRule, guilty: str, evidence: str, innocent: str) -> None:
    bench = Bench(rule)
    verdict = bench.say(guilty)
    assert verdict is not None
    assert (verdict.evidence, guilty[verdict.start : verdict.end]) == (evidence, evidence)
    assert bench.say(innocent) is None


@pytest.mark.row("D01")
def test_flood_at_its_border_and_as_one_offence() -> None:
    bench = Bench(FloodRule(id="flood", messages=3, seconds=10))
    assert [bench.say("hi", at=at) for at in (0, 1, 2)] == [None] * 3
    first, second = bench.say("hi", at=9.999), bench.say("hi", at=9.9995)
    assert first is not None
    assert second is not None
    assert (first.again, second.again) == (False, True)
    slow = Bench(FloodRule(id="flood", messages=3, seconds=10))
    assert [slow.say("hi", at=at) for at in (0, 4, 8, 12, 16, 20)] == [None] * 6
    assert [slow.say("hi", at=20, account=name) for name in ("ann", "cy", "dan", "eve")] == [None] * 4


@pytest.mark.row("D01")
def test_repeat() -> None:
    bench = Bench(RepeatRule(id="repeat", times=2, seconds=60))
    assert bench.say("Buy this", at=0) is None
    assert bench.say("something else", at=1) is None
    assert bench.say("buy  THIS", at=2) is None
    assert bench.say("buy this", at=3, account="ann") is None
    assert hit(bench.say("b\u200buy this", at=4))[1] == "the same was said more than 2 times"
    assert bench.say("buy this", at=64) is None


@pytest.mark.row("D01")
def test_new_joiner() -> None:
    bench = Bench(NewJoinerRule(id="new", seconds=60, forbid="links"))
    assert bench.say("http://a.example", account="was-there-before") is None
    bench.join("bob", at=10)
    assert bench.say("hello", at=11) is None
    assert bench.say("http://a.example", at=11, channel="elsewhere") is None
    assert hit(bench.say("see http://a.example", at=69.9)) == ("http://a.example", "a link 60 s after joining")
    assert bench.say("see http://a.example", at=70) is None
    for forbid, guilty in (("mentions", "hi @ann"), ("anything", "hello")):
        other = Bench(NewJoinerRule(id="new", forbid=forbid))  # type: ignore[arg-type]
        other.join("bob", at=10)
        assert other.say(guilty, at=20) is not None
        assert other.say(guilty, at=71) is None


@pytest.mark.row("D01", "D20")
def test_a_wave_counts_accounts_and_names_them() -> None:
    bench = Bench(JoinWaveRule(id="raid", joins=3, seconds=2, quiet_seconds=30))
    assert [bench.join("a", at=at) for at in (0, 0.1, 0.2, 0.3)] == [None] * 4, "one account is no wave"
    assert bench.join("b", at=1) is None
    assert bench.join("c", at=1, channel="hall") is None
    wave = bench.join("c", at=1.9)
    assert wave is not None
    assert (wave.accounts, wave.key, wave.again) == (("a", "b", "c"), "lobby", False)
    later = bench.join("late", at=20)
    assert later is not None
    assert (later.accounts, later.again) == (("late",), True)
    assert bench.join("after", at=31.9) is None
    slow = Bench(JoinWaveRule(id="raid", joins=3, seconds=2))
    assert [slow.join(name, at=at) for at, name in enumerate("abcdef")] == [None] * 6


@pytest.mark.row("D21")
@pytest.mark.parametrize("accounts", [["bob"] * 10, [f"bob-{number}" for number in range(10)]])
def test_spray_over_ten_channels_is_caught_on_the_third(accounts: list[str]) -> None:
    bench = Bench(CrossChannelRule(id="spray", in_channels=3, seconds=60))
    verdicts = [
        bench.say("Join MY server today", at=at, account=account, channel=f"room-{at}")
        for at, account in enumerate(accounts)
    ]
    assert verdicts[:2] == [None, None]
    assert all(verdict is not None for verdict in verdicts[2:])
    assert hit(verdicts[2]) == ("Join MY server today", "the same text in 3 channels")
    new = [verdict for verdict in verdicts if verdict is not None and not verdict.again]
    assert len(new) == (1 if len(set(accounts)) == 1 else 8), "one offence of each account"


@pytest.mark.row("D21")
def test_what_is_no_spray() -> None:
    bench = Bench(CrossChannelRule(id="spray", in_channels=3, seconds=60, by="account"))
    for at in range(5):
        assert bench.say("the same text, one channel", at=at) is None
        assert bench.say("good morning", at=at, account=f"user-{at}", channel=f"room-{at}") is None
        assert bench.say("hello", at=at, channel=f"room-{at}") is None
        assert bench.say("a long text, slowly", at=at * 31, account="ann", channel=f"room-{at}") is None


def test_scores() -> None:
    bench = Bench(ScoreRule(id="toxic", scorer="local", at_least=0.8))
    assert bench.rules.scorers == {"local"}
    for score, caught in ((0.79, False), (0.8, True)):
        bench.scores["local"] = score
        assert (bench.say("x") is not None) is caught
    said = Message(channel="lobby", account="bob", text="x", ms=1)
    for scores in ({"local": None}, {}):
        judgement = bench.rules.judge(said, bench.state, scores)
        assert judgement.verdicts == ()
        assert [(one.rule, str(one.error)) for one in judgement.failures] == [("toxic", "scorer local gave no answer")]


@pytest.mark.row("D06")
def test_exemptions_by_account_role_and_channel() -> None:
    rules = (
        WordsRule(id="spam", words=("spam",), exempt=Exempt(accounts=("staff-*",), roles=("helper",))),
        FloodRule(id="flood", messages=1, seconds=10),
    )
    bench = Bench(*rules, exempt=Exempt(channels=("off-*",), roles=("moderator",)))
    assert bench.say("spam", account="staff-ann") is None
    assert bench.say("spam", account="helen", roles=("helper",)) is None
    assert bench.say("spam", account="mod", roles=("moderator", "reader")) is None
    assert bench.say("spam", channel="off-topic") is None
    assert [bench.say("hi", account="mod", roles=("moderator",)) for _ in range(5)] == [None] * 5
    verdict = bench.say("spam", account="bob", roles=("reader",))
    assert verdict is not None
    assert verdict.considered == (
        "accounts staff-*: bob is none of them",
        "roles moderator, helper: bob has reader",
        "channels off-*: lobby is none of them",
    )
    assert bench.say("hi", account="staff-ann") is not None, "staff is exempt of one rule, not of all"


@pytest.mark.row("D06")
def test_who_is_exempt_is_not_counted_either() -> None:
    """What a moderator announces everywhere, and somebody repeats, is no spray; haste where it is fine is none."""
    rules = CrossChannelRule(id="spray", in_channels=3), FloodRule(id="flood", messages=3, seconds=10)
    bench = Bench(*rules, exempt=Exempt(channels=("off-*",), roles=("moderator",)))
    text = "maintenance begins at noon"
    for number in range(5):
        assert bench.say(text, account="mod", roles=("moderator",), channel=f"room-{number}") is None
        assert bench.say(f"quick {number}", channel="off-topic") is None
    assert [bench.say(text, channel=channel) for channel in ("room-1", "room-2")] == [None, None]
    verdict = bench.say(text, channel="room-3")
    assert verdict is not None
    assert verdict.rule == "spray"


def test_a_rule_holds_where_it_says() -> None:
    bench = Bench(WordsRule(id="spam", words=("spam",), channels=("room-*",)))
    assert bench.say("spam", channel="lobby") is None
    assert bench.say("spam", channel="room-1") is not None


def test_a_message_costs_one_case_the_hardest() -> None:
    bench = Bench(
        WordsRule(id="first", words=("spam",)),
        WordsRule(id="second", words=("spam",)),
        LinksRule(id="links", then=("mute 10m",)),
        FloodRule(id="flood", messages=1, seconds=10, then=("ban",)),
    )
    assert [
        verdict.rule for verdict in (bench.say("spam", at=0), bench.say("spam http://x.example", at=20)) if verdict
    ] == [
        "first",
        "links",
    ]
    flood = bench.say("spam", at=21)
    assert flood is not None
    assert flood.rule == "flood"
    goes_on = bench.say("spam", at=22)
    assert goes_on is not None
    assert (goes_on.rule, goes_on.again) == ("first", False), "a new offence goes before one that goes on"


@pytest.mark.row("D24")
def test_a_version_is_what_the_rule_says() -> None:
    one, two = WordsRule(id="spam", words=("a",)), WordsRule(id="spam", words=("b",))
    versions = [RuleSet([rule]).versions["spam"] for rule in (one, two, one)]
    assert versions[0] == versions[2] != versions[1]
    assert len(versions[0]) == 8


def test_rules_that_stay_the_same_keep_what_they_remember() -> None:
    flood, repeat = FloodRule(id="flood", messages=1, seconds=10), RepeatRule(id="repeat", times=1)
    bench = Bench(flood, repeat)
    bench.say("hi", at=1)
    after = RuleSet([flood, RepeatRule(id="repeat", times=1, seconds=61)])
    after.adopt(bench.state, bench.rules)
    bench.rules = after
    assert [
        verdict.rule
        for verdict in after.judge(Message(channel="lobby", account="bob", text="hi", ms=2_000), bench.state).verdicts
    ] == ["flood"]


@pytest.mark.row("D15")
def test_a_rule_that_raises_is_told_and_alone() -> None:
    bench = Bench(WordsRule(id="broken", words=("x",)), WordsRule(id="spam", words=("spam",)))

    class Broken:
        def check(self, *_: object) -> None:
            raise RuntimeError("out of order")

    bench.rules._rules[0] = bench.rules._rules[0]._replace(check=Broken())
    judgement = bench.rules.judge(Message(channel="lobby", account="bob", text="spam", ms=1), bench.state)
    assert [verdict.rule for verdict in judgement.verdicts] == ["spam"]
    assert [(failure.rule, str(failure.error)) for failure in judgement.failures] == [("broken", "out of order")]


def test_a_finding_that_is_forgiven_is_a_new_one_the_next_time() -> None:
    bench = Bench(FloodRule(id="flood", messages=1, seconds=10))
    bench.say("hi", at=0)
    first = bench.say("hi", at=1)
    assert first is not None
    bench.state.forgive("flood", first.key)
    second = bench.say("hi", at=2)
    assert second is not None
    assert not second.again
