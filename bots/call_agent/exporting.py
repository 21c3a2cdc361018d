"""Call records as text for other programs: CSV for spreadsheets, JSON with the timelines. Pure."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from msgspec import json, structs

from bots.call_agent.records import CallRecord

ExportFormat: TypeAlias = Literal["csv", "json"]

FIELDS = (
    *("id", "agent", "direction", "peer", "channel", "start", "answered", "end", "seconds"),
    *("digits", "human", "waited", "outcome", "reason", "result"),
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet computes a cell that begins so, and callers choose their names themselves."""


def export(records: Sequence[CallRecord], format: ExportFormat) -> str:
    """The records, one line each: CSV with a heading, or JSON objects with all that is kept."""
    return _csv(records) if format == "csv" else _json(records)


def show_time(ms: int | None) -> str:
    """A time in UTC, ISO 8601, to the millisecond; empty for none."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(record: CallRecord) -> float | None:
    """How long the call was answered; None when it never was, or goes on."""
    if record.answered_ms is None or record.end_ms is None:
        return None
    return round((record.end_ms - record.answered_ms) / 1000, 3)


def _csv(records: Sequence[CallRecord]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in _facts(record).items()} for record in records)
    return text.getvalue()


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _json(records: Sequence[CallRecord]) -> str:
    lines = [json.encode({**_facts(record), "timeline": record.timeline}).decode() for record in records]
    return "".join(f"{line}\n" for line in lines)


def _facts(record: CallRecord) -> dict[str, str | float | None]:
    known = structs.asdict(record)
    known |= {
        "start": show_time(record.start_ms),
        "answered": show_time(record.answered_ms),
        "end": show_time(record.end_ms),
        "seconds": seconds_of(record),
    }
    return {name: known[name] for name in FIELDS}
