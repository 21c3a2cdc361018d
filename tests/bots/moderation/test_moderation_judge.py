import pytest

from bots.moderation.judge import Judge, Verdict, choose_sanction
from bots.moderation.settings import (
    FloodSettings,
    LinkSettings,
    ModerationSettings,
    RuleAction,
    StrikeSettings,
    WordSettings,
)

SETTINGS = ModerationSettings(
    words=WordSettings(blocked=("spam",)),
    links=LinkSettings(allowed=("example.org",)),
    flood=FloodSettings(messages=2, seconds=10),
    exempt=("root", "staff-*"),
)


def rules_of(verdicts: tuple[Verdict, ...]) -> list[str]:
    """The names of the rules, in order."""
    return [verdict.rule for verdict in verdicts]


def test_an_innocent_message_has_no_verdict() -> None:
    assert Judge(SETTINGS).judge("ann", "good morning, see https://example.org", 0) == ()


def test_a_verdict_names_rule_evidence_and_action() -> None:
    (verdict,) = Judge(SETTINGS).judge("ann", "some Ｓpam here", 0)
    assert verdict == Verdict(rule="words", evidence="Ｓpam", detail="“spam” is not said here", action="strike")


def test_one_message_costs_one_strike_however_much_is_wrong() -> None:
    assert rules_of(Judge(SETTINGS).judge("ann", "spam at http://evil.com", 0)) == ["words"]


def test_the_flood_rule_counts_what_another_rule_objects_to() -> None:
    judge = Judge(SETTINGS)
    for now in (0, 1):
        assert rules_of(judge.judge("ann", "spam", now)) == ["words"]
    assert rules_of(judge.judge("ann", "hello", 2)) == ["flood"]


def test_a_rule_that_mutes_goes_before_one_that_gives_a_strike() -> None:
    settings = ModerationSettings(words=WordSettings(blocked=("spam",)), links=LinkSettings(action="mute"))
    (verdict,) = Judge(settings).judge("ann", "spam http://evil.com", 0)
    assert (verdict.rule, verdict.action) == ("links", "mute")


def test_a_recording_rule_is_told_beside_the_one_that_acts() -> None:
    settings = ModerationSettings(words=WordSettings(blocked=("spam",), action="record"), links=LinkSettings())
    assert rules_of(Judge(settings).judge("ann", "spam http://evil.com", 0)) == ["words", "links"]
    assert rules_of(Judge(settings).judge("ann", "spam", 0)) == ["words"]


@pytest.mark.row("D06")
@pytest.mark.parametrize(("account", "exempt"), [("root", True), ("staff-7", True), ("roots", False), ("Root", False)])
def test_exempt_accounts_are_not_judged(account: str, exempt: bool) -> None:
    assert (Judge(SETTINGS).judge(account, "spam", 0) == ()) is exempt


@pytest.mark.parametrize(
    ("action", "strikes", "sanction"),
    [
        ("strike", 1, "warn"),
        ("strike", 2, "warn"),
        ("strike", 3, "mute"),
        ("strike", 4, "mute"),
        ("mute", 1, "mute"),
        ("record", 0, "record"),
        ("record", 9, "record"),
    ],
)
def test_strikes_lead_from_a_warning_to_a_mute(action: RuleAction, strikes: int, sanction: str) -> None:
    assert choose_sanction(action, strikes, StrikeSettings(mute_after=3)) == sanction
