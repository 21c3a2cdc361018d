"""The command line of ``botkit replay``."""

import io
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import trio
import typer
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from botkit.cli.credentials import account_tokens
from botkit.cli.embedded import open_gateway
from botkit.cli.failures import EXIT_FAILED, reporting
from botkit.cli.files import allow_open_files
from botkit.cli.names import checked_account, checked_channel
from botkit.cli.options import GATEWAY_HELP, Certificate
from botkit.cli.output import start_logs
from botkit.cli.replay.accounts import AccountNames
from botkit.cli.replay.plan import Plan, make_plan
from botkit.cli.replay.play import FEED, OBSERVER, play
from botkit.cli.replay.report import report
from botkit.cli.replay.tally import Tally
from botkit.cli.signals import stop_on_signals
from botkit.errors import ConfigError
from botkit.gateway.settings import AppCredentials
from botkit.irc_log import read_log
from botkit.signaling import Signal
from botkit.types import Account, AppId, ChannelName

FILES_OF_THE_PROCESS = 64
FILES_PER_SESSION = 2

EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted"


class Options(Struct, frozen=True, kw_only=True):
    """The checked command line."""

    channel: ChannelName
    speed: float | None
    gateway: str
    app_id: AppId
    certificate: str
    feed_account: Account


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    log: Annotated[Path, typer.Argument(metavar="LOG", exists=True, dir_okay=False, help="An IRC log.")],
    *,
    channel: Annotated[str, typer.Option(help="The channel to play it in.")],
    speed: Annotated[str, typer.Option(metavar="X|max", help="X times as fast as the log, or all out.")] = "max",
    gateway: Annotated[str, typer.Option(metavar="URL", help=f"{GATEWAY_HELP} Without it, one of our own.")] = "",
    app_id: Annotated[str, typer.Option("--app-id", metavar="ID", help="The app id to log in with.")] = "replay",
    certificate: Certificate = "",
    server_account: Annotated[
        str,
        typer.Option(
            metavar="ACCOUNT", help="Reads the event channel; a server account, unless there is a certificate."
        ),
    ] = FEED,
) -> None:
    """Play an IRC log through one real session per nick, compare what was sent with what arrived, and show it.

    Stays inside the protocol's rates by itself. Exit code 1 if anything was lost, or the gateway went away; 130 when it
    was interrupted, which shows what was counted until then.
    """
    with reporting("text"):
        options = Options(
            channel=checked_channel(channel),
            speed=_speed(speed),
            gateway=gateway,
            app_id=AppId(app_id),
            certificate=certificate,
            feed_account=checked_account(server_account, "--server-account"),
        )
        names = AccountNames(reserved=[OBSERVER, options.feed_account])
        plan = make_plan(list(read_log(io.BytesIO(log.read_bytes()))), names)
        began = time.monotonic()
        tally = trio.run(_play, plan, options)
        Console().print(report(plan, tally, names.mapped(), time.monotonic() - began))
        if not tally.nothing_lost:
            raise typer.Exit(EXIT_INTERRUPTED if tally.stopped == INTERRUPTED else EXIT_FAILED)


async def _play(plan: Plan, options: Options) -> Tally:
    allow_open_files(FILES_OF_THE_PROCESS + FILES_PER_SESSION * len(plan.accounts))
    credentials = AppCredentials(
        id=options.app_id, certificate=options.certificate, server_accounts=(options.feed_account,)
    )
    tally = Tally()
    with trio.CancelScope() as scope, stop_on_signals(scope), _progress(plan) as advance:
        async with open_gateway(options.gateway, credentials) as url:
            await play(
                plan,
                options.channel,
                lambda settings: Signal(options.app_id, url, settings=settings),
                tally,
                token_for=account_tokens(credentials),
                feed_account=options.feed_account,
                speed=options.speed,
                progress=advance,
            )
    if scope.cancelled_caught:
        tally.stopped = INTERRUPTED
    return tally


@contextmanager
def _progress(plan: Plan) -> Iterator[Callable[[], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        # Behind Progress: on a terminal standard error now goes through it, and a log line does not tear the bar. From
        # error up, for a gateway that goes away would be told by each of hundreds of sessions, and the table says it.
        start_logs("text", "error", sys.stderr)
        task = bar.add_task("replay", total=len(plan.cast) + len(plan.steps))
        yield lambda: bar.advance(task)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise ConfigError(f"{text!r} is no speed", key="--speed", hint="a number above 0, or max")
    return speed
