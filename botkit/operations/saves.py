"""Tells when files of a project are saved: by ``watchfiles``, which is in the extra ``dev``."""

import importlib
import importlib.util
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from pathlib import Path
from typing import TypeAlias

import structlog
from structlog.typing import FilteringBoundLogger

from botkit.errors import ConfigError

_log: FilteringBoundLogger = structlog.get_logger("botkit.operations")

Watch: TypeAlias = Callable[[Collection[Path]], AsyncGenerator[Collection[Path], None]]
"""Gives what has changed in these folders (not below them); at first, once it watches, whatever that is, or nothing."""

QUIET_MS = 100
"""For how long nothing may change until it is told: an editor may write a file in several steps."""

LOOK_UP_MS = 250
"""How long the thread that watches takes to notice that it is to end."""


def require_watchfiles() -> None:
    """Raise ``ConfigError`` when there is nothing to watch files with."""
    if importlib.util.find_spec("watchfiles") is None:
        raise ConfigError(
            "--reload needs watchfiles, which is not installed", hint="install the extra: pip install 'botkit[dev]'"
        )


async def watch_folders(folders: Collection[Path]) -> AsyncGenerator[Collection[Path], None]:
    """A ``Watch``, on what the operating system tells."""
    awatch = importlib.import_module("watchfiles").awatch  # an extra, and slow to import
    began = False
    changes: AsyncGenerator[set[tuple[object, str]], None] = awatch(
        *folders,
        recursive=False,
        step=QUIET_MS,
        rust_timeout=LOOK_UP_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    async with aclosing(changes):
        async for changed in changes:
            if changed or not began:
                began = True
                yield frozenset(Path(path) for _, path in changed)


async def call_at_saves(
    call: Callable[[], Awaitable[None]], folders: Callable[[], Collection[Path]], file: Path, watch: Watch
) -> None:
    """Call when ``file``, or Python code in one of ``folders``, is saved, one call at a time, until cancelled.

    ``file`` is an absolute path. The folders may be others after a call. Bursts of changes make one call.
    """
    while True:
        present = frozenset({file.parent, *folders()})
        began = False
        try:
            async with aclosing(watch(present)) as changes:
                async for changed in changes:
                    # What was saved before anything was watched is not told: whatever comes first, it is looked.
                    if not began or any(path.suffix == ".py" or path == file for path in changed):
                        began = True
                        await call()
                    if not present.issuperset(folders()):
                        break
        except OSError as error:  # too many files are watched on this machine already, say
            _log.error("saves are not noticed any more: send SIGHUP instead", error=str(error))
            return
