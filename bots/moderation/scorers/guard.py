"""A source on a leash: its time, its calls per minute, and off for a while when it keeps failing."""

import math

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from bots.moderation.scorers.source import ScorerFailed, Source

_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")

MINUTE = 60.0


class GuardedSource:
    """Asks ``source``, and says in no more than ``timeout`` seconds what it answered, or why it did not."""

    def __init__(
        self, source: Source, *, timeout: float, calls_per_minute: int | None, failures: int, off_seconds: float
    ) -> None:
        self._source, self._timeout = source, timeout
        self._failures, self._off_seconds = failures, off_seconds
        self._per_minute = calls_per_minute
        self._calls_left, self._counted_at = float(calls_per_minute or 0), -math.inf
        self._failed, self._off_until = 0, -math.inf

    @property
    def name(self) -> str:
        """What it is called."""
        return self._source.name

    @property
    def is_off(self) -> bool:
        """Whether it has failed too often, and is left alone for now."""
        return trio.current_time() < self._off_until

    async def score(self, text: str, *, within: float = math.inf) -> float:
        """The source's score, in its own time or ``within`` so many seconds, whichever are less.

        Raises ``ScorerFailed``. A cancel gives it up, and counts as nothing.
        """
        if self.is_off:
            raise ScorerFailed(self.name, "is off")
        if self._failed >= self._failures:
            self._off_until = trio.current_time() + self._off_seconds  # one tries it, the others go on without
        self._take_call()
        try:
            score = await self._ask(text, min(within, self._timeout))
        except ScorerFailed as failed:
            self._note_failure(failed.reason)
            raise
        if self._failed >= self._failures:
            _log.warning("scorer is back", source=self.name)
        self._failed, self._off_until = 0, -math.inf
        return score

    async def _ask(self, text: str, seconds: float) -> float:
        try:
            with trio.fail_after(seconds):
                score: object = await self._source.score(text)
        except trio.TooSlowError:
            raise ScorerFailed(self.name, f"no answer in {seconds:.3g} s") from None
        except ScorerFailed:
            raise
        except Exception as error:
            raise ScorerFailed(self.name, f"{type(error).__name__}: {error}") from error
        if not isinstance(score, int | float) or not 0 <= score <= 1:
            raise ScorerFailed(self.name, f"gives {score!r}, which is not from 0 to 1")
        return float(score)

    def _take_call(self) -> None:
        if self._per_minute is None:
            return
        now = trio.current_time()
        earned = (now - self._counted_at) * self._per_minute / MINUTE
        self._calls_left, self._counted_at = min(self._per_minute, self._calls_left + earned), now
        if self._calls_left < 1:
            raise ScorerFailed(self.name, f"had its {self._per_minute} calls per minute")
        self._calls_left -= 1

    def _note_failure(self, reason: str) -> None:
        self._failed += 1
        if self._failed == 1:
            _log.warning("scorer fails", source=self.name, reason=reason)
        if self._failed >= self._failures:
            self._off_until = trio.current_time() + self._off_seconds
            if self._failed == self._failures:
                _log.error("scorer is off", source=self.name, reason=reason, seconds=self._off_seconds)
