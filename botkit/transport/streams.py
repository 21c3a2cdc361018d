"""Opening byte streams: TCP, and TLS over it."""

import ssl

import trio

from botkit.errors import ConnectFailed
from botkit.transport.address import UrlAddress
from botkit.transport.reasons import connect_reason

CONNECT_SECONDS = 6.0
"""The vendor's web SDKs give up a connection that is not open after 6 s."""


async def open_stream(
    address: UrlAddress,
    *,
    name: str,
    deadline: float,
    ssl_context: ssl.SSLContext | None = None,
    certificate_host: str = "",
) -> trio.abc.Stream:
    """A stream to ``address`` that is ready to use; the caller closes it.

    ``name`` stands in error messages. ``deadline`` is on trio's clock and covers the look-up of the host, TCP and TLS.
    For an address that is ``secure``, ``ssl_context`` says whom to trust (the system's authorities without one) and
    ``certificate_host`` which name the certificate must have (the address's host without one). A cancel leaves
    nothing open. Raises ``ConnectFailed``.
    """
    try:
        with trio.fail_at(deadline):
            stream = await trio.open_tcp_stream(address.host, address.port)
            if not address.secure:
                return stream
            context = ssl_context or ssl.create_default_context()
            return await _secured(stream, context, certificate_host or address.host)
    except trio.TooSlowError:
        raise ConnectFailed(name, "no answer in time") from None
    except (OSError, trio.BrokenResourceError) as error:
        raise ConnectFailed(name, connect_reason(error)) from error


async def _secured(stream: trio.SocketStream, context: ssl.SSLContext, host: str) -> trio.SSLStream[trio.SocketStream]:
    secured = trio.SSLStream(stream, context, server_hostname=host, https_compatible=True)
    try:
        await secured.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(secured)
        raise
    return secured
