"""What a gateway is told: addresses, apps, limits."""

import fnmatch
import ipaddress

from msgspec import Struct

from botkit.errors import ConfigError
from botkit.wire.limits import MAX_GATEWAY_FRAME_BYTES


class Address(Struct, frozen=True):
    """Where to listen; port 0 picks a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, key: str) -> "Address":
        """``HOST:PORT`` as an address (``[::1]:8001`` for IPv6). Raises ``ConfigError`` naming ``key``."""
        host, separator, port = text.rpartition(":")
        if not separator or not port.isascii() or not port.isdecimal() or int(port) > 65535:
            raise ConfigError(f"{text!r} is no address", key=key, hint="write HOST:PORT, e.g. 127.0.0.1:8001")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def loopback(self) -> bool:
        """True when only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class RetiringCertificate(Struct, frozen=True, kw_only=True):
    """A certificate that is being replaced: its tokens are still taken until ``until`` (seconds since 1970)."""

    certificate: str
    until: int

    def __repr__(self) -> str:
        return f"RetiringCertificate(certificate='***', until={self.until})"


class AppCredentials(Struct, frozen=True, kw_only=True):
    """One app: its id, its certificates, its servers.

    Without a ``certificate`` everybody gets in without a token. ``retiring`` are older certificates, for a rotation
    with overlap. ``allow_no_token`` also takes ``_no_need_token`` although there is a certificate (the vendor's
    debugging switch); ``accept_v1`` takes the vendor's tokens, which rest on MD5. ``server_accounts`` are patterns
    (``*`` and ``?``) of accounts with the server role: special channels and admin calls are theirs.

    ``allow_force``: users, too, may write into channels that they are not in, with the ``send_channel_msg`` of the
    vendor's Python SDK; without it a message of no member is refused (400), as the vendor documents, but a server's.
    """

    id: str
    certificate: str = ""
    retiring: tuple[RetiringCertificate, ...] = ()
    allow_no_token: bool = False
    accept_v1: bool = True
    allow_force: bool = False
    server_accounts: tuple[str, ...] = ()

    def is_server(self, account: str) -> bool:
        """Whether ``account`` has the server role by its name."""
        return any(fnmatch.fnmatchcase(account, pattern) for pattern in self.server_accounts)

    def certificates_at(self, now: float) -> list[str]:
        """The certificates whose tokens are taken at ``now`` (seconds since 1970)."""
        return [self.certificate, *(old.certificate for old in self.retiring if now < old.until)]

    def __repr__(self) -> str:
        shown = "***" if self.certificate else ""
        return f"AppCredentials(id={self.id!r}, certificate={shown!r}, server_accounts={self.server_accounts!r})"


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """All of a gateway's settings. Times in seconds, sizes in bytes.

    ``store``: ``memory:`` or ``sqlite:///path``. ``offline_messages``: keep instant messages for peers that are offline
    until their ttl. ``login_timeout``: how long a connection may stay without a login. ``idle_timeout``: silence after
    which a peer is cut as dead (the vendor's clients ping each 10 s, botkit's each 5). ``ring_timeout``: how long an
    invitation without ``_timeout`` rings. ``ledger_events``, ``ledger_bytes`` and ``ledger_days``: how much of each
    app's ledger is kept, whichever is least.

    ``send_buffer``: what a peer that does not read may have waiting before it is cut, and again what may wait for it
    until the store is done; ``send_buffers``: what may wait for all peers together, before those are cut that have
    most. ``history_bytes``: what all channels together keep of their latest minute for sessions that come back; each
    keeps no more than such a session is told.

    ``inbox_limit``: messages that may wait for one account; ``inbox_bytes``: what may wait for all accounts of an app;
    ``inbox_bytes_per_sender``: of that, what one account has sent, if it is no server account.

    ``attribute_bytes``: what the attributes of all channels of an app may take, and again those of all its users;
    ``attribute_bytes_per_account``: what one account may have set in channels. ``channels``: how many of an app may
    have attributes, and so be kept while nobody is in them; ``channels_per_account``: of these, those whose first
    attribute one account set. Server accounts count for the app only. ``channel_ttl``: the longest ``_channel_ttl``
    that a channel may have, in seconds; the vendor's default of 7200 is cut to it.

    ``connections_per_address`` at a time; ``logins_per_address`` per minute, right or wrong; ``logins_per_account`` per
    minute, right ones. Of IPv6 a whole /64 is one address; ``trusted_addresses`` (loopback, a proxy) are not counted.
    ``origins``: patterns of the pages whose browsers may connect, all when empty; clients that are no browsers send no
    Origin and are let in. ``tls_certificate`` and ``tls_key``: PEM files; with them TLS is spoken on the port after
    each plain one, where web clients look for it.
    """

    apps: tuple[AppCredentials, ...]
    listen: Address | None = None
    http: Address | None = None
    store: str = "memory:"
    insecure: bool = False
    offline_messages: bool = True
    login_timeout: float = 30.0
    idle_timeout: float = 30.0
    close_timeout: float = 3.0
    send_buffer: int = 4 * 1024 * 1024
    send_buffers: int = 1024**3
    ring_timeout: float = 60.0
    inbox_limit: int = 1000
    changes_per_second: int = 200
    max_connections: int = 20_000
    connections_per_address: int = 1000
    logins_per_address: int = 600
    logins_per_account: int = 60
    trusted_addresses: tuple[str, ...] = ("127.0.0.1", "::1", "memory")
    origins: tuple[str, ...] = ()
    tls_certificate: str = ""
    tls_key: str = ""
    history_bytes: int = 256 * 1024 * 1024
    inbox_bytes: int = 256 * 1024 * 1024
    inbox_bytes_per_sender: int = 16 * 1024 * 1024
    attribute_bytes: int = 256 * 1024 * 1024
    attribute_bytes_per_account: int = 16 * 1024 * 1024
    channels: int = 100_000
    channels_per_account: int = 1000
    channel_ttl: int = 30 * 86_400
    ledger_events: int = 1_000_000
    ledger_bytes: int = 256 * 1024 * 1024
    ledger_days: float = 30.0

    @property
    def answer_bytes(self) -> int:
        """What one answer may take, so that none is by itself too much for its peer: longer lists come in pages.

        It is half of what may wait for a peer, or of what a botkit client takes in one frame if that is less.
        """
        return min(self.send_buffer, MAX_GATEWAY_FRAME_BYTES) // 2

    @property
    def replay_bytes(self) -> int:
        """What a channel keeps for sessions that come back: they are told all at once, which must not be too much."""
        return self.send_buffer // 2

    def check(self) -> None:
        """Refuse what would be unsafe or cannot work. Raises ``ConfigError``."""
        if not self.apps or not all(app.id for app in self.apps):
            raise ConfigError("a gateway needs an app id", key="app.id", hint="any text that clients log in with")
        if len({app.id for app in self.apps}) < len(self.apps):
            raise ConfigError("an app id stands twice", key="app.id", hint="give every app its own id")
        if any(app.retiring and not app.certificate for app in self.apps):
            raise ConfigError(
                "a retiring certificate without a new one lets everybody in",
                key="app.certificate",
                hint="set the new one",
            )
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ConfigError("TLS needs a certificate and a key", key="gateway.tls", hint="name both files or none")
        self._check_ports()
        self._check_doors()

    def _check_ports(self) -> None:
        """Two listeners on one port: said before the second one meets the first, as if it were somebody else's."""
        if self.listen is None or self.http is None or self.listen.host != self.http.host:
            return
        span = {0, 1} if self.tls_certificate else {0}
        if 0 not in (self.listen.port, self.http.port) and abs(self.listen.port - self.http.port) in span:
            taken = "its port and, for TLS, the one after" if self.tls_certificate else "its port"
            raise ConfigError(
                f"{self.http} is where gateway.listen is",
                key="gateway.http",
                hint=f"each takes {taken}; choose another",
            )

    def _check_doors(self) -> None:
        """Who reaches a gateway from other machines has to show a token."""
        outside = {"gateway.listen": self.listen, "gateway.http": self.http}
        open_doors = {key: address for key, address in outside.items() if address and not address.loopback}
        if not open_doors or self.insecure:
            return
        key, address = next(iter(open_doors.items()))
        for app in self.apps:
            if app.certificate and not app.allow_no_token:
                continue
            how, remedy = "without an app certificate", "set a certificate"
            if app.certificate:
                how, remedy = "with allow_no_token", "set that to false"
            which = f" to app {app.id}" if len(self.apps) > 1 else ""
            raise ConfigError(
                f"listening on {address} {how} would let everybody in{which}",
                key=key,
                hint=f"{remedy}, listen on 127.0.0.1, or set insecure (--insecure)",
            )
