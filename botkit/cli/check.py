"""``botkit check``: is a configuration file right? Opens no socket and no database."""

from pathlib import Path

import typer

from botkit.app.report import describe_bot
from botkit.cli.banner import places
from botkit.cli.configuration import File, load_any
from botkit.cli.failures import reporting
from botkit.config.advice import find_doubts
from botkit.config.bots import ConfiguredBot
from botkit.config.loading import Config, GatewayConfig
from botkit.gateway.settings import GatewaySettings
from botkit.gateway.tls import load_tls


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(file: File) -> None:
    """Check a configuration file, and import its bots, without any network. Exit code 0 or 2.

    What can be, but is hardly meant, is told on standard error.
    """
    with reporting("text"):
        config = load_any(file)
        gateway = config.settings if isinstance(config, GatewayConfig) else config.gateway
        if isinstance(gateway, GatewaySettings) and gateway.tls_certificate:
            with config.document.placing():
                load_tls(gateway.tls_certificate, gateway.tls_key)
        typer.echo(_praise(file, config))
        if isinstance(config, Config):
            for doubt in find_doubts(config):
                typer.echo(f"but look at {doubt}", err=True)


def _praise(file: Path, config: Config | GatewayConfig) -> str:
    if isinstance(config, GatewayConfig):
        apps = ", ".join(app.id for app in config.settings.apps)
        return f"{file} is right, for botkit gateway --config. Apps: {apps}. Listens on {config.settings.listen}."
    apps = f" Apps: {', '.join(app.id for app in config.apps)}." if len(config.apps) > 1 else ""
    bots = ", ".join(_title(bot) for bot in config.bots)
    gateway = config.gateway if isinstance(config.gateway, str) else f"an embedded one on {config.gateway.listen}"
    return f"{file} is right.{apps} Bots: {bots}. Gateway: {gateway}."


def _title(bot: ConfiguredBot) -> str:
    where = places(describe_bot(bot.plan))
    return f"{bot.plan.title} in {where}" if where else bot.plan.title
