"""``botkit token``: a token for an account, made from the app's certificate."""

import time
from typing import Annotated, Literal

import typer

from botkit.cli.failures import reporting
from botkit.cli.options import AppId, Certificate
from botkit.errors import ConfigError
from botkit.wire.limits import account_violation
from botkit.wire.tokens import Role, make_role_token, make_token

MAX_SECONDS = 100 * 365 * 86_400


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("token")(token)


def token(
    app_id: AppId,
    account: Annotated[str, typer.Option(help="The account that may log in with it.")],
    certificate: Certificate = "",
    ttl: Annotated[int, typer.Option(min=1, max=MAX_SECONDS, help="Seconds that it holds.")] = 86_400,
    role: Annotated[
        Literal["user", "server"] | None,
        typer.Option(help="Make one of botkit's own (HMAC-SHA256) that gives the account this role."),
    ] = None,
) -> None:
    """Print a token that lets an account log in until TTL seconds from now.

    Without --role it is the vendor's SignalingToken, which rests on MD5: an app may be set to refuse those.
    """
    with reporting("text"):
        if not app_id or ":" in app_id:
            raise ConfigError("an app id in a token is a text without a colon", key="--app-id")
        violation = account_violation(account)
        if violation is not None:
            raise ConfigError(violation.reason, key="--account")
        if not certificate:
            raise ConfigError(
                "a token is made with the app's certificate", key="--certificate", hint="or set BOTKIT_APP_CERTIFICATE"
            )
        expires = int(time.time()) + ttl
        if role is None:
            typer.echo(make_token(app_id, certificate, account, expires))
        else:
            typer.echo(make_role_token(app_id, certificate, account, expires, Role(role)))
