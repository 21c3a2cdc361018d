"""What stands under ``settings:`` of a presence bot in the YAML."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta, Struct

from botkit import ConfigError, check_http_url, sqlite_path
from bots.presence.functions import import_handler

MAX_STREAMS = 64

_Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
_Names: TypeAlias = Annotated[tuple[str, ...], Meta(max_length=1_000)]
_Some: TypeAlias = Annotated[tuple[str, ...], Meta(min_length=1, max_length=1_000)]
_Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=3_600)]
_Long: TypeAlias = Annotated[float, Meta(gt=0, le=366 * 86_400)]


class WatchSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="watch"):
    """The base of watches: ``name`` it for the sinks that tell of it; ``window``: its seconds against flaps."""

    name: _Name
    window: _Seconds = 2.0


class WatchAccounts(WatchSettings, frozen=True, kw_only=True, tag="accounts"):
    """Tells when one of ``accounts``, or of the patterns there, comes online or goes."""

    accounts: _Some

    def __post_init__(self) -> None:
        check_patterns(self.accounts, "accounts")


class WatchChannel(WatchSettings, frozen=True, kw_only=True, tag="channel"):
    """Tells who joins and leaves ``channels``, or those of the patterns there."""

    channels: _Some

    def __post_init__(self) -> None:
        check_patterns(self.channels, "channels")


class WatchOccupied(WatchSettings, frozen=True, kw_only=True, tag="occupied"):
    """Tells when the first has joined, and the last has left, any of ``channels``."""

    channels: _Some

    def __post_init__(self) -> None:
        check_patterns(self.channels, "channels")


class WatchCount(WatchSettings, frozen=True, kw_only=True, tag="count"):
    """Tells when ``at_least`` so many are in ``channel`` (left out: online), and when there are fewer again."""

    at_least: Annotated[int, Meta(ge=1)]
    channel: str = ""


class WatchAbsent(WatchSettings, frozen=True, kw_only=True, tag="absent"):
    """Tells when one of ``accounts`` has been away for ``seconds``, and when it is back."""

    accounts: _Names
    seconds: _Long

    def __post_init__(self) -> None:
        check_names(self.accounts, "accounts")


class WatchEveryone(WatchSettings, frozen=True, kw_only=True, tag="everyone"):
    """Tells when all of ``accounts`` are in ``channel`` (left out: online), and when no longer."""

    accounts: _Names
    channel: str = ""

    def __post_init__(self) -> None:
        check_names(self.accounts, "accounts")


AnyWatch: TypeAlias = WatchAccounts | WatchChannel | WatchOccupied | WatchCount | WatchAbsent | WatchEveryone


class SinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="to"):
    """The base of sinks.

    ``window``: an end is held back for so many seconds, and is not told if it was only a flap; 0 is the raw view.
    ``accounts`` and ``channels``: only about these, patterns allowed. ``watches``: tell of these watches instead.
    ``batch``: records at once; ``timeout``: seconds for one try; ``retry_seconds``: how long what it does not take is
    sent again before it goes to the dead letters.
    """

    name: _Name
    window: _Seconds = 2.0
    accounts: _Names = ()
    channels: _Names = ()
    watches: Annotated[tuple[str, ...], Meta(max_length=MAX_STREAMS)] = ()
    batch: Annotated[int, Meta(ge=1, le=1_000)] = 100
    timeout: Annotated[float, Meta(ge=0.1, le=600)] = 10.0
    retry_seconds: Annotated[float, Meta(ge=0, le=366 * 86_400)] = 86_400.0

    def check(self) -> None:
        """Raise ``ConfigError``, with the key, for what cannot be meant."""
        if self.watches and (self.accounts or self.channels):
            key = "accounts" if self.accounts else "channels"
            hint = "name accounts and channels in the watches"
            raise ConfigError("is not for a sink that tells of watches", key=key, hint=hint)


class FileSettings(SinkSettings, frozen=True, kw_only=True, tag="file"):
    """JSON lines in ``path``; past ``max_bytes`` it becomes ``PATH.1``, up to ``PATH.keep``."""

    path: str
    max_bytes: Annotated[int, Meta(ge=1_000)] = 100_000_000
    keep: Annotated[int, Meta(ge=0, le=1_000)] = 5

    def __post_init__(self) -> None:
        self.check()
        if not self.path.strip() or self.path.endswith("/"):
            raise ConfigError(f"{self.path!r} is no file", key="path", hint="write a path such as var/presence.jsonl")


class StdoutSettings(SinkSettings, frozen=True, kw_only=True, tag="stdout"):
    """JSON lines on standard output."""

    def __post_init__(self) -> None:
        self.check()


class DatabaseSettings(SinkSettings, frozen=True, kw_only=True, tag="sqlite"):
    """The table ``told`` in a database of its own."""

    database: str

    def __post_init__(self) -> None:
        self.check()
        sqlite_path(self.database, "database")


class WebhookSettings(SinkSettings, frozen=True, kw_only=True, tag="webhook"):
    """Batches by HTTP POST to ``url``, signed with ``secret``."""

    url: str
    secret: str

    MIN_SECRET: ClassVar[int] = 16

    def __post_init__(self) -> None:
        self.check()
        check_http_url(self.url)
        if len(self.secret) < self.MIN_SECRET:
            hint = "make one with: openssl rand -hex 32"
            raise ConfigError(f"is shorter than {self.MIN_SECRET} characters", key="secret", hint=hint)


class AttributeSettings(SinkSettings, frozen=True, kw_only=True, tag="attribute"):
    """The attribute ``attribute`` of ``channel``, which must be among the bot's channels."""

    channel: str
    attribute: Annotated[str, Meta(min_length=1, max_length=128)] = "presence"

    def __post_init__(self) -> None:
        self.check()


class MessageSettings(SinkSettings, frozen=True, kw_only=True, tag="message"):
    """An instant message to ``account`` for each record."""

    account: Annotated[str, Meta(min_length=1, max_length=128)]

    def __post_init__(self) -> None:
        self.check()


class HandlerSettings(SinkSettings, frozen=True, kw_only=True, tag="handler"):
    """The async function ``function``, as ``package.module:name``, is called with each record."""

    function: str

    def __post_init__(self) -> None:
        self.check()
        if not re.fullmatch(r"[\w.]+:\w+", self.function):
            raise ConfigError(f"{self.function!r} names no function", key="function", hint="write package.module:name")
        import_handler(self.function)


AnySink: TypeAlias = (
    FileSettings
    | StdoutSettings
    | DatabaseSettings
    | WebhookSettings
    | AttributeSettings
    | MessageSettings
    | HandlerSettings
)


class OutageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``accounts`` that go at once without wanting to are an outage: their ends wait for ``seconds``."""

    accounts: Annotated[int, Meta(ge=2)] = 100
    seconds: Annotated[float, Meta(ge=1, le=3_600)] = 60.0


class PresenceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is kept, who is left out, who is told of it.

    ``database``: ``sqlite:///`` and a path, relative to where botkit was started. ``ignore``: accounts, or patterns
    such as ``bot-*``, of which nothing is recorded; botkit's own never are. ``keep_days`` and ``keep_records`` bound
    what is kept of the past. ``listen``: where snapshots with cursors are handed out by HTTP; empty for nowhere.
    ``log_events``: whether each event is a line of botkit's log, too.
    """

    database: str = "sqlite:///var/presence.db"
    ignore: _Names = ()
    keep_days: Annotated[float, Meta(gt=0, le=36_600)] = 30.0
    keep_records: Annotated[int, Meta(ge=1_000)] = 5_000_000
    outage: OutageSettings = OutageSettings()
    listen: str = ""
    log_events: bool = False
    sinks: tuple[AnySink, ...] = (FileSettings(name="file", path="var/presence.jsonl", window=0),)
    watches: tuple[AnyWatch, ...] = ()

    def __post_init__(self) -> None:
        check_patterns(self.ignore, "ignore")
        sqlite_path(self.database, "database")
        _check_unique([sink.name for sink in self.sinks], "sinks")
        _check_unique([watch.name for watch in self.watches], "watches")
        known = {watch.name for watch in self.watches}
        for index, sink in enumerate(self.sinks):
            for number, name in enumerate(sink.watches):
                if name not in known:
                    hint = f"known here: {', '.join(sorted(known))}" if known else "there are none: add watches"
                    raise ConfigError(f"there is no watch {name!r}", key=f"sinks[{index}].watches[{number}]", hint=hint)
        if self.listen:
            check_listen(self.listen)


def check_patterns(patterns: Sequence[str], key: str) -> None:
    """Raise ``ConfigError`` for a pattern of names that is none."""
    for index, pattern in enumerate(patterns):
        if not pattern or any(character.isspace() for character in pattern):
            hint = "write an account or a channel, or a pattern such as bot-*"
            raise ConfigError(f"{pattern!r} is no name and no pattern", key=f"{key}[{index}]", hint=hint)


def check_names(names: Sequence[str], key: str) -> None:
    """Raise ``ConfigError`` for what is no name, a pattern too."""
    check_patterns(names, key)
    for index, name in enumerate(names):
        if "*" in name or "?" in name:
            raise ConfigError(f"{name!r} is a pattern", key=f"{key}[{index}]", hint="this watch goes by names")
    if not names:
        raise ConfigError("names nobody", key=key, hint="name one account or more")


def check_listen(address: str) -> None:
    """Raise ``ConfigError`` for what is no host and port."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f"{address!r} is no address", key="listen", hint="write 127.0.0.1:8082")


def _check_unique(names: Sequence[str], key: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            index = len(names) - 1 - names[::-1].index(name)
            raise ConfigError(f"there are two of the name {name!r}", key=f"{key}[{index}].name", hint="rename one")
