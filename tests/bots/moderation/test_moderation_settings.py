"""The bot's settings: sensible when left out, refused with a reason when they cannot be meant."""

import msgspec
import pytest

from botkit import ConfigError
from bots.moderation.rules.settings import MODERATORS, Exempt
from bots.moderation.settings import ModerationSettings


def convert(settings: object) -> ModerationSettings:
    """The settings as the YAML loader makes them."""
    return msgspec.convert(settings, ModerationSettings)


def test_left_out_it_is_floods_repeats_and_raids_before_delivery() -> None:
    settings = convert({})
    assert [rule.kind for rule in settings.rule_file().rules] == ["flood", "repeat", "join_wave"]
    assert settings.hold is not None
    assert [str(settings.ladder.step(strikes)) for strikes in (1, 2, 3, 4, 5, 6, 99)] == [
        *("warn", "warn", "mute 10m", "mute 1h", "ban 1d", "ban 1d", "ban 1d"),
    ]


def test_moderators_are_exempt_whoever_else_is() -> None:
    settings = convert({"exempt": {"accounts": ["staff-*"], "roles": ["helper"]}})
    assert settings.rule_file().exempt == Exempt(accounts=("staff-*",), roles=(*MODERATORS, "helper"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rules": []}, "no rule at all"),
        ({"ladder": {"steps": ["strike"]}}, "write what it leads to"),
        ({"ladder": {"steps": ["shoot"]}}, "'shoot' is no action"),
        ({"ladder": {"decay": "soon"}}, "'soon' is no duration"),
        ({"hold": {"budget_seconds": 11}}, "<= 10"),
        ({"hold": {"when_silent": "perhaps"}}, "Invalid enum value"),
        ({"texts": {"warn": "hi {name}"}}, "warn: there is no {name}; it may use account, channel"),
        ({"texts": {"mute": "hi {account"}}, "mute: "),
        ({"texts": {"ban": ""}}, "ban: has 0 characters"),
        ({"exempt": {"roles": [""]}}, "write a name, or a pattern"),
        ({"exempt": {"roles": ["king"]}}, "the role 'king'; write one of admin, moderator, helper"),
        ({"rules": [{"kind": "score", "id": "x", "scorer": "toxic"}]}, "wants the scorer 'toxic'"),
        ({"file": {"rules": [{"kind": "flood", "id": "x"}]}}, "file: is not written here"),
        ({"flood": None}, "unknown field `flood`"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_says_what_would_be_right(settings: object, says: str) -> None:
    with pytest.raises((msgspec.ValidationError, ConfigError)) as caught:
        convert(settings)
    assert says in str(caught.value)


def test_a_database_that_is_none_and_a_file_that_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match="names no SQLite database"):
        convert({"database": "mysql://x"})
    with pytest.raises(ConfigError, match="cannot be read"):
        convert({"rules": "no-such-file.yaml"})
