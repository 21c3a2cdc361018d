import msgspec
import pytest

from botkit.errors import ConfigError
from bots.presence.settings import PresenceSettings


def test_nothing_needs_to_be_said() -> None:
    settings = msgspec.convert({}, PresenceSettings)
    assert settings.file == "var/presence.jsonl"
    assert settings.ignore == ()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"file": " "}, "write a path such as"),
        ({"file": "var/"}, "write a path such as"),
        ({"ignore": ["a b"]}, "write an account, or a pattern"),
        ({"fiel": "x"}, "unknown field `fiel`"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: object, says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(settings, PresenceSettings)
    assert says in str(caught.value)


def test_a_database_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no SQLite database"):
        msgspec.convert({"database": "mysql://x"}, PresenceSettings)
