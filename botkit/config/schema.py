"""The sections of a configuration file, as they are written there. ``gateway_schema`` has those of the gateway."""

from typing import Annotated

from msgspec import Meta, Struct

from botkit.app.effect_store import EFFECTS_KEPT
from botkit.app.visitor_script import Demo
from botkit.config.gateway_schema import GatewaySection, StoreSection
from botkit.observability.logs import LogFormat, LogLevel
from botkit.observability.redaction import REDACTED
from botkit.observability.texts import TextPolicy
from botkit.signaling import GovernorSettings

_Text = Annotated[str, Meta(min_length=1)]
_GOVERNOR = GovernorSettings()


class RetiringSection(Struct, frozen=True, kw_only=True):
    """One of ``retiring``: a certificate that is being replaced, and until when its tokens are still taken."""

    certificate: Annotated[_Text, Meta(description="the old certificate, which tokens are still signed with")]
    until: Annotated[
        int | str, Meta(description="when its tokens stop to count, 2027-01-31T00:00:00Z or seconds since 1970")
    ]

    def __repr__(self) -> str:
        return f"RetiringSection(certificate={REDACTED!r}, until={self.until!r})"


class AppSection(Struct, frozen=True, kw_only=True):
    """``app``, or one of ``apps``: a world of its own, who may enter it, and what proves that.

    ``id`` and ``certificate`` are for whoever logs in, too; what follows is for the gateway, when it is one of ours.
    """

    id: Annotated[_Text, Meta(description="the app id that every client logs in with, any text")]
    certificate: str = ""
    """Signs the login tokens; empty for an app without one, on loopback."""
    retiring: tuple[RetiringSection, ...] = ()
    """Older certificates, for a rotation with overlap."""
    allow_no_token: bool = False
    """Take ``_no_need_token`` although there is a certificate: the vendor's debugging switch."""
    accept_v1: bool = True
    """Take the vendor's tokens, which rest on MD5, beside our own."""
    allow_force: bool = False
    """Users, too, may write into channels that they are not in: the Python SDK's ``send_channel_msg``."""
    server_accounts: tuple[_Text, ...] = ()
    """Patterns of accounts with the server role: special channels and admin calls. A gateway elsewhere learns of them
    by the tokens that are made for them here."""

    def __repr__(self) -> str:
        return f"AppSection(id={self.id!r}, certificate={REDACTED if self.certificate else ''!r})"


_Bound = Annotated[int, Meta(ge=1)]


class LimitsSection(Struct, frozen=True, kw_only=True):
    """``limits``: how many events a bot handles at a time, and how many wait. What is left out is the bot's own."""

    running: _Bound | None = None
    """Events that are handled at a time, each of another channel, account or call."""
    lasting: _Bound | None = None
    """Invitations that are handled beside them."""
    waiting: _Bound | None = None
    """Events that wait in all; then no more are taken from the sessions."""
    waiting_per_key: _Bound | None = None
    """Events of one channel, account or call that wait; further ones are dropped, and the bot is told."""


class LoopsSection(Struct, frozen=True, kw_only=True):
    """``loops``: when a loop with another bot is broken. What is left out is the bot's own."""

    turns: Annotated[int, Meta(ge=0)] | None = None
    """Answers in a row that come as fast as a bot's; 0: nothing is ever broken."""
    window_seconds: Annotated[float, Meta(gt=0)] | None = None
    """How soon after being answered an answer is so fast."""
    pause_seconds: Annotated[float, Meta(gt=0)] | None = None
    """How long the other is not listened to then."""


class BotSection(Struct, frozen=True, kw_only=True):
    """One of ``bots``: which bot, in which app, under which account, in which channels, with which settings."""

    bot: Annotated[_Text, Meta(description="where the bot is, package.module:attribute")]
    app: _Text | None = None
    """The id of one of ``apps``; the first one when left out."""
    account: Annotated[_Text, Meta(description="the account that the bot logs in with")]
    channels: tuple[_Text, ...] = ()
    """Names, and patterns such as ``room-*``: each stands for all channels that match, while somebody is in them."""
    max_channels: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    """Channels that match the patterns, at most, at a time; each takes a session. 500 when left out."""
    linger_seconds: Annotated[float, Meta(ge=0)] | None = None
    """How long such a channel is kept when nobody else is in it any more. 30 when left out."""
    roles: dict[str, tuple[_Text, ...]] = {}
    """Who may use commands that are for a role: accounts, and patterns such as ``mod-*``, by role."""
    limits: LimitsSection = LimitsSection()
    loops: LoopsSection = LoopsSection()
    dry_run: bool = False
    """Log in, join and hear, but do nothing to others; the log says what it would have done."""
    settings: dict[str, object] = {}
    """Typed by the bot, see ``Bot(settings=…)``."""


class OperationsSection(Struct, frozen=True, kw_only=True):
    """``operations``: the HTTP side of a process of bots, for probes, scrapes, ``botkit tree`` and ``botkit tail``."""

    listen: str = ""
    """HOST:PORT; nothing is served when left out."""
    canary_seconds: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    """How often a canary shows whether the bots really receive; ``/readyz`` finds a deaf one in 2.5 times as long."""


class OutgoingSection(Struct, frozen=True, kw_only=True):
    """``outgoing``: how what bots send keeps to the service's limits, all bots of an app together."""

    governor: bool = True
    """Let messages wait for their turn; false lets them out as they come, and the gateway refuse what is too fast."""
    queue: Annotated[int, Meta(ge=1, le=1_000_000)] = _GOVERNOR.queue
    """Messages of one account that may wait in one lane."""
    retry_seconds: Annotated[float, Meta(ge=0, le=3_600)] = _GOVERNOR.retry_seconds
    """For how long a message is sent again that was refused since others used up a channel's limit."""


class EffectsSection(Struct, frozen=True, kw_only=True):
    """``effects``: what is kept of what bots did, for ``botkit trace``."""

    keep: Annotated[int, Meta(ge=0, le=1_000_000_000)] = EFFECTS_KEPT
    """The latest so many, in the store; 0 keeps none."""
    text: TextPolicy = "hash"
    """How much of what bots and people wrote is kept, and logged with an effect: ``full`` the beginning of a text,
    ``hash`` enough to find one that is known, ``none`` its length."""


class LogSection(Struct, frozen=True, kw_only=True):
    """``log``: how much is logged, and in which form."""

    format: LogFormat = "text"
    level: LogLevel = "info"


class QuarantineSection(Struct, frozen=True, kw_only=True):
    """``quarantine``: what becomes of bots and feeds that crash too often. Times in seconds."""

    probe_after: Annotated[float, Meta(gt=0, description="seconds until the first probe")] = 30.0
    longest: Annotated[float, Meta(gt=0, description="seconds between two probes, at most")] = 1800.0
    """Each probe that fails makes the time until the next one twice as long, up to this."""
    give_up_after: Annotated[int, Meta(ge=0)] | None = None
    """So many probes may fail in a row before one is given up for good; never, when left out."""


class ConfigFile(Struct, frozen=True, kw_only=True):
    """All of a file: for ``botkit run`` with bots, for ``botkit gateway`` without."""

    app: AppSection | None = None
    apps: Annotated[tuple[AppSection, ...], Meta(min_length=1)] | None = None
    """Several of them; then there is no ``app``."""
    bots: Annotated[tuple[BotSection, ...], Meta(min_length=1)] | None = None
    gateway: GatewaySection = GatewaySection()
    store: StoreSection | None = None
    demo: Demo = Demo()
    """Visitors that act by a script in the first app, so that the bots have something to do."""
    operations: OperationsSection = OperationsSection()
    outgoing: OutgoingSection = OutgoingSection()
    effects: EffectsSection = EffectsSection()
    quarantine: QuarantineSection = QuarantineSection()
    log: LogSection = LogSection()
