"""Logs on the chat's terminal."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from botkit.cli.chat.terminal import LogLines
from botkit.observability.logs import configure_logs


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []

    async def read_line(self) -> str | None:
        return None

    def print(self, line: str) -> None:
        self.lines.append(line)


def test_each_line_of_a_log_is_shown_whole() -> None:
    screen = Screen()
    configure_logs("text", "error", LogLines(screen))
    structlog.get_logger().warning("reconnecting")
    structlog.get_logger().error("it broke", why="a reason")
    (line,) = screen.lines
    assert "it broke" in line
    assert "a reason" in line
    assert "\x1b" not in line


def test_a_line_in_parts_is_shown_once() -> None:
    screen = Screen()
    stream = LogLines(screen)
    stream.write("half ")
    stream.write("a line\nand")
    assert screen.lines == ["half a line"]
