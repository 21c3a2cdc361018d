"""From settings to what runs: sinks with their pipelines, watches with their views."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from botkit import ConfigError
from bots.presence.functions import import_handler
from bots.presence.pipeline import Pipeline, Selection, Stream
from bots.presence.pump import Budget, Sink
from bots.presence.settings import (
    AnySink,
    AnyWatch,
    AttributeSettings,
    DatabaseSettings,
    FileSettings,
    HandlerSettings,
    MessageSettings,
    PresenceSettings,
    StdoutSettings,
    WatchAbsent,
    WatchAccounts,
    WatchChannel,
    WatchCount,
    WatchEveryone,
    WatchOccupied,
    WebhookSettings,
)
from bots.presence.sinks.database import DatabaseSink
from bots.presence.sinks.files import FileSink, StdoutSink
from bots.presence.sinks.signaling import AttributeSink, HandlerSink, MessageSink, Sessions
from bots.presence.sinks.webhook import WebhookSink
from bots.presence.views import OutageRule, View
from bots.presence.watches import (
    AbsentWatch,
    AccountsWatch,
    ChannelWatch,
    CountWatch,
    EveryoneWatch,
    OccupiedWatch,
    Watch,
)


def make_pipeline(settings: PresenceSettings, sink: AnySink) -> Pipeline:
    """What a sink is told."""
    outages = OutageRule(settings.outage.accounts, int(settings.outage.seconds * 1000))
    if not sink.watches:
        return Pipeline([Stream(View(int(sink.window * 1000), outages), Selection(sink.accounts, sink.channels))])
    watches = {watch.name: watch for watch in settings.watches}
    return Pipeline(
        [Stream(View(int(watches[name].window * 1000), outages), make_watch(watches[name])) for name in sink.watches]
    )


def make_watch(settings: AnyWatch) -> Watch:
    """The watch that the settings describe."""
    match settings:
        case WatchAccounts(name=name, accounts=accounts):
            return AccountsWatch(name, accounts)
        case WatchChannel(name=name, channels=channels):
            return ChannelWatch(name, channels)
        case WatchOccupied(name=name, channels=channels):
            return OccupiedWatch(name, channels)
        case WatchCount(name=name, channel=channel, at_least=at_least):
            return CountWatch(name, channel, at_least)
        case WatchAbsent(name=name, accounts=accounts, seconds=seconds):
            return AbsentWatch(name, accounts, int(seconds * 1000))
        case WatchEveryone(name=name, accounts=accounts, channel=channel):
            return EveryoneWatch(name, accounts, channel)


@asynccontextmanager
async def open_sink(settings: AnySink, sessions: Sessions, channels: Sequence[str]) -> AsyncIterator[Sink]:
    """The sink that the settings describe; ``channels`` are the bot's. Raises ``ConfigError``, with the key."""
    match settings:
        case WebhookSettings():
            webhook = WebhookSink(settings.name, settings.url, settings.secret, timeout=settings.timeout)
            try:
                yield webhook
            finally:
                await webhook.aclose()
        case FileSettings():
            file = FileSink(Path(settings.path), max_bytes=settings.max_bytes, keep=settings.keep)
            try:
                await file.prepare()
            except OSError as error:
                hint = "name a file that can be written here"
                raise ConfigError(f"cannot be opened: {error.strerror}", key="path", hint=hint) from error
            yield file
        case StdoutSettings():
            yield StdoutSink()
        case DatabaseSettings():
            yield DatabaseSink(settings.database)
        case MessageSettings():
            yield MessageSink(sessions, settings.account)
        case HandlerSettings():
            yield HandlerSink(import_handler(settings.function))
        case AttributeSettings():
            if settings.channel not in channels:
                hint = f"add {settings.channel} to the bot's channels"
                raise ConfigError(f"the bot is not in {settings.channel!r}", key="channel", hint=hint)
            yield AttributeSink(sessions, settings.channel, settings.attribute)


def budget_of(settings: AnySink) -> Budget:
    """How the sink is treated."""
    return Budget(batch=settings.batch, timeout=settings.timeout, retry_seconds=settings.retry_seconds)
