"""All commands together, and what the process ends with."""

import sys

import typer

from botkit.cli import check, gateway, run, token, trace, watching
from botkit.cli.chat import command as chat
from botkit.cli.failures import report
from botkit.cli.replay import command as replay
from botkit.cli.scaffold import command as new

_COMMANDS = (run, check, gateway, token, replay, chat, new, watching, trace)


def build_app() -> typer.Typer:
    """The command line with every command registered."""
    app = typer.Typer(
        name="botkit",
        help="Server-side agents for signaling services, and the gateway that they live on.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # its tracebacks show local variables, tokens among them
    )
    for command in _COMMANDS:
        command.register(app)
    return app


def main() -> None:
    """The console script ``botkit``: runs the command that the arguments name, and ends the process."""
    try:
        build_app()(prog_name="botkit")
    except Exception as error:  # noqa: BLE001 - the outermost border: whatever it is becomes an exit code
        sys.exit(report(error))
