"""The way through the menus. Pure: digits and silence in, what to say and how long to wait out."""

from typing import Literal, TypeAlias

from msgspec import Struct

from bots.call_agent.settings import Menu

Outcome: TypeAlias = Literal["completed", "no_input", "wrong_input"]
"""How a conversation came to its end: by a choice, or because the retries were used up by silence or wrong digits."""


class Step(Struct, frozen=True):
    """What is next: say these texts; then wait ``wait`` seconds for a digit, or end the call with ``outcome``."""

    say: tuple[str, ...]
    wait: float = 0
    outcome: Outcome | None = None


class MenuWalk:
    """One caller's way: :meth:`begin`, then :meth:`press` or :meth:`silence` until a step has an outcome."""

    def __init__(self, menu: Menu) -> None:
        self._menu = menu
        self._misses = 0

    def begin(self) -> Step:
        """The first step: the prompt."""
        return Step((self._menu.prompt,), wait=self._menu.timeout_seconds)

    def press(self, digit: str) -> Step:
        """The caller pressed ``digit``."""
        choice = self._menu.choice(digit)
        if choice is None:
            return self._miss(self._menu.on_invalid, "wrong_input")
        self._misses = 0
        said = (choice.say,) if choice.say else ()
        if choice.end:
            return Step(said, outcome="completed")
        self._menu = choice.menu or self._menu
        return Step((*said, self._menu.prompt), wait=self._menu.timeout_seconds)

    def silence(self) -> Step:
        """The caller pressed nothing for as long as the step before said."""
        return self._miss(self._menu.on_timeout, "no_input")

    def _miss(self, text: str, outcome: Outcome) -> Step:
        said = (text,) if text else ()
        self._misses += 1
        if self._misses > self._menu.retries:
            return Step(said, outcome=outcome)
        return Step((*said, self._menu.prompt), wait=self._menu.timeout_seconds)
