"""Listening sockets: opened before anything else, so that a port in use is told at once and by its key."""

import errno
import socket
from collections.abc import Callable

import trio

from botkit.errors import ConfigError
from botkit.gateway.settings import Address
from botkit.transport.links import Link, SocketLink

BACKLOG = 4096
BUSY_SECONDS = 0.1
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def open_listener(address: Address, key: str) -> socket.socket:
    """A non-blocking TCP socket that listens on ``address``.

    Raises ``ConfigError`` naming ``key`` when the port is in use or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        in_use = error.errno == errno.EADDRINUSE
        hint = "stop what listens there, or choose another port (0 picks a free one)" if in_use else "check the host"
        problem = "port in use" if in_use else (error.strerror or str(error))
        raise ConfigError(f"cannot listen on {address}: {problem}", key=key, hint=hint) from error
    return listener


def bound_address(listener: socket.socket) -> Address:
    """Where a listener really is, with the port that was picked for it."""
    host, port = listener.getsockname()[:2]
    return Address(host, port)


async def accept_links(listener: socket.socket, accepted: Callable[[Link], None]) -> None:
    """Hand every connection to ``accepted``, until cancelled. Out of file descriptors: wait and go on."""
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            connected, peer = listener.accept()
        except (BlockingIOError, ConnectionError):
            continue
        except OSError as error:
            if error.errno not in _OUT_OF_FILES:
                raise
            await trio.sleep(BUSY_SECONDS)
            continue
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted(SocketLink(connected, peer[0]))
