"""D03: patterns in linear time; what would need more is refused where it is written."""

from pathlib import Path

import pytest

from botkit import ConfigError, load_settings
from bots.moderation.regexes import RegexError, RegexSet, compile_regex
from bots.moderation.rules import Message, RuleSet, RuleState
from bots.moderation.rules.settings import RegexRule, RuleFile

EVIL = [
    r"(a+)+$",
    r"(a|a)*b",
    r"(a|aa)+$",
    r"(.*a){20}b",
    r"^(\w+\s?)*$x",
    r"([a-z]+)*\d",
    r"(?:a?){100}a{100}b",
    r"(x+x+)+y",
]
"""Each takes a backtracking engine longer than anybody lives, on the texts below."""

TEXTS = ["a" * 8_191 + "!", "x" * 8_192, "a " * 4_096, "é" * 4_096]


@pytest.mark.row("D03")
@pytest.mark.parametrize("pattern", EVIL)
def test_an_evil_pattern_comes_to_an_end(pattern: str) -> None:
    """The assertion is that it comes back: by backtracking, the first of these takes 2 to the power of 8191 steps."""
    rules = RuleSet([RegexRule(id="evil", patterns=(pattern,)), RegexRule(id="fine", patterns=("!$",))])
    for text in TEXTS:
        judged = rules.judge(Message(channel="lobby", account="bob", text=text, ms=1), RuleState())
        assert not judged.failures
        assert "fine" in {verdict.rule for verdict in judged.verdicts} or not text.endswith("!")


@pytest.mark.row("D03")
@pytest.mark.parametrize(
    "pattern", [r"(a)\1", r"(?=a)b", r"(?<!a)b", r"(?P<x>a)(?P=x)", "(", "[z-a]", "a{2000}", "a**", r"\p{Nope}"]
)
def test_what_is_not_linear_or_no_pattern_is_refused_with_file_line_and_reason(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(RegexError):
        compile_regex(pattern)
    file = tmp_path / "rules.yaml"
    file.write_text(
        f"rules:\n  - {{id: flood, kind: flood}}\n  - id: shout\n    kind: regex\n    patterns: ['{pattern}']\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(file, RuleFile)
    assert caught.value.file.partition("rules.yaml")[2] == ":5"
    assert caught.value.key == "rules[1].patterns[0]"
    assert repr(pattern) in caught.value.problem


def test_a_pattern_that_would_take_too_much_memory_is_refused() -> None:
    with pytest.raises(RegexError):
        compile_regex(r"((a{0,100}){0,100}){0,100}")


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("say FREE   money now", "FREE   money"),
        ("é é FREE money", "FREE money"),
        ("😀 ＦＲＥＥ money", "ＦＲＥＥ money"),
        ("f\u200bree money", "f\u200bree money"),
    ],
)
def test_the_evidence_is_what_was_written(text: str, evidence: str) -> None:
    rules = RuleSet([RegexRule(id="free", patterns=(r"\bfree\s+money\b",))])
    (verdict,) = rules.judge(Message(channel="lobby", account="bob", text=text, ms=1), RuleState()).verdicts
    assert verdict.evidence == evidence
    assert verdict.matched == "free money"


def test_a_pattern_that_is_found_in_nothing_at_all_is_refused_in_a_rule() -> None:
    assert compile_regex("x*").find("abc") == (0, 0)
    with pytest.raises(ConfigError, match="found in nothing at all"):
        RegexRule(id="none", patterns=("x*",))
    rules = RuleSet([RegexRule(id="at-the-end", patterns=(r"\b",))])
    assert rules.judge(Message(channel="lobby", account="bob", text="abc", ms=1), RuleState()).verdicts == ()


def test_of_several_patterns_the_first_of_the_list_counts() -> None:
    patterns = RegexSet(["x*", "money", "free", r"\d+"])
    assert patterns.find("é free money") == (7, 12)
    assert patterns.find("free 600") == (0, 4)
    assert patterns.find("600 xs") == (0, 3)
    assert patterns.find("nothing") is None
    assert patterns.find("\ud800 free") == (2, 6)
    with pytest.raises(RegexError):
        RegexSet(["fine", r"(a)\1"])
