"""What happens in an accepted call: greeting, menu, farewell."""

from typing import Literal, Protocol, TypeAlias

import trio

from bots.call_agent.menu import MenuWalk, Outcome
from bots.call_agent.settings import CallAgentSettings

CallOutcome: TypeAlias = Literal[Outcome, "hung_up", "too_long", "withdrawn", "failed", "stopped", "refused"]
"""How a call ended; the package's docstring explains each."""


class Line(Protocol):
    """What is needed of a call to talk in it; botkit's calls have it."""

    async def say(self, text: str) -> None:
        """Says something. Raises ``SignalingError``."""

    async def gather_dtmf(self, count: int = 1, timeout: float = 10.0) -> str:
        """The next digit, or nothing when none came in time."""


class Conversation:
    """One call's talk. ``digits`` is what was pressed so far."""

    def __init__(self, line: Line, settings: CallAgentSettings) -> None:
        self._line, self._settings = line, settings
        self.digits = ""

    async def hold(self) -> CallOutcome:
        """Talks until the menu, the retries or ``max_call_seconds`` bring the call to its end, and says farewell.

        Raises ``SignalingError`` when something could not be said. A cancel, by a caller who hangs up, ends it where
        it is.
        """
        with trio.move_on_after(self._settings.max_call_seconds) as limit:
            outcome = await self._talk()
        if limit.cancelled_caught:
            outcome = "too_long"
        await self._say(self._settings.farewell)
        return outcome

    async def _talk(self) -> CallOutcome:
        await self._say(self._settings.greeting)
        if self._settings.menu is None:
            return "completed"
        walk = MenuWalk(self._settings.menu)
        step = walk.begin()
        while True:
            for text in step.say:
                await self._say(text)
            if step.outcome is not None:
                return step.outcome
            digit = await self._line.gather_dtmf(count=1, timeout=step.wait)
            self.digits += digit
            step = walk.press(digit) if digit else walk.silence()

    async def _say(self, text: str) -> None:
        if text:
            await self._line.say(text)
