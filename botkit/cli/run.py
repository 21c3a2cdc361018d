"""``botkit run``: the bots of a configuration file, with the gateway that they need."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import trio
import typer
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit.app.app import App
from botkit.app.apps import run_apps
from botkit.app.effect_store import EffectStore, open_effect_store
from botkit.app.visitors import run_visitors
from botkit.app.watchdog import Watchdog
from botkit.cli.banner import STOPPED, banner, ready
from botkit.cli.configuration import File, load
from botkit.cli.credentials import account_tokens
from botkit.cli.draining import DrainingStop
from botkit.cli.embedded import start_gateway
from botkit.cli.failures import complaining, failure_line, reporting
from botkit.cli.output import Announcer, start_logs
from botkit.cli.signals import call_at_each, hangups, stop_on_signals
from botkit.config.advice import find_doubts
from botkit.config.gateway import placed
from botkit.config.loading import Config
from botkit.errors import ActorError, ConfigError, StoreError
from botkit.observability.logs import LogFormat, LogLevel
from botkit.observability.metrics import Meters
from botkit.operations.code import ProjectCode
from botkit.operations.notify import ServiceManager
from botkit.operations.reload import ConfigReload
from botkit.operations.saves import call_at_saves, require_watchfiles, watch_folders
from botkit.operations.serving import open_operations
from botkit.signaling import Signal
from botkit.stores.conversations import SCHEMA, ConversationStore, MemoryConversationStore, SqliteConversationStore
from botkit.stores.gateway import MEMORY_URL
from botkit.stores.sqlite import open_database

STOP_SECONDS = 2.5
"""What a bot may take to stop, so that the gateway, which stops after it, is done before the deadline, too."""

STOP_DEADLINE = 5.0
"""Seconds from the signal to the end of the process, whatever bots do."""


_log: FilteringBoundLogger = structlog.get_logger("botkit.config")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    file: File,
    *,
    log: Annotated[
        LogFormat | None,
        typer.Option("--log", help="Readable lines, or one JSON object per line; else as the file says."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let no bot do anything to others; tell what it would have done.")
    ] = False,
    reload: Annotated[
        bool,
        typer.Option("--reload", help="For development: exchange the code of handlers when it is saved."),
    ] = False,
) -> None:
    """Run the bots of a configuration file, and the embedded gateway if it has one, until Ctrl-C or SIGTERM.

    At SIGHUP it reads the file again: bots that differ are restarted, new ones started, those that are gone stopped,
    and the others notice nothing. So are the logs' level, the canary's pace and the bounds of what waits to be sent. A
    file with a mistake, or with other changes, is refused and logged.

    With --reload the code of bots, and the file, are followed as they are saved. Sessions, conversations and timers go
    on; code with a mistake is logged, with file and line, and what was there before goes on.

    When asked to stop, bots that have something to finish, such as calls, may do so first; a second signal ends it.

    Exit code 1 when a bot was given up on the way, since its account logged in elsewhere or was banned, say; and when
    one is in quarantine at the end, since it failed too often.
    """
    code = ProjectCode() if reload else None
    with nullcontext() if code is None else code.installed():
        with reporting(log or "text"):
            if reload:
                require_watchfiles()
            config = load(file, dry_run=dry_run)
        format = log or config.log.format
        start_logs(format, config.log.level, sys.stdout)
        for doubt in find_doubts(config):
            _log.warning("is this meant?", file=doubt.file, key=doubt.key, problem=doubt.problem, hint=doubt.hint)
        with reporting(format), complaining(as_=lambda error: placed(config.document, error)):
            too_late = failure_line(
                f"not stopped within {STOP_DEADLINE:g} s: a bot does not let go; ended by force", format
            )
            again = partial(load, file, dry_run=dry_run)
            logs = partial(start_logs, format, stream=sys.stdout)
            whole = partial(_run, too_late=too_late, file=file.resolve(), code=code, on_log_level=logs)
            trio.run(whole, config, again, Announcer(format, sys.stdout))


async def _run(
    config: Config,
    load_again: Callable[[], Config],
    announcer: Announcer,
    *,
    too_late: str,
    file: Path,
    code: ProjectCode | None,
    on_log_level: Callable[[LogLevel], None],
) -> None:
    meters = Meters()
    apps: list[App] = []
    manager = ServiceManager()
    stop = DrainingStop(apps)
    stopping = stop.scope
    signals = stop_on_signals(
        stopping, within=STOP_DEADLINE, too_late=too_late, on_asked=manager.stopping, ask=stop.ask
    )
    with signals as put_off, hangups() as hung_up:
        async with _open_gateway(config, meters) as addresses, _open_conversations(config) as conversations:
            with stopping:  # the gateway is around it, and there until the last bot has logged out
                async with (
                    open_operations(config.operations, apps, meters) as operations,
                    _open_effects(config, meters) as effects,
                ):
                    announcer.tell(*banner(config, addresses.ws, addresses.http, operations))
                    apps += _make_apps(config, addresses.ws, meters, conversations, effects)
                    reload = ConfigReload(config, load_again, apps, meters, code=code, on_log_level=on_log_level)
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(manager.keep_alive)
                        await nursery.start(_run_bots, config, apps, addresses.ws, announcer)
                        manager.ready(f"{len(config.bots)} bots")
                        nursery.start_soon(stop.run, put_off)
                        nursery.start_soon(call_at_each, hung_up, partial(_read_again, reload, manager))
                        if code is not None:
                            nursery.start_soon(call_at_saves, reload.follow, code.folders, file, watch_folders)
    announcer.tell(STOPPED)
    if ends := [end for app in apps for end in app.given_up()]:
        raise ActorError(f"given up on the way: {'; '.join(ends)}")


async def _read_again(reload: ConfigReload, manager: ServiceManager) -> None:
    manager.reloading()
    await reload.reload()
    manager.ready()


def _make_apps(
    config: Config, url: str, meters: Meters, conversations: ConversationStore, effects: EffectStore | None
) -> list[App]:
    watchdog = Watchdog(meters)
    return [
        App(
            app.id,
            url,
            [bot.placement for bot in config.bots_of(app)],
            token_for=account_tokens(app),
            meters=meters,
            stop_seconds=STOP_SECONDS,
            keys=[bot.plan.key for bot in config.bots_of(app)],
            canary_seconds=config.canary_seconds,
            quarantine=config.quarantine,
            watchdog=watchdog,
            conversations=conversations,
            governor=config.governor,
            texts=config.effects.text,
            effect_sink=effects,
        )
        for app in config.apps
        if config.bots_of(app)
    ]


async def _run_bots(
    config: Config, apps: Sequence[App], url: str, announcer: Announcer, *, task_status: trio.TaskStatus[None]
) -> None:
    first = config.apps[0]
    async with trio.open_nursery() as nursery:
        await nursery.start(run_apps, apps)
        announcer.tell(ready([bot for app in apps for bot in app.statistics()]))
        task_status.started()
        await run_visitors(
            Signal(first.id, url),
            config.demo.visitors,
            repeat_seconds=config.demo.repeat_seconds,
            token_for=account_tokens(first),
        )


@asynccontextmanager
async def _open_conversations(config: Config) -> AsyncIterator[ConversationStore]:
    """What bots remember of talks, in the file's store if it names one. Raises ``ConfigError`` (key ``store.url``)."""
    if config.store == MEMORY_URL:
        yield MemoryConversationStore()
        return
    try:
        async with open_database(config.store, SCHEMA) as database:
            yield SqliteConversationStore(database)
    except StoreError as error:
        if error.url != config.store:
            raise
        raise ConfigError(str(error), key="store.url", hint="name a file that can be written here") from error


@asynccontextmanager
async def _open_effects(config: Config, meters: Meters) -> AsyncIterator[EffectStore | None]:
    """What keeps what bots do, in the file's store if it names one."""
    effects = config.effects
    if config.store == MEMORY_URL or not effects.keep:
        yield None
        return
    async with open_effect_store(config.store, meters, texts=effects.text, keep=effects.keep) as store:
        yield store


class _Addresses(Struct, frozen=True):
    ws: str
    http: str


@asynccontextmanager
async def _open_gateway(config: Config, meters: Meters) -> AsyncIterator[_Addresses]:
    """Where the gateway is; if it is an embedded one, it runs until the end of the block."""
    if isinstance(config.gateway, str):
        yield _Addresses(config.gateway, "")
        return
    async with trio.open_nursery() as nursery:
        gateway = await start_gateway(nursery, config.gateway, meters)
        yield _Addresses(gateway.ws_url, gateway.http_url)
        nursery.cancel_scope.cancel()
