"""``botkit presence …``: asks a daemon's database, also while it runs, and draws what it knows."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import trio
import typer

from botkit import ConfigError, WallClock, open_database, sqlite_path
from bots.presence import tables
from bots.presence.plot import draw
from bots.presence.queries import Account, Queries

app = typer.Typer(name="presence", help="Who is there, who was, and how that is known.", no_args_is_help=True)

T = TypeVar("T")

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="BOTKIT_PRESENCE_DATABASE",
        help="The bot's database, as in its settings.",
        show_default=True,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
SinceOption = Annotated[str, typer.Option("--since", help="From when on: a TIME.")]
UntilOption = Annotated[str, typer.Option("--until", help="Up to when: a TIME; else up to now.")]
Time = Annotated[str, typer.Argument(help="ISO 8601, such as 2026-11-23T09:30:00Z, or seconds or ms since 1970.")]

DEFAULT = "sqlite:///var/presence.db"
_LONG_AGO, _FAR_AHEAD = 0, 2**62


@app.command("now")
def now(database: DatabaseOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Who is online and where, as of the last that the daemon has read; unknown when that was too long ago."""
    picture = _ask(database, lambda queries: queries.now(WallClock().ms()))
    _show(picture, as_json, tables.picture_table)


@app.command("at")
def at(time: Time, database: DatabaseOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Who was online and where, at a time in the past."""
    ms = read_time(time)
    picture = _ask(database, lambda queries: queries.at(ms))
    _show(picture, as_json, tables.picture_table)


@app.command("history")
def history(
    account: str,
    since: SinceOption = "",
    until: UntilOption = "",
    database: DatabaseOption = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """What happened to an account, with the gaps in what is known."""
    from_ms, to_ms = _span(since, until)
    records = _ask(database, lambda queries: queries.history(account, from_ms=from_ms, to_ms=to_ms))
    _show(records, as_json, tables.history_table)


@app.command("explain")
def explain(
    account: str,
    time: Annotated[str, typer.Option("--at", help="When: a TIME.")],
    database: DatabaseOption = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """What an account was at a time, and by what that is known."""
    ms = read_time(time)
    explanation = _ask(database, lambda queries: queries.explain(account, ms))
    _show(explanation, as_json, tables.explanation_table)


@app.command("time")
def time_there(
    account: Annotated[str, typer.Argument(help="Of this account alone.")] = "",
    since: SinceOption = "",
    until: UntilOption = "",
    database: DatabaseOption = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """How long accounts were online and in channels: exactly, or from at least to at most where gaps lie."""
    from_ms, to_ms = _span(since, until)

    async def accounts(queries: Queries) -> list[Account]:
        known_ms = (await queries.knowledge()).known_ms
        return await queries.accounts(from_ms, min(to_ms, known_ms), account)

    _show(_ask(database, accounts), as_json, tables.accounts_table)


@app.command("plot")
def plot(
    out: Annotated[Path, typer.Option("--out", help="The picture: a file ending in .png or .svg.")],
    since: SinceOption = "",
    until: UntilOption = "",
    channels: Annotated[int, typer.Option("--channels", min=0, max=20, help="The largest channels, so many.")] = 6,
    database: DatabaseOption = DEFAULT,
) -> None:
    """Draw how many were online, and in the largest channels, over time; what nobody knows is shaded."""
    from_ms, to_ms = _span(since, until)
    draw(_ask(database, lambda queries: queries.course(from_ms, to_ms, channels)), out)
    typer.echo(str(out))


def read_time(text: str) -> int:
    """Milliseconds since 1970. Raises ``ConfigError`` for what is no time."""
    if re.fullmatch(r"\d{1,16}(\.\d+)?", text):
        number = float(text)
        return int(number if number >= 1e11 else number * 1000)  # 1e11 s would be the year 5138
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        hint = "write 2026-11-23T09:30:00Z, or seconds or milliseconds since 1970"
        raise ConfigError(f"{text!r} is no time", key="TIME", hint=hint) from None


def _span(since: str, until: str) -> tuple[int, int]:
    from_ms, to_ms = read_time(since) if since else _LONG_AGO, read_time(until) if until else _FAR_AHEAD
    if from_ms >= to_ms:
        raise ConfigError("ends before it begins", key="--until", hint="write a later time")
    return from_ms, to_ms


def _ask(url: str, question: Callable[[Queries], Awaitable[T]]) -> T:
    path = sqlite_path(url)
    if path is not None and not path.exists():
        hint = "name the database of the bot's settings; has it run yet?"
        raise ConfigError(f"there is no {path}", key="--database", hint=hint)

    async def ask() -> T:
        async with open_database(url) as database:
            return await question(Queries(database))

    return trio.run(ask)


def _show(answer: T, as_json: bool, table: Callable[[T], tables.Shown]) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(answer).decode())
    else:
        tables.show(table(answer))
