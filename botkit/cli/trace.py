"""``botkit trace``: from what a bot did back to the handler that did it, and to the event that it was given."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from botkit.app.effect_trace import EffectQuery, StoredEffect, read_effects
from botkit.cli.failures import reporting
from botkit.config.loading import load_store_url
from botkit.observability.visible import visible
from botkit.stores.sqlite import sqlite_path

MAX_SHOWN = 10_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trace")(trace)


def trace(
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="A configuration file with store.url, a database file, or its URL.")
    ],
    *,
    message: Annotated[
        int,
        typer.Option(min=0, help="The number of a message in its channel; name the channel, too.", show_default=False),
    ] = 0,
    channel: Annotated[str, typer.Option(help="What was done in this channel.", show_default=False)] = "",
    text: Annotated[str, typer.Option(help="What said exactly this.", show_default=False)] = "",
    account: Annotated[
        str, typer.Option(help="What was done by this account, to it, or because of it.", show_default=False)
    ] = "",
    bot: Annotated[str, typer.Option(help="What this bot did.", show_default=False)] = "",
    effect: Annotated[str, typer.Option(help="The effect with this id, x-…", show_default=False)] = "",
    handler: Annotated[str, typer.Option(help="What this call of a handler did, h-…", show_default=False)] = "",
    event: Annotated[str, typer.Option(help="What this event led to, e-…", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=MAX_SHOWN, help="The latest so many.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Print what bots did, each with what it came from: the gateway's answer, the handler, the event.

    Bots keep what they did where their configuration has store.url. Exit code 1 when nothing fits.
    """
    query = EffectQuery(
        effect=effect,
        event=event,
        handler=handler,
        channel=channel,
        message=message,
        account=account,
        bot=bot,
        text=text,
        limit=limit,
    )
    with reporting("text"):
        found = read_effects(_database(store), query)
        for one in found:
            typer.echo(msgspec.json.encode(one).decode() if json else "\n".join(_lines(one)))
    if not found:
        typer.echo("botkit: nothing that fits is kept there", err=True)
        raise typer.Exit(1)


def _database(store: str) -> Path:
    """The file of the database that ``store`` names, one way or another. Raises ``ConfigError``."""
    if store.endswith((".yaml", ".yml")):
        store = load_store_url(Path(store))
    if not store.startswith("sqlite:"):
        return Path(store)
    path = sqlite_path(store)
    return Path() if path is None else path


def _lines(one: StoredEffect) -> Iterator[str]:
    yield f"{one.effect}  {_time(one.ms)}  {_act(one)}"
    yield f"    answer   {_answer(one)}"
    if not one.handler:
        yield "    handler  none: botkit itself, or a task that no handler started"
        return
    yield f"    handler  {one.handler}  {one.function}() of bot {_shown(one.bot)}, {one.file}:{one.line}"
    yield f"    event    {one.event}  {_event(one)}"


def _act(one: StoredEffect) -> str:
    where = f" in {_shown(one.channel)}" if one.channel and one.channel != one.target else ""
    number = f", message {one.message_id}" if one.message_id else ""
    return f"{_shown(one.account)} {one.verb} {_shown(one.target)}{where}{number}{_words(one.words)}"


def _event(one: StoredEffect) -> str:
    who = f" of {_shown(one.event_from)}" if one.event_from else ""
    where = f" in {_shown(one.event_channel)}" if one.event_channel else ""
    number = f", message {one.event_message_id}" if one.event_message_id else ""
    when = f", {_time(one.event_ms)}" if one.event_ms else ""
    return f"{one.event_type}{who}{where}{number}{when}{_words(one.event_words)}"


def _answer(one: StoredEffect) -> str:
    took = f" after {one.ended_ms - one.ms} ms" if one.ended_ms else ""
    code = f" {one.code}" if one.code else ""
    reason = f": {_shown(one.reason)}" if one.reason else ""
    match one.fate:
        case "":
            return "not known: the process ended before it"
        case "dry":
            return "none: a dry run held it back"
        case "cancelled":
            return f"given up{took}; it may have been carried out"
        case fate:
            return f"{fate}{took}{code}{reason}"


def _words(words: str) -> str:
    return f": {_shown(words)}" if words else ""


def _shown(text: str) -> str:
    return visible(text)  # what strangers wrote must not forge a line


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().isoformat(sep=" ", timespec="milliseconds")
