"""``botkit moderation cases``, ``why``, ``undo``, ``report``, ``audit``: on the database, while a bot runs or not."""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
import trio
import typer
from rich.console import Console
from rich.table import Table

from botkit import ConfigError, Database, open_database, sqlite_path
from bots.moderation.cases import queries
from bots.moderation.cases.chain import Broken
from bots.moderation.cases.facts import Lane
from bots.moderation.cases.ledger import Ledger
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.cases.selection import Selection
from bots.moderation.explain import explain_case, format_time, summarise_case
from bots.moderation.rules.actions import parse_seconds

T = TypeVar("T")

EXIT_FOUND = 1
"""The exit code when the audit log was changed, or there is no such case."""

UNDO_TRIES, UNDO_PAUSE = 20, 0.25
"""How often, and at what distance in seconds, an undo looks whether a running bot has set what follows from it."""

DatabaseUrl = Annotated[str, typer.Option("--database", metavar="URL", help="The bot's database.")]
LaneName = Annotated[str, typer.Option(metavar="LANE", help="live, shadow or dry.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
Account = Annotated[str, typer.Option(help="Only who was acted on.")]
RuleName = Annotated[str, typer.Option(metavar="RULE[@VERSION]", help="Only this rule, of one version or of all.")]
Since = Annotated[str, typer.Option(metavar="DURATION", help="Only from so long ago on, such as 10m or 2d.")]
Until = Annotated[str, typer.Option(metavar="DURATION", help="Only up to so long ago.")]

DEFAULT_DATABASE = "sqlite:///var/moderation.db"

audit = typer.Typer(name="audit", help="The audit log.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("cases")(cases)
    app.command("why")(why)
    app.command("undo")(undo)
    app.command("report")(report)
    app.add_typer(audit)


def cases(
    *,
    account: Account = "",
    rule: RuleName = "",
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    lane: LaneName = "live",
    as_json: AsJson = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """The newest cases, newest first."""
    selection, of = _selection(account=account, rule=rule, since=since, until=until), _lane(lane)
    found = _on(database, lambda opened: queries.list_cases(opened, selection, of, limit=limit))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for case in found:
        typer.echo(summarise_case(case))


def why(
    case: Annotated[int, typer.Argument(min=1)], *, as_json: AsJson = False, database: DatabaseUrl = DEFAULT_DATABASE
) -> None:
    """Why something was done: rule, version, what it found, whom it would have left alone, every act."""
    found = _on(database, lambda opened: queries.read_case(opened, case))
    if found is None:
        typer.echo(f"there is no case {case} in {database}", err=True)
        raise typer.Exit(EXIT_FOUND)
    definition = _on(database, lambda opened: queries.definition(opened, found.draft.rule, found.draft.version))
    typer.echo(msgspec.json.encode(found).decode() if as_json else explain_case(found, definition))


def undo(
    *,
    case: Annotated[int, typer.Option(min=1, help="One case.")] | None = None,
    rule: RuleName = "",
    by_moderator: Annotated[str, typer.Option("--of-moderator", help="What this moderator did by hand.")] = "",
    account: Account = "",
    since: Since = "",
    until: Until = "",
    by: Annotated[str, typer.Option(help="Who takes it back; it is written into the audit log.")] = "shell",
    lane: LaneName = "live",
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """Take cases back, those to which every option applies. A bot sets what follows, now or at its next start."""
    selection = _selection(account=account, rule=rule, since=since, until=until, by=by_moderator, case=case or 0)
    of = _lane(lane)
    if selection.is_everything:
        raise ConfigError(
            "says of no case what to undo", key="undo", hint="give --case, --rule, --account, --since or --until"
        )

    async def carry_out(opened: Database) -> tuple[list[int], list[str], int]:
        ledger = Ledger(opened)
        await ledger.read_head()
        undone = await ledger.undo(selection, of, by, _now())
        return undone, await queries.acts_for_good(opened, undone), await _wait_settled(opened, of)

    undone, kept, pending = _on(database, carry_out)
    typer.echo(f"undone: {len(undone)} cases{': ' + ', '.join(map(str, undone)) if undone else ''}")
    for line in kept:
        typer.echo(f"cannot be taken back: {line}")
    if pending:
        typer.echo(f"{pending} things are still to be set: a running bot does it, or the next start of one")


def report(
    *,
    rule: Annotated[str, typer.Option(help="Only this rule.")] = "",
    since: Since = "",
    lane: LaneName = "live",
    as_json: AsJson = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """What each version of each rule did; with --lane shadow: what all would have done, the shadow ones as well."""
    since_ms, of = _since(since), _lane(lane)
    found = _on(database, lambda opened: queries.tally(opened, of, since_ms=since_ms, rule=rule))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    table = Table("rule", "version", "cases", "accounts", "undone", "first", "last", "in force")
    for one in found:
        times = (format_time(one.first_ms), format_time(one.last_ms))
        numbers = (str(one.cases), str(one.accounts), str(one.undone))
        table.add_row(one.rule, one.version, *numbers, *times, "yes" if one.in_force else "")
    Console().print(table)


@audit.command("verify")
def verify(*, database: DatabaseUrl = DEFAULT_DATABASE) -> None:
    """Check every record of the audit log; the first that was changed is named, and the exit code is 1."""

    async def check(opened: Database) -> tuple[Broken | None, int, str]:
        ledger = Ledger(opened)
        await ledger.read_head()
        return await queries.verify_audit(opened), *ledger.head

    broken, number, newest = _on(database, check)
    if broken is not None:
        typer.echo(f"record {broken.n} {broken.problem}", err=True)
        raise typer.Exit(EXIT_FOUND)
    typer.echo(f"{number} records are as they were written; the newest has the hash {newest or 'none'}")


def _on(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        raise ConfigError("there is no such file", file=str(path), hint="name the bot's database with --database")

    async def run() -> T:
        async with open_database(url, SCHEMA) as opened:
            return await work(opened)

    return trio.run(run)


def _selection(
    *, account: str = "", rule: str = "", since: str = "", until: str = "", by: str = "", case: int = 0
) -> Selection:
    name, _, version = rule.partition("@")
    window = {"since_ms": _since(since), "until_ms": _since(until)}
    return Selection(case=case, rule=name, version=version, by=by, account=account, **window)


def _since(text: str) -> int:
    if not text:
        return 0
    try:
        return _now() - round(parse_seconds(text) * 1000)
    except ValueError as error:
        raise ConfigError(str(error), key="--since, --until") from None


def _lane(text: str) -> Lane:
    match text:
        case "live" | "shadow" | "dry":
            return text
        case _:
            raise ConfigError(f"{text!r} is no lane", key="--lane", hint="write live, shadow or dry")


def _now() -> int:
    return int(time.time() * 1000)


async def _wait_settled(database: Database, lane: Lane) -> int:
    for _ in range(UNDO_TRIES):  # it is another process that sets them
        if not await queries.dirty_cells(database, lane, limit=1):
            return 0
        await trio.sleep(UNDO_PAUSE)
    return len(await queries.dirty_cells(database, lane))
