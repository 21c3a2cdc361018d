"""One screen for what is typed and what happens: lines that come in do not tear the line that is being typed."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import trio

if sys.platform != "win32":
    import readline
    import termios

PROMPT = "> "


class Terminal(Protocol):
    """Where lines come from and go to."""

    async def read_line(self) -> str | None:
        """The next typed line; None at the end of the input. A cancel may lose what is being typed."""

    def print(self, line: str) -> None:
        """Show a line."""


class PlainTerminal:
    """Standard input and output as they are: pipes, files, and systems without readline."""

    async def read_line(self) -> str | None:
        """The next line of standard input."""
        line = await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        return line.removesuffix("\n") if line else None

    def print(self, line: str) -> None:
        """Write the line at once."""
        print(line, flush=True)


class EditingTerminal:
    """A terminal with line editing and history; what is being typed is written again below each new line."""

    def __init__(self) -> None:
        self._editing = False

    async def read_line(self) -> str | None:
        """The next line of the editor."""
        return await trio.to_thread.run_sync(self._input, abandon_on_cancel=True)

    def print(self, line: str) -> None:
        """Write the line above the one that is being typed."""
        typed = f"{PROMPT}{readline.get_line_buffer()}" if self._editing else ""
        sys.stdout.write(f"\r\x1b[K{line}\n{typed}")
        sys.stdout.flush()

    def _input(self) -> str | None:
        self._editing = True
        try:
            return input(PROMPT)
        except EOFError:
            return None
        finally:
            self._editing = False


class LogLines(io.StringIO):
    """A stream that shows each line of a log on a terminal, above the one that is being typed."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal
        self._begun = ""

    def write(self, text: str) -> int:
        """Show what are whole lines by now."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._terminal.print(line)
        return len(text)


@contextmanager
def open_terminal() -> Iterator[Terminal]:
    """The best terminal there is; its modes are put back at the end, also when a line was being typed."""
    if sys.platform == "win32" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield PlainTerminal()
        return
    modes = termios.tcgetattr(sys.stdin)
    try:
        yield EditingTerminal()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, modes)
        print()
