"""``botkit calls …``: the records of calls, and rehearsals of flows with scripted callers."""

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import trio
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from botkit import BotkitError, ConfigError, load_settings, sqlite_path
from bots.call_agent.exporting import ExportFormat, export, seconds_of, show_time
from bots.call_agent.flow.flows import Flow
from bots.call_agent.handlers import bot
from bots.call_agent.records import CallRecord, CallRecords, open_records
from bots.call_agent.rehearsal import Part, rehearse
from bots.call_agent.scripts import Script

EXIT_FAILED, EXIT_WRONG_INPUT = 1, 2

app = typer.Typer(
    name="calls",
    help="Records of calls, and rehearsals of flows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

DatabaseOption = Annotated[str, typer.Option("--database", help="Where the call agent keeps its records.")]
DEFAULT_DATABASE = "sqlite:///var/calls.db"
MOST = 1_000_000
"""Calls that one export has at most."""

MOST_ALARMS = 1_000

COLUMNS = ("id", "start", "", "peer", "channel", "seconds", "digits", "human", "outcome", "reason")
ALWAYS = 4
"""The first so many columns are always there, and not broken into lines."""

SHORT_ID = 8
"""Characters of an id that a table shows; they are enough for ``show``."""

T = TypeVar("T")


@app.command("list")
def list_calls(
    *,
    database: DatabaseOption = DEFAULT_DATABASE,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The latest so many.")] = 20,
    peer: Annotated[str, typer.Option(help="Only calls from or to this account.")] = "",
    outcome: Annotated[str, typer.Option(help="Only calls that ended so.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Show the latest calls, the newest last."""
    with complaining():
        records = read(database, lambda calls: calls.latest(limit=limit, peer=peer, outcome=outcome))
    if as_json:
        sys.stdout.write(export(records, "json"))
        return
    Console().print(_table([_row(record) for record in records]))


@app.command()
def alarms(*, database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Show when agents stopped hearing calls, and why: another login took the account, say."""
    with complaining():
        found = read(database, lambda calls: calls.alarms(MOST_ALARMS))
    for alarm in found:
        typer.echo(f"{show_time(alarm.ms)}  {alarm.agent}  {alarm.kind}  {alarm.reason}")


@app.command()
def show(
    record: Annotated[str, typer.Argument(help="The id of a call, or how it begins.")],
    *,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Show one call, with its timeline."""
    with complaining():
        if not record.isalnum():
            raise ConfigError(f"{record!r} is no id", key="ID", hint="`botkit calls list` shows them")
        found = read(database, lambda calls: calls.find(record))
        if found is None:
            hint = "`botkit calls list` shows them; write enough of it that it is the only one"
            raise ConfigError(f"no one call is {record!r}", key="ID", hint=hint)
    typer.echo(f"{'id':10} {found.id}")
    for name, value in zip(("start", "direction", "peer", "channel", "seconds"), _row(found)[1:], strict=False):
        typer.echo(f"{name:10} {value}")
    for name in ("digits", "human", "waited", "outcome", "reason", "result"):
        typer.echo(f"{name:10} {getattr(found, name)}")
    typer.echo()
    for entry in found.timeline:
        facts = " ".join(f"{key}={value}" for key, value in entry.facts.items())
        typer.echo(f"{entry.at:9.3f}  {entry.what:7} {entry.text}  {facts}".rstrip())


@app.command("export")
def export_calls(
    *,
    format: Annotated[ExportFormat, typer.Option("--format", help="csv, or json with the timelines.")] = "csv",
    database: DatabaseOption = DEFAULT_DATABASE,
    since: Annotated[datetime | None, typer.Option(help="Calls that began at or after this time, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Calls that began at or before this time, in UTC.")] = None,
    out: Annotated[Path | None, typer.Option(help="A file; standard output when left out.")] = None,
) -> None:
    """Write call records for other programs, oldest first."""
    first, last = _ms(since), _ms(until)
    with complaining():
        records = read(database, lambda calls: calls.latest(limit=MOST, since_ms=first or 0, until_ms=last))
        text = export(records, format)
        if out is None:
            sys.stdout.write(text)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot be written: {error.strerror}", file=str(out)) from None


@app.command()
def test(
    flow: Annotated[Path, typer.Argument(help="The file of a flow.")],
    scripts: Annotated[list[Path], typer.Argument(help="Files of scripted callers.")],
) -> None:
    """Play scripted callers against a flow, without a network; exit code 1 when something was not as it is written."""
    with complaining():
        checked = load_settings(flow, Flow)
        plays = [(path, load_settings(path, Script)) for path in scripts]
    table, wrong = Table(box=box.SIMPLE), 0
    for column in ("script", "caller", "", "outcome", "digits", "seconds", "problem"):
        table.add_column(column)
    for path, script in plays:
        for part in rehearse(bot, checked, script):
            wrong += bool(part.problem)
            table.add_row(path.name, part.caller, "FAIL" if part.problem else "ok", *_played(part), part.problem)
    Console().print(table)
    if wrong:
        raise typer.Exit(EXIT_FAILED)


def read(database: str, query: Callable[[CallRecords], Awaitable[T]]) -> T:
    """What ``query`` finds in the records. Raises ``ConfigError`` when there are none, and ``StoreError``."""
    path = sqlite_path(database)
    if path is not None and not path.exists():
        raise ConfigError("is not there", file=str(path), key="--database", hint="name what the call agent writes to")

    async def run() -> T:
        async with open_records(database) as records:
            return await query(records)

    return trio.run(run)


@contextmanager
def complaining() -> Iterator[None]:
    """What botkit complains of is told in one line: exit code 2 for wrong input, 1 for all else."""
    try:
        yield
    except BotkitError as error:
        typer.echo(f"botkit: {error}", err=True)
        raise typer.Exit(EXIT_WRONG_INPUT if isinstance(error, ConfigError) else EXIT_FAILED) from None


def _table(rows: Sequence[Sequence[str]]) -> Table:
    """The rows without the columns that are empty in all of them: a terminal is narrow."""
    table = Table(box=box.SIMPLE)
    shown = [index for index in range(len(COLUMNS)) if index < ALWAYS or any(row[index] for row in rows)]
    for index in shown:
        table.add_column(COLUMNS[index], no_wrap=index < ALWAYS)
    for row in rows:
        table.add_row(*(row[index] for index in shown))
    return table


def _row(record: CallRecord) -> Sequence[str]:
    return (
        record.id[:SHORT_ID],
        f"{show_time(record.start_ms).partition('.')[0]}Z",
        record.direction,
        record.peer,
        record.channel,
        _show(seconds_of(record)),
        record.digits,
        record.human,
        record.outcome or "goes on",
        record.reason,
    )


def _played(part: Part) -> Sequence[str]:
    record = part.record
    return ("", "", "") if record is None else (record.outcome, record.digits, _show(seconds_of(record)))


def _show(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def _ms(time: datetime | None) -> int | None:
    return None if time is None else int(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1000)
