from pathlib import Path
from typing import IO, cast

import msgspec
import pytest
import trio

from bots.presence.lines import Line, LineWriter, open_lines


def line(number: int) -> Line:
    """A line to recognise."""
    return Line(ms=number, event="online", account=f"user{number}")


def numbers(text: bytes) -> list[int]:
    """Which lines a file holds."""
    return [msgspec.json.decode(row, type=Line).ms for row in text.splitlines()]


class StubbornFile:
    """A file that takes a few bytes at a time, and fails while ``full``."""

    def __init__(self) -> None:
        self.content = b""
        self.full = False

    def write(self, data: bytes) -> int:
        """Takes seven bytes, or none."""
        if self.full and len(self.content) % 7:
            raise OSError(28, "No space left on device")
        self.content += data[:7]
        return len(data[:7])


async def test_lines_are_objects_without_their_empty_fields(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "presence.jsonl"
    async with open_lines(str(path)) as writer:
        await writer.write(Line(ms=5, event="left", account="ann", uid=7, channel="lobby", start_ms=1, reason="leave"))
        await writer.write(Line(ms=6, event="gap", reason="reconnected"))
    first, second = path.read_bytes().splitlines()
    assert msgspec.json.decode(first) == {
        "ms": 5,
        "event": "left",
        "account": "ann",
        "uid": 7,
        "channel": "lobby",
        "start_ms": 1,
        "reason": "leave",
    }
    assert msgspec.json.decode(second) == {"ms": 6, "event": "gap", "reason": "reconnected"}


async def test_a_second_run_appends(tmp_path: Path) -> None:
    path = tmp_path / "presence.jsonl"
    for number in (1, 2):
        async with open_lines(str(path)) as writer:
            await writer.write(line(number))
    assert numbers(path.read_bytes()) == [1, 2]


async def test_many_writers_keep_the_order_in_which_they_came(tmp_path: Path) -> None:
    path = tmp_path / "presence.jsonl"
    came: list[int] = []

    async def write(number: int) -> None:
        came.append(number)
        await writer.write(line(number))

    async with open_lines(str(path)) as writer:
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(write, number)
        assert numbers(path.read_bytes()) == came


async def test_a_cancelled_writer_leaves_its_line_to_the_closing(tmp_path: Path) -> None:
    path = tmp_path / "presence.jsonl"
    async with open_lines(str(path)) as writer:
        with trio.CancelScope() as scope:
            scope.cancel()
            await writer.write(line(1))
    assert numbers(path.read_bytes()) == [1]


async def test_what_the_disk_refuses_waits_for_the_next_try() -> None:
    file = StubbornFile()
    writer = LineWriter(cast("IO[bytes]", file))
    await writer.write(line(1))
    file.full = True
    for number in (2, 3):
        with pytest.raises(OSError, match="No space left"):
            await writer.write(line(number))
    file.full = False
    await writer.write(line(4))
    assert numbers(file.content) == [1, 2, 3, 4]


async def test_past_the_bound_lines_are_dropped_and_counted() -> None:
    file = StubbornFile()
    writer = LineWriter(cast("IO[bytes]", file), max_waiting=1)
    file.content, file.full = b"x", True
    for number in (1, 2, 3):
        with pytest.raises(OSError, match="No space left"):
            await writer.write(line(number))
    assert writer.dropped == 2


async def test_none_writes_nothing() -> None:
    async with open_lines(None) as writer:
        await writer.write(line(1))


async def test_a_path_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        async with open_lines(str(tmp_path / "file" / "presence.jsonl")):
            raise AssertionError
