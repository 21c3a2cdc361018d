"""What happened in a call, second by second, with what is secret left out."""

from typing import Literal, TypeAlias

from msgspec import Struct

MASK = "•"
"""Stands for a digit that nobody may see."""

MOST = 500
"""Entries that are kept of one call; further ones are counted."""

What: TypeAlias = Literal["phase", "said", "digits", "queue", "human", "note"]


class Entry(Struct, frozen=True, omit_defaults=True):
    """One thing that happened, ``at`` seconds after the call began."""

    at: float
    what: What
    text: str
    facts: dict[str, str] = {}


class Timeline:
    """Written while a call goes on."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._latest: Entry | None = None
        self.digits = ""
        """All that was pressed, in order; secret digits are masked."""
        self.left_out = 0

    def add(self, at: float, what: What, text: str, **facts: str) -> None:
        """Something happened, ``at`` seconds after the call began."""
        entry = Entry(round(at, 3), what, text, facts)
        if len(self.entries) < MOST:
            self.entries.append(entry)
            return
        self.left_out += 1
        self._latest = entry

    def told(self) -> list[Entry]:
        """The entries, for the record; of more than are kept, how many were left out, and then the last one."""
        if self._latest is None:
            return self.entries
        return [*self.entries, Entry(self._latest.at, "note", f"{self.left_out - 1} more were left out"), self._latest]

    def press(self, at: float, digits: str, *, secret: bool) -> None:
        """Digits were pressed."""
        shown = MASK * len(digits) if secret else digits
        self.digits = (self.digits + shown)[:1_000]
        self.add(at, "digits", shown)
