from pathlib import Path

import msgspec
import pytest

from botkit.errors import ConfigError
from bots.call_agent.settings import CallAgentSettings


def convert(settings: object) -> CallAgentSettings:
    """The settings as the YAML loader makes them."""
    return msgspec.convert(settings, CallAgentSettings)


def test_nothing_needs_to_be_said() -> None:
    settings = convert({})
    assert settings.accept[0].channel == "*"
    assert list(settings.checked_flow.blocks) == ["main"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"accept": [{"channel": ""}]}, ">= 1"),
        ({"accept": [{"hours": "9-5"}]}, "write from and until, such as 09:00-17:30"),
        ({"accept": [{"days": []}]}, "days: is empty"),
        ({"accept": [{"days": ["monday"]}]}, "Invalid enum value 'monday'"),
        ({"accept": [{"timezone": "Berlin"}]}, "a name such as Europe/Berlin"),
        ({"max_calls": 0}, ">= 1"),
        ({"max_call_seconds": 0}, "> 0"),
        ({"wrap_up_seconds": 61}, "<= 60"),
        ({"farewell": "x" * 8193}, "<= 8192"),
        ({"greeting": "hello"}, "unknown field `greeting`"),
        ({"campaign": {"name": "x", "accounts": ["a"], "hours": "9-5"}}, "write from and until"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_says_what_would_be_right(settings: object, says: str) -> None:
    with pytest.raises((msgspec.ValidationError, ConfigError)) as caught:
        convert(settings)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"database": "mysql://x"}, "names no SQLite database"),
        ({"accept": []}, "so no call would be taken"),
        ({"flow": "nowhere.yaml"}, "nowhere.yaml: cannot be read"),
        ({"campaign": {"name": "x", "accounts": "nowhere.txt"}}, "nowhere.txt cannot be read"),
    ],
)
def test_what_names_nothing_is_refused(settings: object, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        convert(settings)
    assert says in str(caught.value)


def test_a_flow_in_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text("blocks:\n  main:\n    - {do: end, text: Bye}\n")
    first = convert({"flow": str(file)})
    assert list(first.checked_flow.blocks) == ["main"]
    assert first == convert({"flow": str(file)})
    file.write_text("blocks:\n  main:\n    - {do: end, text: Hello}\n")
    assert first != convert({"flow": str(file)})  # so that a reload sees the difference
    file.write_text("blocks:\n  main:\n    - {do: ned}\n")
    with pytest.raises(ConfigError, match=r"flow\.yaml:3: blocks\.main\[0\]\.do: 'ned' is none of these"):
        convert({"flow": str(file)})
