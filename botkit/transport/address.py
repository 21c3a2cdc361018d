"""URLs, taken apart: of WebSockets, and of the places that know where they are."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from botkit.errors import ConfigError

_WEBSOCKET_HINT = "ws://HOST:PORT/ or wss://HOST:PORT/ is right"
_LOOKUP_HINT = "http://HOST:PORT/ or https://HOST:PORT/ is right"
_HOST = re.compile(r"[^\s\x00-\x1f%\\^`{|}<>\"]+")
_SECURE_SCHEMES = frozenset({"wss", "https"})


class UrlAddress(NamedTuple):
    """The parts of a URL; ``secure`` ones are spoken to by TLS."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """What the ``Host`` header says; the default ports go without saying."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_websocket_url(url: str) -> UrlAddress:
    """The parts of ``url``. Raises ``ConfigError`` for what is no ``ws://`` or ``wss://`` URL."""
    return _parse(url, {"ws", "wss"}, "WebSocket URL", _WEBSOCKET_HINT)


def parse_lookup_url(url: str) -> UrlAddress:
    """The parts of ``url``. Raises ``ConfigError`` for what is no ``http://`` or ``https://`` URL."""
    return _parse(url, {"http", "https"}, "HTTP URL", _LOOKUP_HINT)


def is_lookup_url(url: str) -> bool:
    """Whether ``url`` names a place to ask for a gateway, rather than a gateway."""
    return url.partition(":")[0].lower() in {"http", "https"}


def check_gateway_url(url: str) -> None:
    """Raises ``ConfigError`` for what is neither a gateway's URL nor one of a place to ask for it."""
    if is_lookup_url(url):
        parse_lookup_url(url)
    else:
        parse_websocket_url(url)


def check_http_url(url: str, key: str = "url") -> None:
    """Raises ``ConfigError``, about ``key``, for what is no ``http://`` or ``https://`` URL with a host."""
    try:
        _parse(url, {"http", "https"}, "HTTP address", "write https://HOST/PATH")
    except ConfigError as error:
        raise ConfigError(error.problem, key=key, hint=error.hint) from None


def _parse(url: str, schemes: set[str], what: str, hint: str) -> UrlAddress:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is no URL: {error}", hint=hint) from None
    if (
        parts.scheme not in schemes
        or not parts.hostname
        or port == 0
        or not _HOST.fullmatch(parts.netloc.rpartition("@")[2])
    ):
        raise ConfigError(f"{url!r} is no {what}", hint=hint)
    secure = parts.scheme in _SECURE_SCHEMES
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return UrlAddress(secure, parts.hostname, port or (443 if secure else 80), path)
