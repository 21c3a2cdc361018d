"""Scorers from their settings, for as long as the bot lives."""

import shutil
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path

import trio

from botkit import ConfigError, Meters
from bots.moderation.learning.model import load_model
from bots.moderation.scorers.chain import ScorerChain, ScorerMeters
from bots.moderation.scorers.http import HttpScorer
from bots.moderation.scorers.local import FunctionScorer, ModelScorer, load_function
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
    """The scorers, inside the block. Raises ``ConfigError`` for a model, a function or a program that is not there."""
    own = ScorerMeters(meters)
    async with AsyncExitStack() as stack:
        chains = []
        for index, one in enumerate(settings):
            sources = []
            for number, source in enumerate(one.sources):
                with _placing(f"scorers[{index}].sources[{number}]"):
                    sources.append(await _open(f"{one.name}/{number + 1}-{source.kind}", source, stack))
            chains.append(ScorerChain(one, sources, own))
        yield ScorerChains(chains)


def check_scorers(settings: Sequence[ScorerSettings]) -> tuple[str, ...]:
    """What tells the models of these scorers from others: the digests of their files. It blocks while it reads them.

    Raises ``ConfigError``, with the key, for two scorers of one name, and for a model, a function or a program that is
    not there or is none.
    """
    names, digests = [one.name for one in settings], []
    for index, one in enumerate(settings):
        if one.name in names[:index]:
            problem = f"two scorers have the name {one.name!r}"
            raise ConfigError(problem, key=f"scorers[{index}].name", hint="rename one")
        for number, source in enumerate(one.sources):
            with _placing(f"scorers[{index}].sources[{number}]"):
                match source:
                    case ModelSource():
                        load_model(Path(source.file))
                        digests.append(sha256(Path(source.file).read_bytes()).hexdigest())
                    case FunctionSource():
                        load_function(source.function)
                    case ProcessSource():
                        _check_program(source.command[0])
                    case HttpSource():
                        pass
    return tuple(digests)


@contextmanager
def _placing(place: str) -> Iterator[None]:
    """A ``ConfigError`` that is raised inside, about a key or about a file that is named there, is about ``place``."""
    try:
        yield
    except ConfigError as error:
        problem = f"{error.file}: {error.problem}" if error.file else error.problem
        raise ConfigError(problem, key=f"{place}.{error.key or 'file'}", hint=error.hint) from error


def _check_program(name: str) -> None:
    if shutil.which(name) is None:
        raise ConfigError(f"there is no program {name!r}", key="command[0]", hint="name one that is there, or its path")


async def _open(name: str, source: AnySource, stack: AsyncExitStack) -> Source:
    match source:
        case ModelSource():
            return await trio.to_thread.run_sync(ModelScorer, name, source.file)
        case FunctionSource():
            return FunctionScorer(name, source.function, threads=source.threads)
        case ProcessSource():
            _check_program(source.command[0])
            process = ProcessScorer(name, source.command)
            stack.push_async_callback(process.aclose)
            return process
        case HttpSource():
            http = HttpScorer(name, source.url, source.headers)
            stack.push_async_callback(http.aclose)
            return http
