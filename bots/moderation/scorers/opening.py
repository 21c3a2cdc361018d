"""Scorers from their settings, for as long as the bot lives."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import trio

from botkit import ConfigError, Meters
from bots.moderation.scorers.chain import ScorerChain, ScorerMeters
from bots.moderation.scorers.http import HttpScorer
from bots.moderation.scorers.local import FunctionScorer, ModelScorer
from bots.moderation.scorers.process import ProcessScorer
from bots.moderation.scorers.settings import (
    AnySource,
    FunctionSource,
    HttpSource,
    ModelSource,
    ProcessSource,
    ScorerSettings,
)
from bots.moderation.scorers.source import Source


class ScorerChains:
    """All scorers of a bot, by name."""

    def __init__(self, chains: Sequence[ScorerChain]) -> None:
        self._chains = {chain.name: chain for chain in chains}

    async def score(self, names: Collection[str], text: str) -> Mapping[str, float | None]:
        """The score of ``text`` by each of these, asked side by side; None for one that has no answer, or is not there.

        It takes as long as the longest budget among them, at most. A cancel gives it up.
        """
        scores: dict[str, float | None] = dict.fromkeys(names)
        asked = [self._chains[name] for name in names if name in self._chains]
        if len(asked) == 1:
            scores[asked[0].name] = await asked[0].score(text)
            return scores

        async def ask(chain: ScorerChain) -> None:
            scores[chain.name] = await chain.score(text)

        async with trio.open_nursery() as nursery:
            for chain in asked:
                nursery.start_soon(ask, chain)
        return scores


@asynccontextmanager
async def open_scorers(settings: Sequence[ScorerSettings], meters: Meters) -> AsyncIterator[ScorerChains]:
    """The scorers, inside the block. Raises ``ConfigError`` for a model or a function that is not there."""
    own = ScorerMeters(meters)
    async with AsyncExitStack() as stack:
        chains = []
        for one in settings:
            sources = [
                await _open(f"{one.name}/{number}-{source.kind}", source, stack)
                for number, source in enumerate(one.sources, start=1)
            ]
            chains.append(ScorerChain(one, sources, own))
        yield ScorerChains(chains)


def check_scorers(settings: Sequence[ScorerSettings], wanted: Collection[str]) -> None:
    """Raises ``ValueError`` for two scorers of one name, and for a ``wanted`` one that is not there."""
    names = [one.name for one in settings]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two scorers have the name {name!r}")
    for name in sorted(wanted):
        if name not in names:
            raise ValueError(
                f"a rule wants the scorer {name!r}, which is not among `scorers`: {', '.join(names) or 'none'}"
            )


async def _open(name: str, source: AnySource, stack: AsyncExitStack) -> Source:
    match source:
        case ModelSource():
            try:
                return await trio.to_thread.run_sync(ModelScorer, name, source.file)
            except ConfigError as error:
                raise ConfigError(error.problem, file=error.file, key=f"scorers: {name}", hint=error.hint) from None
        case FunctionSource():
            return FunctionScorer(name, source.function, threads=source.threads)
        case ProcessSource():
            process = ProcessScorer(name, source.command)
            stack.push_async_callback(process.aclose)
            return process
        case HttpSource():
            http = HttpScorer(name, source.url, source.headers)
            stack.push_async_callback(http.aclose)
            return http
