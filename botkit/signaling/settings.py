"""What a session can be told to do differently."""

from msgspec import Struct

from botkit.backoff import Backoff


class SignalSettings(Struct, frozen=True, kw_only=True):
    """Times (seconds) and bounds of a ``Signal``'s sessions. Raises ``ValueError`` for what cannot work.

    ``connect_timeout``: to open a connection (the vendor's web SDKs: 6 s), and to look a gateway up.
    ``request_timeout``: for the answer to a login or a request, waiting for a connection included.
    ``logout_timeout``: for a polite end, answer and closing handshake together.
    ``ping_interval``, ``missed_pongs``: a ping each interval; without a pong for that many the connection is lost,
    by default after 25 s. A gateway cuts a peer that it does not hear for 30 s: pings must come so much more often
    that a process that is blocked for a while (20 s, by default) is still there.
    ``reconnect``: how long to wait before each attempt to come back.
    ``reconnect_attempts``: attempts in a row before the session ends with 102; None for no end.
    ``max_connecting``: sessions of one ``Signal`` that connect and log in at the same time; others wait for their turn.
    ``message_ttl``: how long an instant message waits for a peer that is offline, unless the sender says.
    ``event_buffer``: events that wait for the application; what is above is dropped, counted and told.
    ``digit_buffer``: pressed digits that wait in one call.
    ``max_requests``: requests of one session that wait for an answer.
    ``max_calls``: calls open at once; further invitations are refused.
    ``ended_calls``: calls that ``LoginSession.call`` still finds after their end.
    ``feed_events``: what the special channels carry becomes events of its own (``UserOnline``, …); otherwise it
    stays what it is on the wire, a ``ChannelMessage`` with JSON.
    """

    connect_timeout: float = 6.0
    request_timeout: float = 5.0
    logout_timeout: float = 2.0
    ping_interval: float = 5.0
    missed_pongs: int = 5
    reconnect: Backoff = Backoff(0.2, 10.0)
    reconnect_attempts: int | None = None
    max_connecting: int = 100
    message_ttl: int = 3600
    event_buffer: int = 4096
    digit_buffer: int = 1024
    max_requests: int = 1024
    max_calls: int = 1024
    ended_calls: int = 256
    feed_events: bool = True

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise ValueError(f"SignalSettings.{name}: more than 0 expected, got {getattr(self, name)}")
        for name in ("message_ttl", "ended_calls"):
            if getattr(self, name) < 0:
                raise ValueError(f"SignalSettings.{name}: 0 or more expected, got {getattr(self, name)}")
        if self.reconnect_attempts is not None and self.reconnect_attempts < 0:
            raise ValueError(f"SignalSettings.reconnect_attempts: 0 or more, or None, got {self.reconnect_attempts}")


_POSITIVE = (
    "connect_timeout",
    "request_timeout",
    "logout_timeout",
    "ping_interval",
    "missed_pongs",
    "max_connecting",
    "event_buffer",
    "digit_buffer",
    "max_requests",
    "max_calls",
)
