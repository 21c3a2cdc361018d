"""Finding a gateway: clients know the places to ask (the vendor's LBS), and those know where gateways are.

``GET /getaddr?vid=APPID`` is answered with ``{"web": [[host, port], ...]}``: plain WebSockets are spoken on the port,
TLS on the port after it.
"""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated
from urllib.parse import quote

import msgspec
import trio
from msgspec import Meta, Struct

from botkit.errors import ConfigError, ConnectFailed
from botkit.transport.address import UrlAddress, is_lookup_url, parse_lookup_url
from botkit.transport.base import Connector, Transport
from botkit.transport.http import HttpAnswer, HttpFailed, http_get
from botkit.transport.streams import CONNECT_SECONDS, open_stream
from botkit.transport.websocket import open_websocket, websocket_connector
from botkit.wire.limits import MAX_GATEWAY_FRAME_BYTES

MAX_ANSWER_BYTES = 64 * 1024
MAX_GATEWAYS = 8
"""How many of the gateways in one answer are tried."""

_Host = Annotated[str, Meta(pattern=r"\A([A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]{2,45})\Z")]
_Port = Annotated[int, Meta(ge=1, le=65534)]


class _Addresses(Struct, frozen=True):
    web: Annotated[list[tuple[_Host, _Port]], Meta(min_length=1)]


class _Refusal(Struct, frozen=True):
    error: Annotated[str, Meta(max_length=200)]


class Discovery:
    """Looks gateways up and connects to the first that takes the connection. It keeps what worked last, nothing else.

    ``lookups`` are asked in turn, beginning with the one that helped last time. Each lookup, and each of the gateways
    that it names, may take ``connect_timeout`` seconds. After an ``https://`` lookup the gateway is spoken to by TLS
    too, and its certificate must be for the lookup's host name: the addresses in an answer are mere numbers.
    """

    def __init__(
        self,
        app_id: str,
        lookups: Sequence[str],
        *,
        connect_timeout: float = CONNECT_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        max_message_bytes: int = MAX_GATEWAY_FRAME_BYTES,
    ) -> None:
        if not lookups:
            raise ConfigError("no URL to look the gateway up at", hint="name one or more http://HOST:PORT/")
        self._lookups = [_lookup(url, app_id) for url in lookups]
        self._timeout = connect_timeout
        self._ssl_context = ssl_context
        self._max_message_bytes = max_message_bytes

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Transport]:
        """Find a gateway, connect to it, and close in the end. A cancel leaves no connection behind.

        Raises ``ConnectFailed`` that names every address that was tried, and what was wrong with it.
        """
        async with AsyncExitStack() as connections:
            yield await self._connect_to_any(connections)

    async def _connect_to_any(self, connections: AsyncExitStack) -> Transport:
        failures: list[ConnectFailed] = []
        tried: set[UrlAddress] = set()
        for lookup in list(self._lookups):
            try:
                gateways = await self._look_up(lookup)
            except ConnectFailed as error:
                failures.append(error)
                continue
            for gateway in _unless(tried, gateways):
                try:
                    transport = await connections.enter_async_context(self._open(gateway, lookup.host))
                except ConnectFailed as error:
                    failures.append(error)
                else:
                    self._lookups.remove(lookup)
                    self._lookups.insert(0, lookup)
                    return transport
        raise _together(failures)

    async def _look_up(self, lookup: UrlAddress) -> list[UrlAddress]:
        """The gateways that ``lookup`` knows. Raises ``ConnectFailed``."""
        name, deadline = _url("http", lookup), trio.current_time() + self._timeout
        stream = await open_stream(lookup, name=name, deadline=deadline, ssl_context=self._ssl_context)
        try:
            with trio.fail_at(deadline):
                answer = await http_get(stream, lookup.host_header, lookup.path, max_bytes=MAX_ANSWER_BYTES)
            return [
                UrlAddress(lookup.secure, host, port + lookup.secure, "/")
                for host, port in _read(answer).web[:MAX_GATEWAYS]
            ]
        except trio.TooSlowError:
            raise ConnectFailed(name, "no answer in time") from None
        except HttpFailed as error:
            raise ConnectFailed(name, str(error)) from error
        finally:
            await trio.aclose_forcefully(stream)

    @asynccontextmanager
    async def _open(self, gateway: UrlAddress, certificate_host: str) -> AsyncIterator[Transport]:
        async with open_websocket(
            _url("ws", gateway),
            connect_timeout=self._timeout,
            ssl_context=self._ssl_context,
            certificate_host=certificate_host,
            max_message_bytes=self._max_message_bytes,
        ) as transport:
            yield transport


def gateway_connector(
    gateway: str | Sequence[str], app_id: str, *, connect_timeout: float = CONNECT_SECONDS
) -> Connector:
    """A ``Connector`` to a gateway's own URL, or to whatever gateway the given lookups know for ``app_id``.

    ``gateway`` is one ``ws://`` or ``wss://`` URL, or one or more ``http://`` or ``https://`` ones (see ``Discovery``).
    Raises ``ConfigError`` for anything else.
    """
    if isinstance(gateway, str) and not is_lookup_url(gateway):
        return websocket_connector(gateway, connect_timeout=connect_timeout)
    lookups = [gateway] if isinstance(gateway, str) else gateway
    return Discovery(app_id, lookups, connect_timeout=connect_timeout).connect


def _lookup(url: str, app_id: str) -> UrlAddress:
    address = parse_lookup_url(url)
    path, _, _ = address.path.partition("?")
    return address._replace(path=f"{path.rstrip('/')}/getaddr?vid={quote(app_id, safe='')}")


def _read(answer: HttpAnswer) -> _Addresses:
    """The addresses in an answer. Raises ``HttpFailed`` that says what it holds instead."""
    if answer.status != 200:
        raise HttpFailed(f"answers HTTP {answer.status}{_reason(answer.body)}")
    try:
        return msgspec.json.decode(answer.body, type=_Addresses)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise HttpFailed(f"answers with something else than addresses: {error}") from None


def _reason(body: bytes) -> str:
    """What a refusal says of itself, as botkit's gateway does."""
    try:
        return f": {msgspec.json.decode(body, type=_Refusal).error}"
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


def _unless(tried: set[UrlAddress], gateways: list[UrlAddress]) -> Iterator[UrlAddress]:
    """Those of ``gateways`` that nobody has tried yet."""
    for gateway in gateways:
        if gateway not in tried:
            tried.add(gateway)
            yield gateway


def _together(failures: list[ConnectFailed]) -> ConnectFailed:
    if len(failures) == 1:
        return failures[0]
    reasons = "; ".join(f"{failure.address}: {failure.reason}" for failure in failures)
    return ConnectFailed(", ".join(failure.address for failure in failures), reasons)


def _url(scheme: str, address: UrlAddress) -> str:
    return f"{scheme}{'s' if address.secure else ''}://{address.host_header}{address.path}"
