"""Sources inside of this process: model files and functions."""

import importlib
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import trio

from botkit import ConfigError
from bots.moderation.learning.model import LearnedScorer, load_model


class ModelScorer:
    """A model of ``botkit moderation train``. Reading the file blocks, and raises ``ConfigError``."""

    def __init__(self, name: str, file: str) -> None:
        self.name = name
        self._scorer = LearnedScorer(load_model(Path(file)))

    async def score(self, text: str) -> float:
        """See ``Source``. It takes less than a millisecond."""
        return self._scorer.score(text)


class FunctionScorer:
    """A function of somebody else's. Raises ``ConfigError`` if it is not there."""

    def __init__(self, name: str, function: str, *, threads: int) -> None:
        self.name = name
        self._function = load_function(function)
        # A thread that hangs cannot be ended: it keeps its place, and the time-out holds for those that wait for one.
        self._threads = trio.CapacityLimiter(threads)

    async def score(self, text: str) -> float:
        """See ``Source``. A cancel leaves a plain function running in its thread."""
        if inspect.iscoroutinefunction(self._function):
            return await cast("Awaitable[float]", self._function(text))
        function = cast("Callable[[str], float]", self._function)
        return await trio.to_thread.run_sync(function, text, abandon_on_cancel=True, limiter=self._threads)


def load_function(path: str) -> Callable[[str], float | Awaitable[float]]:
    """What ``package.module:name`` names. Raises ``ConfigError``."""
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ConfigError(f"{path!r} does not import: {type(error).__name__}: {error}", key="function") from error
    if not callable(found):
        raise ConfigError(f"{path!r} is {type(found).__name__}, and no function", key="function")
    return cast("Callable[[str], float | Awaitable[float]]", found)
