"""One HTTP GET over a trio stream, bounded in size.

The protocol is h11's, which the WebSocket library stands on anyway; a whole HTTP client would bring its own trust
store and four packages for this one request.
"""

from typing import NamedTuple

import h11
import trio

from botkit.transport.reasons import connect_reason

MAX_HEADER_BYTES = 16 * 1024
_RECEIVE_BYTES = 16 * 1024


class HttpFailed(Exception):
    """No whole answer came; the text says why."""


class HttpAnswer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


async def http_get(stream: trio.abc.Stream, host_header: str, target: str, *, max_bytes: int) -> HttpAnswer:
    """Ask for ``target`` over ``stream``, which is of no use afterwards. Redirects are answers like any other.

    Raises ``HttpFailed`` for what is no HTTP, a body of more than ``max_bytes``, and a connection that ends early.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER_BYTES)
    headers = [("Host", host_header), ("Accept", "application/json"), ("Connection", "close")]
    request = h11.Request(method="GET", target=target, headers=headers)
    try:
        await stream.send_all((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        return await _read_answer(stream, connection, max_bytes)
    except h11.RemoteProtocolError as error:
        raise HttpFailed(f"does not answer in HTTP: {error}") from None
    except trio.BrokenResourceError as error:
        raise HttpFailed(f"hung up: {connect_reason(error)}") from error


async def _read_answer(stream: trio.abc.Stream, connection: h11.Connection, max_bytes: int) -> HttpAnswer:
    status, body = 0, bytearray()
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(bytes(await stream.receive_some(_RECEIVE_BYTES)))
            case h11.Response(status_code=code):
                status = code
            case h11.Data(data=data):
                body += data
                if len(body) > max_bytes:
                    raise HttpFailed(f"answers with more than {max_bytes} bytes")
            case h11.EndOfMessage():
                return HttpAnswer(status, bytes(body))
