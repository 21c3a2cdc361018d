"""WebSocket URLs, taken apart."""

from typing import NamedTuple
from urllib.parse import urlsplit

from botkit.errors import ConfigError


class WebSocketAddress(NamedTuple):
    """The parts of a WebSocket URL."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """What the ``Host`` header says; the default ports go without saying."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_websocket_url(url: str) -> WebSocketAddress:
    """The parts of ``url``. Raises ``ConfigError`` for what is no ``ws://`` or ``wss://`` URL."""
    hint = "ws://HOST:PORT/ or wss://HOST:PORT/ is right"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is no URL: {error}", hint=hint) from None
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ConfigError(f"{url!r} is no WebSocket URL", hint=hint)
    secure = parts.scheme == "wss"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebSocketAddress(secure, parts.hostname, port or (443 if secure else 80), path)
