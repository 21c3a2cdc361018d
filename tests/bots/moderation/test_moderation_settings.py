import msgspec
import pytest

from botkit.errors import ConfigError
from bots.moderation.settings import ModerationSettings


def convert(settings: object) -> ModerationSettings:
    """The settings as the YAML loader makes them."""
    return msgspec.convert(settings, ModerationSettings)


def test_nothing_at_all_is_a_flood_rule() -> None:
    settings = convert({})
    assert settings.flood is not None
    assert (settings.words, settings.links) == (None, None)


def test_under_ten_lines_do() -> None:
    settings = convert({"words": {"blocked": ["spam"]}, "links": {}, "exempt": ["admin", "staff-*"]})
    assert settings.words is not None
    assert settings.words.blocked == ("spam",)
    assert settings.links is not None
    assert settings.links.allowed == ()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"flood": None}, "no rule is on: give at least one of"),
        ({"words": {"blocked": []}}, "list at least one word"),
        ({"words": {"blocked": ["ok", " \u200b"]}}, "which shows nothing"),
        ({"words": {"blocked": ["x" * 129]}}, "129 characters: at most 128"),
        ({"words": {}}, "missing required field `blocked`"),
        ({"words": {"blocked": ["a"], "action": "ban"}}, "Invalid enum value 'ban'"),
        ({"links": {"allowed": ["https://example.org"]}}, "write the domain alone"),
        ({"links": {"allowed": ["*.example.org"]}}, "write the domain alone"),
        ({"links": {"allowed": ["org"]}}, "write the domain alone"),
        ({"links": {"bare_endings": [".com"]}}, "write the last part"),
        ({"flood": {"messages": 0}}, ">= 1"),
        ({"flood": {"seconds": 0}}, "> 0"),
        ({"flood": {"mesages": 3}}, "unknown field `mesages`"),
        ({"strikes": {"mute_after": 0}}, ">= 1"),
        ({"strikes": {"warning": "hi {name}"}}, "`warning` has {name}: it may use account, channel"),
        ({"strikes": {"warning": "hi {account!r:>9}"}}, "plainly and in braces"),
        ({"strikes": {"mute_notice": "hi {account"}}, "`mute_notice`: "),
        ({"strikes": {"mute_notice": "hi {}"}}, "`mute_notice` has {}"),
        ({"exempt": [""]}, "write an account, or a pattern"),
        ({"exempt": ["a b"]}, "write an account, or a pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_says_what_would_be_right(settings: object, says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        convert(settings)
    assert says in str(caught.value)


def test_128_characters_are_a_word() -> None:
    assert convert({"words": {"blocked": ["x" * 128]}}).words is not None


def test_a_database_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no SQLite database"):
        msgspec.convert({"database": "mysql://x"}, ModerationSettings)
