"""``botkit gateway``: the gateway alone."""

import sys
from pathlib import Path
from typing import Annotated

import structlog
import trio
import typer
from structlog.typing import FilteringBoundLogger

from botkit.cli.embedded import start_gateway
from botkit.cli.failures import complaining, reporting
from botkit.cli.gateway_options import GatewayOptions, complaints, settings_of, settings_with
from botkit.cli.options import Certificate
from botkit.cli.output import start_logs
from botkit.cli.signals import stop_on_signals
from botkit.config.gateway_schema import DEFAULT_HTTP, DEFAULT_LISTEN
from botkit.config.loading import load_gateway_config
from botkit.config.schema import LogSection
from botkit.gateway.settings import GatewaySettings
from botkit.observability.logs import LogFormat, LogLevel
from botkit.operations.notify import ServiceManager
from botkit.stores.gateway import MEMORY_URL

_log: FilteringBoundLogger = structlog.get_logger("botkit.gateway")

_Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A YAML file, such as config/gateway.yaml; it names the apps.")
]
_AppId = Annotated[
    str | None, typer.Option(metavar="ID", help="The app id that clients log in with; without --config.")
]
_Listen = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="For clients; port 0 picks one.", show_default=DEFAULT_LISTEN),
]
_Http = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="For /getaddr, /healthz, /metrics; port 0 picks one.", show_default=DEFAULT_HTTP
    ),
]
_ServerAccounts = Annotated[
    list[str] | None, typer.Option(metavar="PATTERN", help="Accounts that may read the special channels.")
]
_Store = Annotated[
    str | None, typer.Option(metavar="URL", help="memory: or sqlite:///path.db", show_default=MEMORY_URL)
]
_TlsCertificate = Annotated[
    str | None, typer.Option(metavar="PEM", help="Speak TLS, too, on the port after each plain one.")
]
_TlsKey = Annotated[str | None, typer.Option(metavar="PEM", help="The key of --tls-certificate.")]
_Insecure = Annotated[bool, typer.Option("--insecure", help="Let everybody in, from other machines too.")]
_Log = Annotated[
    LogFormat | None, typer.Option(help="Readable lines, or one JSON object per line.", show_default="text")
]
_LogLevel = Annotated[LogLevel | None, typer.Option(help="How much is logged.", show_default="info")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gateway")(gateway)


def gateway(
    context: typer.Context,
    *,
    config: _Config = None,
    app_id: _AppId = None,
    listen: _Listen = None,
    http: _Http = None,
    certificate: Certificate = "",
    server_account: _ServerAccounts = None,
    store: _Store = None,
    tls_certificate: _TlsCertificate = None,
    tls_key: _TlsKey = None,
    insecure: _Insecure = False,
    log: _Log = None,
    log_level: _LogLevel = None,
) -> None:
    """Run a gateway until SIGTERM or Ctrl-C. Prints one line `ready ws=… http=…` when it accepts connections.

    What --config's file says about listening and storing, options may change; who may come in is said there alone.
    """
    options = GatewayOptions(
        app_id=app_id,
        certificate=certificate,
        certificate_from_environment=_from_environment(context, "certificate"),
        server_accounts=tuple(server_account or ()),
        listen=listen,
        http=http,
        store=store,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        insecure=insecure,
    )
    with reporting(log or "text"):
        file = None if config is None else load_gateway_config(config)
        settings = settings_of(options) if file is None else settings_with(file, options)
    logs = LogSection() if file is None else file.log
    format = log or logs.format
    start_logs(format, log_level or logs.level, sys.stderr)
    with reporting(format), complaining(as_=complaints(options, file)):
        trio.run(_serve, settings)


def _from_environment(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "ENVIRONMENT"


async def _serve(settings: GatewaySettings) -> None:
    manager = ServiceManager()
    with trio.CancelScope() as scope, stop_on_signals(scope, on_asked=manager.stopping):
        async with trio.open_nursery() as nursery:
            running = await start_gateway(nursery, settings)
            if settings.tls_certificate:
                _log.info("TLS is spoken on the port after each plain one")
            typer.echo(f"ready ws={running.ws_url} http={running.http_url}")
            manager.ready(f"listening at {running.ws_url}")
            nursery.start_soon(manager.keep_alive)
