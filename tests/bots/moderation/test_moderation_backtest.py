"""D12: what a change of the rules would have done to recorded traffic."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from botkit import ConfigError
from bots.moderation.backtest.compare import Comparison, Difference, Tally
from bots.moderation.backtest.recording import encode_fact, read_recording
from bots.moderation.commands import app
from bots.moderation.rules import Fact, Joined, Message
from bots.moderation.rules.settings import (
    AnyRule,
    CapsRule,
    Exempt,
    FloodRule,
    NewJoinerRule,
    RegexRule,
    RuleFile,
    ScoreRule,
    WordsRule,
)

OLD = """
rules:
  - {id: words, kind: words, words: [casino, badword]}
  - {id: shout, kind: caps}
  - {id: flood, kind: flood, messages: 2, seconds: 10}
"""
NEW = """
rules:
  - {id: words, kind: words, words: [casino, buy now], then: [mute 10m]}
  - {id: links, kind: links, allowed: [example.org], mode: shadow}
  - {id: flood, kind: flood, messages: 2, seconds: 10}
exempt: {accounts: [root]}
"""

CORPUS = [
    (0, "ann", "hello"),
    (1, "bob", "visit my C4SINO"),
    (2, "bob", "a badword"),
    (3, "eve", "BUY   NOW at http://evil.example/x"),
    (40, "root", "casino"),
    (41, "kim", "THIS IS ALL CAPITALS"),
    (42, "kim", "and this"),
    (43, "kim", "is a flood"),
    (44, "zoe", "see https://example.org"),
]

GOLDEN = [
    (2, "changed", "bob", ["words: strike: C4SINO"], ["words: mute 10m: C4SINO"]),
    (3, "lost", "bob", ["words: strike: badword"], []),
    (4, "new", "eve", [], ["words: mute 10m: BUY   NOW", "links: strike (shadow): http://evil.example"]),
    (5, "lost", "root", ["words: strike: casino"], []),
    (6, "lost", "kim", ["shout: strike: THIS IS ALL CAPITALS"], []),
]
"""Which fact, what changed, for whom, and the hits before and after. The flood is one in both, and so no difference."""


def recording(path: Path) -> Path:
    """The corpus as a file."""
    facts = [Message(channel="lobby", account=name, text=text, ms=1000 * second) for second, name, text in CORPUS]
    path.write_bytes(b"".join(map(encode_fact, facts)))
    return path


def files(tmp_path: Path) -> list[str]:
    """Both files of rules, as options, and the recording."""
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    old, new = str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")
    return ["--old", old, "--new", new, str(recording(tmp_path / "traffic.jsonl"))]


def run(*arguments: str) -> Result:
    """The command."""
    return CliRunner().invoke(app, ["backtest", *arguments])


def told(difference: dict[str, object]) -> tuple[object, ...]:
    """A difference of the JSON as in ``GOLDEN``."""

    def hits(which: str) -> list[str]:
        listed = difference[which]
        assert isinstance(listed, list)
        return [
            f"{hit['rule']}: {', '.join(hit['actions'])}{' (shadow)' * (hit['mode'] == 'shadow')}: {hit['evidence']}"
            for hit in listed
        ]

    return difference["number"], difference["change"], difference["account"], hits("old"), hits("new")


@pytest.mark.row("D12")
def test_the_difference_on_the_golden_corpus_is_exact(tmp_path: Path) -> None:
    result = run(*files(tmp_path), "--json", "--diff", str(tmp_path / "diff.jsonl"))
    found = json.loads(result.stdout)
    assert [told(one) for one in found["differences"]] == GOLDEN
    assert [json.loads(line) for line in (tmp_path / "diff.jsonl").read_text().splitlines()] == found["differences"]
    assert found["changes"] == {"new": 1, "lost": 3, "changed": 1}
    assert found["affected_accounts"] == {"new": ["eve"], "lost": ["bob", "kim", "root"], "changed": ["bob"]}
    assert (found["messages"], found["facts"], found["accounts"]) == (9, 9, 6)
    assert found["rules"] == {
        "flood": {"old": 1, "new": 1, "gained": 0, "lost": 0},
        "links": {"old": 0, "new": 1, "gained": 1, "lost": 0},
        "shout": {"old": 1, "new": 0, "gained": 0, "lost": 1},
        "words": {"old": 3, "new": 2, "gained": 1, "lost": 2},
    }
    assert (found["failures"], found["missing_scorers"]) == ({}, [])


@pytest.mark.row("D12")
def test_it_is_told_to_people(tmp_path: Path) -> None:
    result = run(*files(tmp_path), "--show", "2")
    assert result.exit_code == 0, result.output
    assert "9 messages of 6 accounts, 9 facts in" in result.output
    assert "new hits: 1, of 1 accounts" in result.output
    assert "lost hits: 3, of 3 accounts" in result.output
    assert "changed verdicts: 1, of 1 accounts" in result.output
    assert "affected accounts: 4 of 6 (66.667%)" in result.output
    assert "C4SINO" in result.output
    assert "and 3 more; --show N" in result.output


def compared(old: list[AnyRule], new: list[AnyRule], *facts: Fact) -> tuple[Tally, list[Difference]]:
    """Both sets of rules on these facts."""
    differences: list[Difference] = []
    comparison = Comparison(RuleFile(rules=tuple(old)), RuleFile(rules=tuple(new)), differences.append)
    return comparison.judge_all(facts), differences


def said(text: str, account: str = "bob", ms: int = 0) -> Message:
    """A message in the lobby."""
    return Message(channel="lobby", account=account, text=text, ms=ms)


def test_equal_rules_differ_nowhere_and_rules_that_remember_go_on_as_they_would() -> None:
    flood = FloodRule(id="flood", messages=2, seconds=10)
    facts = [said(f"message {number}", ms=number) for number in range(10)]
    tally, differences = compared([flood], [flood], *facts)
    assert (differences, tally.old_hits, tally.new_hits) == ([], {"flood": 1}, {"flood": 1})
    tally, differences = compared([flood], [FloodRule(id="flood", messages=4, seconds=10)], *facts)
    assert [(one.number, one.change) for one in differences] == [(3, "lost"), (5, "new")]


def test_people_who_join_are_facts_too() -> None:
    joined = Joined(channel="lobby", account="bob", ms=0)
    rule = NewJoinerRule(id="new", seconds=60, forbid="anything")
    _, differences = compared([CapsRule(id="caps")], [rule], joined, said("hello", ms=1), said("hello", ms=60_000))
    assert [(one.number, one.change, one.text) for one in differences] == [(2, "new", "hello")]


def test_a_rule_that_is_only_written_otherwise_changes_nothing() -> None:
    words = WordsRule(id="words", words=("casino",))
    tally, differences = compared([words], [WordsRule(id="words", words=("casino", "elsewhere"))], said("casino"))
    assert (differences, tally.new_hits) == ([], {"words": 1})


def test_exemptions_of_all_rules_are_part_of_them() -> None:
    rules = (RegexRule(id="free", patterns=("free",)),)
    differences: list[Difference] = []
    Comparison(
        RuleFile(rules=rules), RuleFile(rules=rules, exempt=Exempt(channels=("lobby",))), differences.append
    ).judge_all([said("free")])
    assert [one.change for one in differences] == ["lost"]


def test_a_scorer_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    old = tmp_path / "score.yaml"
    old.write_text("rules: [{id: s, kind: score, scorer: spam}, {id: w, kind: words, words: [x]}]\n")
    result = run("--old", str(old), "--new", str(old), str(recording(tmp_path / "r.jsonl")), "--json")
    assert json.loads(result.stdout)["missing_scorers"] == ["spam"]
    assert "no scorer spam: give --model spam=FILE" in result.stderr
    result = run("--old", str(old), "--new", str(old), str(tmp_path / "r.jsonl"), "--model", "spam")
    assert isinstance(result.exception, ConfigError)
    assert result.exception.key == "--model"
    tally, differences = compared([ScoreRule(id="s", scorer="spam")], [CapsRule(id="c")], said("x"), said("y"))
    assert (tally.failures, differences) == ({"s": 2}, [])


LOG = """=== kim [n=kim@host.example]  has joined #ubuntu
[11:59] <ann> hello
[11:59] <bob> BUY NOW
[12:01]  * eve waves
=== eve is now known as [E] ve
=== [E] bob [i=b@host]  has joined #ubuntu
[01:02] <[E]bob> caf\xe9
"""


def test_an_irc_log_is_read_as_facts(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_bytes(LOG.encode("latin-1"))
    read: list[int] = []
    facts = list(read_recording(tmp_path / "log.txt", "ubuntu", read.append))
    assert sum(read) == len(LOG)
    assert facts == [
        Joined(channel="ubuntu", account="kim", ms=0),
        Message(channel="ubuntu", account="ann", text="hello", ms=20_000),
        Message(channel="ubuntu", account="bob", text="BUY NOW", ms=40_000),
        Message(channel="ubuntu", account="eve", text="waves", ms=120_000),
        Joined(channel="ubuntu", account="[E]bob", ms=150_000),
        Message(channel="ubuntu", account="[E]bob", text="café", ms=3_780_000),
    ]


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    facts: list[Fact] = [
        Message(channel="lobby", account="bob", text="é\n\t\u2028\0", ms=5, roles=("admin",)),
        Joined(channel="lobby", account="bob", ms=6),
        Message(channel="lobby", account="bob", text="", ms=7),
    ]
    (tmp_path / "r.jsonl").write_bytes(b"".join(map(encode_fact, facts)) + b"\n")
    assert list(read_recording(tmp_path / "r.jsonl", "", lambda _count: None)) == facts


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b"{}", "missing required field `ms`"),
        (b'{"ms": 1, "channel": "", "account": "b", "text": ""}', "channel"),
        (b'{"ms": "1", "channel": "a", "account": "b", "text": ""}', "Expected `int`"),
        (b'{"ms": 1, "channel": "a", "account": "b", "text": "\xff"}', "no recorded fact"),
        (b"nothing", "no recorded fact"),
        (b"{" + b" " * 65_536, "longer than 65536 bytes"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: bytes, reason: str) -> None:
    good = encode_fact(said("hello"))
    (tmp_path / "r.jsonl").write_bytes(good + b"\n" + line + b"\n")
    with pytest.raises(ConfigError, match=reason) as caught:
        list(read_recording(tmp_path / "r.jsonl", "", lambda _count: None))
    assert caught.value.file.endswith("r.jsonl:3")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    arguments = files(tmp_path)
    for wrong in ([*arguments, str(tmp_path / "no.jsonl")], [*arguments, "--diff", str(tmp_path / "no/diff")]):
        assert isinstance(run(*wrong).exception, ConfigError)
    (tmp_path / "new.yaml").write_text("rules: [{id: x, kind: regex, patterns: ['(?=x)']}]\n")
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError)
    assert "new.yaml:1" in str(result.exception)
