"""``botkit gateway``: the gateway alone."""

import sys
from functools import partial
from typing import Annotated

import trio
import typer

from botkit.cli.failures import complaining, reporting
from botkit.cli.options import AppId, Certificate, Level, Log
from botkit.cli.output import start_logs
from botkit.cli.signals import stop_on_signals
from botkit.errors import ConfigError
from botkit.gateway.server import serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.stores.gateway import check_gateway_store_url

_OPTIONS = {"app.id": "--app-id", "gateway.listen": "--listen", "gateway.http": "--http"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gateway")(gateway)


def gateway(
    *,
    app_id: AppId,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="For clients; port 0 picks one.")] = "127.0.0.1:8001",
    http: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="For /getaddr, /healthz, /metrics; port 0 picks one.")
    ] = "127.0.0.1:8080",
    certificate: Certificate = "",
    server_account: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Accounts that may read the special channels.")
    ] = None,
    store: Annotated[str, typer.Option(metavar="URL", help="memory: or sqlite:///path.db")] = "memory:",
    insecure: Annotated[bool, typer.Option("--insecure", help="Let everybody in, from other machines too.")] = False,
    log: Log = "text",
    log_level: Level = "info",
) -> None:
    """Run a gateway until SIGTERM or Ctrl-C. Prints one line `ready ws=… http=…` when it accepts connections."""
    start_logs(log, log_level, sys.stderr)
    with reporting(log), complaining(as_=_by_option):
        check_gateway_store_url(store, "--store")
        credentials = AppCredentials(id=app_id, certificate=certificate, server_accounts=tuple(server_account or ()))
        settings = GatewaySettings(
            apps=(credentials,),
            listen=Address.parse(listen, "gateway.listen"),
            http=Address.parse(http, "gateway.http"),
            store=store,
            insecure=insecure,
        )
        trio.run(_serve, settings)


def _by_option(error: ConfigError) -> ConfigError:
    # The gateway's complaints name keys of a configuration file; here, they are options.
    return ConfigError(error.problem, key=_OPTIONS.get(error.key, error.key), hint=error.hint)


async def _serve(settings: GatewaySettings) -> None:
    with trio.CancelScope() as scope, stop_on_signals(scope):
        async with trio.open_nursery() as nursery:
            running = await nursery.start(partial(serve_gateway, settings))
            typer.echo(f"ready ws={running.ws_url} http={running.http_url}")
