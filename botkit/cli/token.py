"""``botkit token``: a token for an account, made from the app's certificate."""

import time
from typing import Annotated

import typer

from botkit.cli.failures import reporting
from botkit.cli.options import AppId, Certificate
from botkit.errors import ConfigError
from botkit.wire.limits import account_violation
from botkit.wire.tokens import make_token


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("token")(token)


def token(
    app_id: AppId,
    account: Annotated[str, typer.Option(help="The account that may log in with it.")],
    certificate: Certificate = "",
    ttl: Annotated[int, typer.Option(min=1, help="Seconds that it holds.")] = 86_400,
) -> None:
    """Print a SignalingToken that lets an account log in until TTL seconds from now."""
    with reporting("text"):
        violation = account_violation(account)
        if violation is not None:
            raise ConfigError(violation.reason, key="--account")
        if not certificate:
            raise ConfigError(
                "a token is made with the app's certificate", key="--certificate", hint="or set BOTKIT_APP_CERTIFICATE"
            )
        typer.echo(make_token(app_id, certificate, account, int(time.time()) + ttl))
