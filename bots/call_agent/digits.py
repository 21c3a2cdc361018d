"""Collecting digits, with the timers that people's fingers need. Pure: the time is an argument.

``Collector`` takes one answer; ``Gathering`` asks again until there is a good one or the retries are used up.
"""

from collections.abc import Collection
from typing import Literal, TypeAlias

from msgspec import Struct

DIGITS = "0123456789*#"

Ending: TypeAlias = Literal["complete", "silence", "short", "invalid"]
"""``complete``: as many digits as were asked for. ``silence``: none came. ``short``: some came, and too few; they are
kept. ``invalid``: enough of them, but not one of the answers that there are."""


class GatherSpec(Struct, frozen=True, kw_only=True):
    """What to ask for.

    ``min_digits`` to ``max_digits`` of them; ``finish`` is a digit that ends it early and is not part of the answer, or
    empty. The first digit has ``first_seconds`` from when the prompt is over, each one after it ``next_seconds`` from
    the one before: while somebody presses, no other clock runs. ``prompt_seconds`` is how long the prompt takes to
    read; with ``barge_in`` digits count before it is over (and end it), otherwise they are left out.

    ``answers`` are the only good ones; empty: all are. An answer is complete at the moment when it can only be that
    one. ``retries`` is how often to ask again, after ``on_silence`` or ``on_invalid`` was said.
    """

    prompt: str = ""
    min_digits: int = 1
    max_digits: int = 1
    finish: str = ""
    first_seconds: float = 10
    next_seconds: float = 3
    prompt_seconds: float = 0
    barge_in: bool = True
    answers: tuple[str, ...] = ()
    retries: int = 2
    on_silence: str = ""
    on_invalid: str = ""
    secret: bool = False


class Collected(Struct, frozen=True):
    """What one attempt, or all of them, came to: the digits are there however it ended."""

    digits: str
    ending: Ending


class Collector:
    """One attempt. Give it each digit with ``press``, and ``expire`` at its ``deadline``, until it is ``done``."""

    def __init__(self, spec: GatherSpec, now: float) -> None:
        self._spec = spec
        self._listens_at = now + spec.prompt_seconds
        self._digits = ""
        self.deadline = self._listens_at + spec.first_seconds
        """When ``expire`` is due."""
        self.done: Collected | None = None

    def press(self, digit: str, now: float) -> bool:
        """A digit came; whether it counted. One that comes when all is over, or into a prompt, does not."""
        self.expire(now)
        spec = self._spec
        if self.done is not None or (now < self._listens_at and not spec.barge_in):
            return False
        self._listens_at = min(self._listens_at, now)
        if digit == spec.finish:
            self._end()
            return True
        self._digits += digit
        self.deadline = now + spec.next_seconds
        if len(self._digits) >= spec.max_digits or self._can_only_be(self._digits, spec.answers):
            self._end()
        return True

    def expire(self, now: float) -> None:
        """Time has passed: at the deadline the attempt ends with what there is."""
        if self.done is None and now >= self.deadline:
            self._end()

    @staticmethod
    def _can_only_be(digits: str, answers: Collection[str]) -> bool:
        return digits in answers and not any(one != digits and one.startswith(digits) for one in answers)

    def _end(self) -> None:
        digits, spec = self._digits, self._spec
        ending: Ending = "complete"
        if not digits and (spec.min_digits or spec.answers):
            ending = "silence"
        elif len(digits) < spec.min_digits:
            ending = "short"
        elif spec.answers and digits not in spec.answers:
            ending = "invalid"
        self.done = Collected(digits, ending)


class Gathering:
    """Asks, and asks again: ``say`` is what to say now, and is to be taken with ``take_words``."""

    def __init__(self, spec: GatherSpec, now: float) -> None:
        self._spec, self._left = spec, spec.retries
        self._words = [spec.prompt]
        self._attempt = Collector(spec, now)
        self.attempts = 1
        self.done: Collected | None = None

    @property
    def deadline(self) -> float:
        """When ``expire`` is due."""
        return self._attempt.deadline

    @property
    def secret(self) -> bool:
        """Whether nobody but the flow may see the digits."""
        return self._spec.secret

    def take_words(self) -> list[str]:
        """What is to be said now, and was not taken yet."""
        words, self._words = [text for text in self._words if text], []
        return words

    def press(self, digit: str, now: float) -> bool:
        """A digit came; whether it counted."""
        self.expire(now)
        counted = self.done is None and self._attempt.press(digit, now)
        self._look(now)
        return counted

    def expire(self, now: float) -> None:
        """Time has passed."""
        self._attempt.expire(now)
        self._look(now)

    def restart(self, now: float) -> None:
        """What was to be said is said only now: nobody has pressed anything yet, and the timers begin anew."""
        if self.done is None:
            self._attempt = Collector(self._spec, now)

    def _look(self, now: float) -> None:
        result = self._attempt.done
        if result is None or self.done is not None:
            return
        if result.ending == "complete":
            self.done = result
            return
        self._words.append(self._spec.on_silence if result.ending == "silence" else self._spec.on_invalid)
        if self._left == 0:
            self.done = result
            return
        self._left -= 1
        self.attempts += 1
        self._words.append(self._spec.prompt)
        self._attempt = Collector(self._spec, now)
