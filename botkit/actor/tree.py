"""The tree of what runs: supervisors, actors and tasks at one moment, as frozen values and as text."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

MAX_ERROR_CHARACTERS = 200


class MailboxLevel(Struct, frozen=True, kw_only=True):
    """How many messages wait in a mailbox, and how many fit."""

    waiting: int
    capacity: int


class TreeNode(Struct, frozen=True, kw_only=True):
    """One supervisor, actor or task, and what runs below it. Plain data: it can be sent as JSON.

    ``state``: ``starting``, ``running``, ``waiting`` (for its restart), ``quarantined``, ``ended`` (for good); that of
    a session is its ``getStatus`` in words. ``uptime``: seconds since its present life began to run, None while it has
    none. ``restarts`` counts all of them. ``last_error`` is the error that it last ended with, in one line.
    """

    kind: str
    name: str
    state: str
    detail: str = ""
    uptime: float | None = None
    restarts: int = 0
    mailbox: MailboxLevel | None = None
    last_error: str = ""
    children: tuple["TreeNode", ...] = ()


def error_line(error: Exception | None) -> str:
    """An error as a tree shows it: its type and text in one line of visible characters; empty for none."""
    if error is None:
        return ""
    text = f"{type(error).__name__}: {error}"
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return visible if len(visible) <= MAX_ERROR_CHARACTERS else f"{visible[: MAX_ERROR_CHARACTERS - 1]}…"


def render_tree(root: TreeNode) -> str:
    """The tree as lines of text with a heading, one line for each node, without a line end after the last."""
    rows = [("", "STATE", "UP", "RESTARTS", "MAILBOX", "LAST ERROR"), *_rows(root, "", "")]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows)


_NUMBERS = (2, 3, 4)
"""Columns that are set to the right."""


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def _rows(node: TreeNode, first: str, later: str) -> Iterator[tuple[str, ...]]:
    mailbox = "" if node.mailbox is None else f"{node.mailbox.waiting}/{node.mailbox.capacity}"
    what = f"{first}{node.kind} {node.name}" + (f", {node.detail}" if node.detail else "")
    yield what, node.state, _duration(node.uptime), str(node.restarts or ""), mailbox, node.last_error
    for index, child in enumerate(node.children):
        last = index == len(node.children) - 1
        yield from _rows(child, later + ("└─ " if last else "├─ "), later + ("   " if last else "│  "))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{whole:02}s" if minutes else f"{whole}s"
