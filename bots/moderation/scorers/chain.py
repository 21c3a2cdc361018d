"""A scorer: sources that stand in for one another, a cache before them, a budget over all."""

from collections import OrderedDict
from collections.abc import Sequence

import trio

from botkit import Meters
from bots.moderation.scorers.guard import GuardedSource
from bots.moderation.scorers.settings import ScorerSettings
from bots.moderation.scorers.source import ScorerFailed, Source


class ScorerMeters:
    """What scorers count."""

    def __init__(self, meters: Meters) -> None:
        counter = meters.counter
        self.answers = counter("moderation_scorer_answers", "Scores, by the source that gave them", "source")
        self.failures = counter("moderation_scorer_failures", "Times that a source gave no score", "source")
        self.fallbacks = counter("moderation_scorer_fallbacks", "Scores that were not of the first source", "scorer")
        self.silences = counter("moderation_scorer_silences", "Texts that no source gave a score for", "scorer")
        self.cached = counter("moderation_scorer_cached", "Texts that were asked about before", "scorer")


class ScorerChain:
    """Asks its sources one after another until one answers, and remembers the answer."""

    def __init__(self, settings: ScorerSettings, sources: Sequence[Source], meters: ScorerMeters) -> None:
        self._settings, self._meters = settings, meters
        self._sources = [
            GuardedSource(
                source,
                timeout=one.timeout_seconds,
                calls_per_minute=one.calls_per_minute,
                failures=settings.failures,
                off_seconds=settings.off_seconds,
            )
            for one, source in zip(settings.sources, sources, strict=True)
        ]
        self._cache: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def name(self) -> str:
        """What rules call it."""
        return self._settings.name

    @property
    def sources_off(self) -> Sequence[str]:
        """The sources that are off just now."""
        return [source.name for source in self._sources if source.is_off]

    async def score(self, text: str) -> float | None:
        """The score of ``text``, within the budget; None if no source gives one. A cancel gives it up."""
        cached = self._cache.get(text)
        if cached is not None and trio.current_time() < cached[1]:
            self._meters.cached.add_for(self.name)
            return cached[0]
        deadline = trio.current_time() + self._settings.budget_seconds
        for number, source in enumerate(self._sources):
            left = deadline - trio.current_time()
            if left <= 0:
                break
            try:
                score = await source.score(text, within=left)
            except ScorerFailed:
                self._meters.failures.add_for(source.name)
                continue
            self._meters.answers.add_for(source.name)
            if number:
                self._meters.fallbacks.add_for(self.name)
            self._remember(text, score, keep=number == 0)
            return score
        self._meters.silences.add_for(self.name)
        return None

    def _remember(self, text: str, score: float, *, keep: bool) -> None:
        """Keep the first source's scores: those of a stand-in are only good as long as it has to stand in."""
        if not keep or not self._settings.cache_entries:
            return
        self._cache[text] = score, trio.current_time() + self._settings.cache_seconds
        self._cache.move_to_end(text)
        if len(self._cache) > self._settings.cache_entries:
            self._cache.popitem(last=False)
