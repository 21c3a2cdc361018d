"""The sections of a configuration file that are about the gateway, as they are written there."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from botkit.gateway.settings import GatewaySettings
from botkit.wire.limits import PING_SECONDS

DEFAULT_LISTEN = "127.0.0.1:8001"
DEFAULT_HTTP = "127.0.0.1:8080"

_DEFAULT = GatewaySettings(apps=())

_Text = Annotated[str, Meta(min_length=1)]
_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
_Bytes: TypeAlias = Annotated[int, Meta(ge=1024**2, le=1024**4)]
_Count: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]


class TlsSection(Struct, frozen=True, kw_only=True):
    """``gateway.tls``: with it TLS is spoken on the port after ``listen`` and on the one after ``http``."""

    certificate: Annotated[_Text, Meta(description="a PEM file with the certificate chain")]
    key: Annotated[_Text, Meta(description="a PEM file with the certificate's key, which has no passphrase")]


class LimitsSection(Struct, frozen=True, kw_only=True):
    """``gateway.limits``: how much there may be of what."""

    connections: _Count = _DEFAULT.max_connections
    """At a time, all together."""
    connections_per_address: _Count = _DEFAULT.connections_per_address
    """At a time. Of IPv6 a whole /64 is one address."""
    logins_per_address: _Count = _DEFAULT.logins_per_address
    """Per minute, right or wrong."""
    logins_per_account: _Count = _DEFAULT.logins_per_account
    """Per minute, right ones: wrong ones are anybody's."""
    send_buffer: Annotated[int, Meta(ge=256 * 1024, le=1024**3)] = _DEFAULT.send_buffer
    """Bytes that may wait for a peer that does not read, and again for one whose answers wait for the store; beyond, it
    is cut. No answer takes more than half of it.
    """
    send_buffers: _Bytes = _DEFAULT.send_buffers
    """Bytes that may wait for all peers together; beyond, those are cut that have most."""
    history: _Bytes = _DEFAULT.history_bytes
    """Bytes that all channels together keep of their latest minute, for sessions that come back."""
    attributes: _Bytes = _DEFAULT.attribute_bytes
    """Bytes of the attributes of all channels of an app, and of all its users, each."""
    attributes_per_account: _Bytes = _DEFAULT.attribute_bytes_per_account
    """Bytes of what one account, if it is no server account, has set in channels."""
    channels: _Count = _DEFAULT.channels
    """Of an app, with attributes: those are kept while nobody is in them."""
    channels_per_account: _Count = _DEFAULT.channels_per_account
    """Of these, those that got their first attribute from one account, if it is no server account."""
    inbox: _Count = _DEFAULT.inbox_limit
    """Messages that may wait for one account."""
    inboxes: _Bytes = _DEFAULT.inbox_bytes
    """Bytes of messages that may wait for all accounts of an app."""
    inboxes_per_sender: _Bytes = _DEFAULT.inbox_bytes_per_sender
    """Of these, from one account, if it is no server account."""
    changes_per_second: _Count = _DEFAULT.changes_per_second
    """Of attributes, channels and calls, by one account; messages have their own limits."""


class TimeoutsSection(Struct, frozen=True, kw_only=True):
    """``gateway.timeouts``: how long something may take, in seconds."""

    login: _Seconds = _DEFAULT.login_timeout
    """From a connection to its login."""
    idle: Annotated[float, Meta(gt=PING_SECONDS, le=86_400)] = _DEFAULT.idle_timeout
    """Silence after which a peer is taken for dead; more than clients leave between two pings."""
    close: _Seconds = _DEFAULT.close_timeout
    """For a peer's part in closing."""
    ring: _Seconds = _DEFAULT.ring_timeout
    """An invitation without a ``_timeout`` of its own."""
    channel: Annotated[int, Meta(ge=1, le=10**9)] = _DEFAULT.channel_ttl
    """The longest that a channel may ask for with ``_channel_ttl``, to keep its attributes while nobody is in it."""


class LedgerSection(Struct, frozen=True, kw_only=True):
    """``gateway.ledger``: how much of each app's events is kept, by number, size and age, whichever is least."""

    events: Annotated[int, Meta(ge=1, le=1_000_000_000)] = _DEFAULT.ledger_events
    bytes: _Bytes = _DEFAULT.ledger_bytes
    """Of the events' JSON."""
    days: Annotated[float, Meta(gt=0, le=36_500)] = _DEFAULT.ledger_days


class GatewaySection(Struct, frozen=True, kw_only=True):
    """``gateway``: one of our own, in this process, or the ``url`` of one elsewhere."""

    embedded: bool = True
    """False, or nothing, where there is a ``url``."""
    url: str = ""
    listen: str = DEFAULT_LISTEN
    http: str = DEFAULT_HTTP
    """``HOST:PORT``; an empty text for no HTTP."""
    tls: TlsSection | None = None
    insecure: bool = False
    """Listen for other machines, although somebody may get in without a token."""
    store: str = ""
    """``memory:`` or ``sqlite:///…``; what stands in ``store.url`` when left out."""
    server_accounts: tuple[_Text, ...] = ()
    """Patterns of accounts with the server role in every app, beside those that an app names."""
    origins: tuple[_Text, ...] = ()
    """Pages whose browsers may connect, ``https://*.example.org``; all when left out."""
    trusted_addresses: tuple[_Text, ...] = ("127.0.0.1", "::1")
    """IP addresses (a proxy's) that the limits per address are not for."""
    offline_messages: bool = True
    """Keep instant messages for peers that are offline, until their time to live is over."""
    limits: LimitsSection = LimitsSection()
    timeouts: TimeoutsSection = TimeoutsSection()
    ledger: LedgerSection = LedgerSection()


class StoreSection(Struct, frozen=True, kw_only=True):
    """``store``: where the bots, and the embedded gateway unless it has its own, keep what must survive a restart."""

    url: Annotated[_Text, Meta(description="the database, sqlite:///relative/path.db or sqlite:////absolute/path.db")]
