"""The command line of ``botkit chat``."""

import sys
from typing import Annotated

import trio
import typer

from botkit.cli.chat.client import ChatClient
from botkit.cli.chat.terminal import EditingTerminal, LogLines, open_terminal
from botkit.cli.credentials import account_tokens
from botkit.cli.failures import EXIT_FAILED, reporting
from botkit.cli.names import checked_account, checked_channel
from botkit.cli.options import GATEWAY_HELP, Certificate
from botkit.cli.output import start_logs
from botkit.cli.signals import stop_on_signals
from botkit.errors import ErrorCode
from botkit.gateway.settings import AppCredentials
from botkit.signaling import Signal
from botkit.types import Account, ChannelName

DEFAULT_GATEWAY = "ws://127.0.0.1:8001/"
DEFAULT_APP = "970ca35de60c44645bbae8a215061b33"
"""What ``config/demo.yaml`` runs, so that a newcomer can look in on it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chat")(chat)


def chat(
    *,
    account: Annotated[str, typer.Option(help="Who to log in as.")],
    channel: Annotated[str, typer.Option(help="The channel to join.")],
    gateway: Annotated[str, typer.Option(metavar="URL", help=GATEWAY_HELP)] = DEFAULT_GATEWAY,
    app_id: Annotated[str, typer.Option("--app-id", metavar="ID", help="The app id to log in with.")] = DEFAULT_APP,
    certificate: Certificate = "",
    token: Annotated[str, typer.Option(metavar="T", help="A token for the account, instead of a certificate.")] = "",
) -> None:
    """Log in and chat by hand: type to send, /help lists the commands. Ends with /quit, Ctrl-D or Ctrl-C."""
    # From error up: what a session meets is shown as the events that it tells.
    start_logs("text", "error", sys.stderr)
    with reporting("text"):
        who, where = checked_account(account), checked_channel(channel)
        token = token or account_tokens(AppCredentials(id=app_id, certificate=certificate))(who)
        over = trio.run(_chat, Signal(app_id, gateway), who, token, where)
        if over is not ErrorCode.LOGOUT_E_USER:
            raise typer.Exit(EXIT_FAILED)


async def _chat(signal: Signal, account: Account, token: str, channel: ChannelName) -> ErrorCode:
    with open_terminal() as terminal, trio.CancelScope() as scope, stop_on_signals(scope):
        if isinstance(terminal, EditingTerminal):
            start_logs("text", "error", LogLines(terminal))
        async with signal.open_session(account, token) as session:
            return await ChatClient(session, terminal).run(channel)
    return ErrorCode.LOGOUT_E_USER
