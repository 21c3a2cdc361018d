"""All commands together, and what the process ends with."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from botkit.cli import check, gateway, plugins, run, token, trace, watching
from botkit.cli.chat import command as chat
from botkit.cli.failures import report
from botkit.cli.replay import command as replay
from botkit.cli.scaffold import command as new

_COMMANDS = (run, check, gateway, token, replay, chat, new, watching, trace)


def build_app() -> typer.Typer:
    """The command line with every command registered, those of other packages last."""
    app = typer.Typer(
        name="botkit",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # its tracebacks show local variables, tokens among them
    )

    @app.callback()
    def botkit(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
        ] = False,
    ) -> None:
        """Server-side agents for signaling services, and the gateway that they live on."""

    for command in _COMMANDS:
        command.register(app)
    plugins.register(app, taken=names_of(app))
    return app


def names_of(app: typer.Typer) -> set[str]:
    """What the commands are called that are registered so far."""
    return {command.name for command in app.registered_commands if command.name}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"botkit {version('botkit')}")
        raise typer.Exit


def main() -> None:
    """The console script ``botkit``: runs the command that the arguments name, and ends the process."""
    try:
        build_app()(prog_name="botkit")
    except Exception as error:  # noqa: BLE001 - the outermost border: whatever it is becomes an exit code
        sys.exit(report(error))
