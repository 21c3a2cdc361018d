"""Rules as they are written: what is understood, and what is refused with file, line and reason."""

from pathlib import Path

import pytest

from botkit import ConfigError, load_settings
from bots.moderation.rules.actions import Action, format_seconds, parse_action, parse_seconds
from bots.moderation.rules.settings import RuleFile, WordsRule

GOOD = """\
rules:
  - {id: spam, kind: words, words: [spam, buy now]}
  - {id: coins, kind: regex, patterns: ['free\\s+coins'], then: [mute 10m everywhere, alert]}
  - {id: links, kind: links, allowed: [example.org], mode: shadow}
  - {id: many, kind: mentions}
  - {id: flood, kind: flood}
  - {id: repeat, kind: repeat}
  - {id: caps, kind: caps}
  - {id: new, kind: new_joiner}
  - {id: raid, kind: join_wave}
  - {id: spray, kind: cross_channel}
  - {id: toxic, kind: score, scorer: local}
"""


def load(tmp_path: Path, text: str) -> RuleFile:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return load_settings(path, RuleFile, {})


def test_every_kind_is_understood(tmp_path: Path) -> None:
    file = load(tmp_path, GOOD)
    assert [rule.kind for rule in file.rules] == [
        *("words", "regex", "links", "mentions", "flood", "repeat", "caps"),
        *("new_joiner", "join_wave", "cross_channel", "score"),
    ]
    assert file.rules[0] == WordsRule(id="spam", words=("spam", "buy now"))


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{id: x, kind: wrods, words: [a]}", "'wrods' is none of these"),
        ("{id: x, words: [a]}", "is missing"),
        ("{kind: words, words: [a]}", "is missing"),
        ("{id: X Y, kind: words, words: [a]}", "1 to 64 of a-z"),
        ("{id: x, kind: words, words: []}", "list at least one word"),
        ("{id: x, kind: words, words: [ok, ' ']}", "shows nothing"),
        (f"{{id: x, kind: words, words: [{'x' * 129}]}}", "129 characters; write at most 128"),
        ("{id: x, kind: regex, patterns: ['(']}", "missing )"),
        ("{id: x, kind: regex, patterns: ['(?=a)b']}", "no look-around"),
        ("{id: x, kind: regex, patterns: ['x*']}", "found in nothing at all"),
        ("{id: x, kind: links, allowed: ['https://example.org']}", "write the domain alone"),
        ("{id: x, kind: links, bare_endings: [.com]}", "write the last part"),
        ("{id: x, kind: flood, mesages: 3}", "there is no such key"),
        ("{id: x, kind: flood, messages: 0}", "of at least 1"),
        ("{id: x, kind: caps, share: 1}", "1"),
        ("{id: x, kind: flood, then: [shoot]}", "'shoot' is no action"),
        ("{id: x, kind: flood, then: []}", "1 item or more"),
        ("{id: x, kind: flood, mode: off-ish}", "is none of these"),
        ("{id: x, kind: flood, exempt: {accounts: ['a b']}}", "write a name, or a pattern"),
        ("{id: spam, kind: flood}", "two rules have the id 'spam'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, rule: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"rules:\n  - {{id: spam, kind: words, words: [a]}}\n  - {rule}\n")
    assert problem in str(caught.value)
    assert caught.value.file.endswith("rules.yaml:3")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("strike", Action("strike")),
        ("mute", Action("mute")),
        ("mute 10m", Action("mute", 600)),
        ("mute 1h30m everywhere", Action("mute", 5_400, everywhere=True)),
        ("mute everywhere", Action("mute", everywhere=True)),
        ("ban 1w", Action("ban", 604_800)),
        ("slow 2", Action("slow", rate=2)),
        ("slow 2 90s", Action("slow", 90, rate=2)),
        ("kick", Action("kick")),
    ],
)
def test_actions_are_read_and_written(text: str, action: Action) -> None:
    assert parse_action(text) == action
    assert parse_action(str(action)) == action


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mute ten",
        "mute 0s",
        "mute 400d",
        "kick 10m",
        "slow",
        "slow 0",
        "slow 201",
        "slow 10m",
        "warn everywhere",
        "ban 10m everywhere",
        "ban 10",
        "mute 10m 10m",
    ],
)
def test_actions_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|is slowed to|a duration is"):
        parse_action(text or "''")


def test_durations() -> None:
    for text, seconds in (("1d2h3m4s", 93_784), ("0.5s", 0.5), ("90s", 90), ("365d", 365 * 86_400)):
        assert parse_seconds(text) == seconds
        assert parse_seconds(format_seconds(seconds)) == seconds
    assert format_seconds(5_400) == "1h30m"
