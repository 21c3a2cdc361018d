"""``botkit tree`` and ``botkit tail``: what runs in a process of bots, and what it logs, while it runs."""

import json
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from botkit.actor.tree import render_tree
from botkit.cli.configuration import load
from botkit.cli.failures import reporting
from botkit.errors import ConfigError
from botkit.observability.visible import visible
from botkit.operations.client import fetch_tree, follow_logs

Process = Annotated[
    str,
    typer.Argument(
        metavar="FILE_OR_URL",
        help="The configuration file that the process runs, or the URL of its operations (http://127.0.0.1:8081/).",
        show_default=False,
    ),
]

_FIRST = ("timestamp", "level", "event")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tree")(tree)
    app.command("tail")(tail)


def tree(process: Process, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Print what runs in a process of bots: apps, bots, sessions and feeds, how they are and how often they failed."""
    with reporting("text"):
        node = fetch_tree(_url(process))
        typer.echo(msgspec.json.format(msgspec.json.encode(node)).decode() if as_json else render_tree(node))


def tail(
    process: Process,
    bot: Annotated[str, typer.Option(help="Only what is about this bot.")] = "",
    account: Annotated[str, typer.Option(help="Only what is about this account.")] = "",
    level: Annotated[str, typer.Option(help="Only entries of this level: debug, info, warning, error.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Print what a process of bots logs from now on, until it ends or Ctrl-C."""
    with reporting("text"):
        wanted = {key: value for key, value in (("bot", bot), ("account", account), ("level", level)) if value}
        try:
            for entry in follow_logs(_url(process), wanted):
                print(json.dumps(entry, ensure_ascii=False) if as_json else _line(entry), flush=True)
        except KeyboardInterrupt:
            sys.exit(130)


def _url(process: str) -> str:
    if process.startswith("http://"):
        return process
    config = load(Path(process))
    if config.operations is None:
        problem, hint = "is missing: this process answers nowhere", "write 127.0.0.1:8081, and start it again"
        raise config.document.error(("operations", "listen"), problem, hint)
    if not config.operations.port:
        problem = f"{process} lets any free port be taken"
        raise ConfigError(problem, key="operations.listen", hint="give the URL instead")
    return f"http://{config.operations}/"


def _line(entry: dict[str, object]) -> str:
    facts = " ".join(f"{key}={_shown(value)}" for key, value in entry.items() if key not in _FIRST)
    first = f"{entry.get('timestamp', '')} {entry.get('level', ''):<7} {visible(str(entry.get('event', '')))}"
    return f"{first}  {facts}".rstrip()


def _shown(value: object) -> str:
    return visible(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
