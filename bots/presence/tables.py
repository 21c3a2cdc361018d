"""Answers as tables on a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bots.presence.queries import Account, Explanation, Picture
from bots.presence.records import Record

STYLES = {
    "online": "green",
    "unknown": "yellow",
    "offline": "dim",
    "certain": "green",
    "inferred": "yellow",
    "none": "red",
}


class Shown(NamedTuple):
    """A table, and the line above it."""

    title: str
    table: Table


def show(shown: Shown) -> None:
    """Print it."""
    console = Console()
    console.print(shown.title, soft_wrap=True)
    console.print(shown.table)


def time_text(ms: int | None) -> str:
    """A time as people read it, in UTC."""
    if ms is None:
        return "?"
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(ms)


def duration_text(ms: int) -> str:
    """A length of time, as 1:02:03.4."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest // 100}"


def picture_table(picture: Picture) -> Shown:
    """Who was there."""
    table = Table("account", "status", "channel", "since", "session")
    for one in picture.people:
        channel = f"{one.channel}?" if one.channel_status == "unknown" and one.channel else one.channel
        table.add_row(one.account, _styled(one.status), channel, time_text(one.since_ms), one.session)
    online = picture.sizes()[""]
    title = f"{time_text(picture.ms)}: {online} online"
    if picture.unknown:
        title += f"; [yellow]of all others it is unknown: {picture.unknown}[/yellow]"
    return Shown(title, table)


def history_table(records: Sequence[Record]) -> Shown:
    """What happened."""
    table = Table("time", "event", "account", "channel", "reason", "session", "how")
    for record in records:
        how = "inferred" if record.uncertain else f"event {record.seq}"
        table.add_row(
            time_text(record.ms), record.event, record.account, record.channel, record.reason, record.session, how
        )
    return Shown(f"{len(records)} records", table)


def explanation_table(explanation: Explanation) -> Shown:
    """What it was, and why that is known."""
    where = f" in {explanation.channel}" if explanation.channel else ""
    title = (
        f"{explanation.account} at {time_text(explanation.ms)}: {_styled(explanation.status)}{where};"
        f" {_styled(explanation.confidence)}: {explanation.why}"
    )
    return Shown(title, history_table(explanation.evidence).table)


def accounts_table(accounts: Sequence[Account]) -> Shown:
    """How long they were there."""
    table = Table("account", "channel", "at least", "at most", "exactness")
    for one in accounts:
        table.add_row(
            one.account,
            one.channel or "(online)",
            duration_text(one.time.at_least_ms),
            duration_text(one.time.at_most_ms),
            "exact" if one.time.exactness == "exact" else "± gap",
        )
    return Shown(f"{len(accounts)} rows", table)


def _styled(word: str) -> str:
    return f"[{STYLES[word]}]{word}[/{STYLES[word]}]" if word in STYLES else word
