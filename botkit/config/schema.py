"""The sections of a configuration file, as they are written there."""

from typing import Annotated

from msgspec import Meta, Struct

from botkit.app.visitor_script import Demo
from botkit.observability.logs import LogFormat, LogLevel
from botkit.observability.redaction import REDACTED

DEFAULT_LISTEN = "127.0.0.1:8001"
DEFAULT_HTTP = "127.0.0.1:8080"

_Text = Annotated[str, Meta(min_length=1)]


class AppSection(Struct, frozen=True, kw_only=True):
    """``app``: which of the gateway's worlds the bots live in, and what proves that they may."""

    id: Annotated[_Text, Meta(description="the app id that every client logs in with, any text")]
    certificate: str = ""
    """Signs the login tokens; empty for an app without one, on loopback."""

    def __repr__(self) -> str:
        return f"AppSection(id={self.id!r}, certificate={REDACTED if self.certificate else ''!r})"


class GatewaySection(Struct, frozen=True, kw_only=True):
    """``gateway``: one of our own in this process, or the ``url`` of one elsewhere."""

    embedded: bool | None = None
    """True unless there is a ``url``."""
    url: str | None = None
    listen: str | None = None
    http: str | None = None
    """``HOST:PORT``; an empty text for no HTTP."""
    server_accounts: tuple[_Text, ...] | None = None
    """Patterns of accounts, beside the app's own feeds, that may read the special channels."""
    insecure: bool | None = None
    store: str | None = None
    """``memory:`` or ``sqlite:///…``; what stands in ``store.url`` when left out."""


class StoreSection(Struct, frozen=True, kw_only=True):
    """``store``: where the embedded gateway keeps what must survive a restart."""

    url: Annotated[_Text, Meta(description="the database, sqlite:///relative/path.db or sqlite:////absolute/path.db")]


class BotSection(Struct, frozen=True, kw_only=True):
    """One of ``bots``: which bot, under which account, in which channels, with which settings."""

    bot: Annotated[_Text, Meta(description="where the bot is, package.module:attribute")]
    account: Annotated[_Text, Meta(description="the account that the bot logs in with")]
    channels: tuple[_Text, ...] = ()
    settings: dict[str, object] = {}
    """Typed by the bot, see ``Bot(settings=…)``."""


class LogSection(Struct, frozen=True, kw_only=True):
    """``log``: how much is logged, and in which form."""

    format: LogFormat = "text"
    level: LogLevel = "info"


class ConfigFile(Struct, frozen=True, kw_only=True):
    """All of a file."""

    app: Annotated[AppSection, Meta(description="which app the bots belong to, with its id")]
    bots: Annotated[tuple[BotSection, ...], Meta(min_length=1, description="a list of bots, each with bot and account")]
    gateway: GatewaySection = GatewaySection()
    store: StoreSection | None = None
    demo: Demo = Demo()
    """Visitors that act by a script, so that the bots have something to do."""
    log: LogSection = LogSection()
