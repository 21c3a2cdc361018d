import msgspec
import pytest

from botkit.errors import ConfigError
from bots.call_agent.settings import CallAgentSettings, Menu


def convert(settings: object) -> CallAgentSettings:
    """The settings as the YAML loader makes them."""
    return msgspec.convert(settings, CallAgentSettings)


def test_nothing_needs_to_be_said() -> None:
    settings = convert({})
    assert settings.accept[0].channel == "*"
    assert settings.menu is None


def test_digits_may_be_numbers_or_texts() -> None:
    converted = msgspec.convert(
        {"prompt": "p", "choices": {1: {"say": "one"}, "2": {"say": "two"}, "*": {"end": True}}}, Menu
    )
    said = {digit: choice.say for digit in "12*30" if (choice := converted.choice(digit)) is not None}
    assert said == {"1": "one", "2": "two", "*": ""}


def menu(choices: object, **more: object) -> dict[str, object]:
    """Settings with a menu."""
    return {"menu": {"prompt": "press", "choices": choices, **more}}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"accept": []}, "`accept` is empty"),
        ({"accept": [{"channel": ""}]}, "write a channel's name, or a pattern"),
        ({"accept": [{"channel": "x" * 129}]}, "write a channel's name, or a pattern"),
        ({"accept": [{"hours": "9-5"}]}, "write from and until, such as 09:00-17:30"),
        ({"accept": [{"days": []}]}, "`days` is empty"),
        ({"accept": [{"days": ["monday"]}]}, "Invalid enum value 'monday'"),
        ({"accept": [{"timezone": "Berlin"}]}, "a name such as Europe/Berlin"),
        ({"max_calls": 0}, ">= 1"),
        ({"max_call_seconds": 0}, "> 0"),
        ({"greeting": "x" * 2001}, "<= 2000"),
        (menu({}), "`choices` is empty"),
        (menu({1: {}}), "the choice does nothing"),
        (menu({1: {"end": True, "menu": {"prompt": "p", "choices": {1: {"end": True}}}}}), "both `menu` and `end`"),
        (menu({10: {"end": True}}), "a choice is one of the digits"),
        (menu({"": {"end": True}}), "a choice is one of the digits"),
        (menu({"²": {"end": True}}), "a choice is one of the digits"),
        (menu({"a": {"end": True}}), "a choice is one of the digits"),
        (menu({1: {"end": True}, "1": {"end": True}}), "'1' twice"),
        (menu({1: {"end": True}}, prompt=""), "`prompt` is empty"),
        (menu({1: {"end": True}}, timeout_seconds=0), "> 0"),
        (menu({1: {"end": True}}, retries=-1), ">= 0"),
        (menu({1: {"menu": {"prompt": "p", "choices": {}}}}), "`choices` is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_says_what_would_be_right(settings: object, says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        convert(settings)
    assert says in str(caught.value)


def test_a_database_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no SQLite database"):
        msgspec.convert({"database": "mysql://x"}, CallAgentSettings)
