"""``botkit check``: is a configuration file right? Opens no socket and no database."""

import typer

from botkit.cli.configuration import File, load
from botkit.cli.failures import reporting


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(file: File) -> None:
    """Check a configuration file, and import its bots, without any network. Exit code 0 or 2."""
    with reporting("text"):
        config = load(file)
        bots = ", ".join(bot.plan.title for bot in config.bots)
        gateway = config.gateway if isinstance(config.gateway, str) else f"an embedded one on {config.gateway.listen}"
        typer.echo(f"{file} is right. Bots: {bots}. Gateway: {gateway}.")
