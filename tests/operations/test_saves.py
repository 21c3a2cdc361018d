"""When files are saved: who is called, and what is watched."""

import math
import sys
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit.errors import ConfigError
from botkit.operations.saves import call_at_saves, require_watchfiles, watch_folders

FILE = Path("/project/bots.yaml")


async def test_saves_of_code_and_of_the_file_are_told(autojump_clock: MockClock) -> None:
    sender, receiver = trio.open_memory_channel[Collection[Path]](math.inf)
    watched: list[Collection[Path]] = []
    folders = {Path("/project/bots")}
    calls: list[float] = []

    async def watch(present: Collection[Path]) -> AsyncGenerator[Collection[Path], None]:
        watched.append(present)
        yield () if len(watched) > 1 else [Path("/project/data.db")]
        async for changed in receiver:
            yield changed

    async def call() -> None:
        calls.append(trio.current_time())
        await trio.sleep(1)
        if len(calls) == 3:
            folders.add(Path("/project/bots/more"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call_at_saves, call, lambda: folders, FILE, watch)
        await trio.sleep(5)
        assert len(calls) == 1  # what was saved before anything was watched
        for name, count in (("data.db", 1), ("bots/a.py", 2), ("bots.yaml", 4), ("other.yaml", 4), ("new.py", 5)):
            sender.send_nowait([Path("/project") / name])
            await trio.sleep(5)
            assert (
                len(calls) == count
            )  # at the third the folders are others, and what was saved meanwhile is looked for
        nursery.cancel_scope.cancel()
    first = frozenset({Path("/project"), Path("/project/bots")})
    assert watched == [first, first | {Path("/project/bots/more")}]


async def test_what_cannot_be_watched_is_told(autojump_clock: MockClock) -> None:
    async def watch(_present: Collection[Path]) -> AsyncGenerator[Collection[Path], None]:
        if FILE.name:
            raise OSError("OS file watch limit reached")
        yield ()

    with capture_logs() as logs:
        await call_at_saves(trio.lowlevel.checkpoint, list, FILE, watch)
    assert "limit reached" in logs[0]["error"]


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require_watchfiles()
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(ConfigError, match=r"needs watchfiles.*pip install 'botkit\[dev\]'"):
        require_watchfiles()


@pytest.mark.slow
async def test_the_operating_system_tells(tmp_path: Path) -> None:
    async with aclosing(watch_folders([tmp_path])) as changes:
        async for changed in changes:
            if not changed:
                (tmp_path / "a.py").write_text("1")
            elif {path.name for path in changed} == {"a.py"}:
                break
