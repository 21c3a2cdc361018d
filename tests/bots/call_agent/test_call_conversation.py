import pytest
import trio
from trio.testing import MockClock

from bots.call_agent.conversation import Conversation
from bots.call_agent.settings import CallAgentSettings, Choice, Menu

MENU = Menu(prompt="1 or 9?", choices={1: Choice(say="One."), 9: Choice(end=True)}, timeout_seconds=5, retries=1)


class ScriptedLine:
    """A caller who presses a digit at each time of a script, and hears everything."""

    def __init__(self, script: dict[float, str]) -> None:
        self._script = sorted(script.items())
        self.heard: list[tuple[float, str]] = []

    async def say(self, text: str) -> None:
        """Hears it."""
        self.heard.append((round(trio.current_time(), 1), text))

    async def gather_dtmf(self, count: int = 1, timeout: float = 10.0) -> str:
        """The next digit of the script, if it comes in time."""
        assert count == 1
        if self._script and self._script[0][0] <= trio.current_time() + timeout:
            time, digit = self._script.pop(0)
            await trio.sleep_until(time)
            return digit
        await trio.sleep(timeout)
        return ""

    @property
    def texts(self) -> list[str]:
        """What was heard, without the times."""
        return [text for _, text in self.heard]


async def test_greeting_menu_and_farewell(autojump_clock: MockClock) -> None:
    line = ScriptedLine({1: "1", 2: "9"})
    talk = Conversation(line, CallAgentSettings(menu=MENU))
    assert await talk.hold() == "completed"
    assert talk.digits == "19"
    assert line.texts == ["Hello.", "1 or 9?", "One.", "1 or 9?", "Goodbye."]


async def test_without_a_menu_it_greets_and_ends(autojump_clock: MockClock) -> None:
    line = ScriptedLine({})
    assert await Conversation(line, CallAgentSettings()).hold() == "completed"
    assert line.texts == ["Hello.", "Goodbye."]


async def test_silence_is_asked_again_and_then_ends(autojump_clock: MockClock) -> None:
    line = ScriptedLine({})
    talk = Conversation(line, CallAgentSettings(menu=MENU, greeting=""))
    began = trio.current_time()
    assert await talk.hold() == "no_input"
    assert trio.current_time() - began == pytest.approx(10, abs=0.2)
    assert line.texts == ["1 or 9?", "I did not get that.", "1 or 9?", "I did not get that.", "Goodbye."]


async def test_wrong_digits_use_the_retries_up(autojump_clock: MockClock) -> None:
    line = ScriptedLine({1: "5", 2: "6"})
    talk = Conversation(line, CallAgentSettings(menu=MENU, farewell=""))
    assert await talk.hold() == "wrong_input"
    assert talk.digits == "56"
    assert line.texts[-1] == "That is not one of the choices."


@pytest.mark.row("F04")
async def test_no_call_is_longer_than_the_limit(autojump_clock: MockClock) -> None:
    line = ScriptedLine(dict.fromkeys(range(0, 1000, 3), "1"))
    talk = Conversation(line, CallAgentSettings(menu=MENU, max_call_seconds=60))
    began = trio.current_time()
    assert await talk.hold() == "too_long"
    assert trio.current_time() - began == pytest.approx(60, abs=0.2)
    assert line.texts[-1] == "Goodbye."
