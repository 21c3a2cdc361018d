"""Options that several commands share."""

from typing import Annotated

import typer

from botkit.observability.logs import LogFormat, LogLevel

CERTIFICATE_VARIABLE = "BOTKIT_APP_CERTIFICATE"

GATEWAY_HELP = "ws://… or wss://… of the gateway, or http://… or https://… where to ask for it."

AppId = Annotated[str, typer.Option("--app-id", metavar="ID", help="The app id that clients log in with.")]

Certificate = Annotated[
    str,
    typer.Option(
        metavar="C",
        envvar=CERTIFICATE_VARIABLE,
        show_default=False,
        help="The app's certificate. Given as a variable it does not stand in the list of processes.",
    ),
]

Log = Annotated[LogFormat, typer.Option("--log", help="Readable lines, or one JSON object per line.")]

Level = Annotated[LogLevel, typer.Option("--log-level", help="How much is logged.")]
