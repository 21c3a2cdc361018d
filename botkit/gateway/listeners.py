"""Listening sockets: opened before anything else, so that a port in use is told at once and by its key."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import trio

from botkit.errors import ConfigError
from botkit.gateway.settings import Address
from botkit.observability.metrics import Counter
from botkit.transport.links import Link, SocketLink

BACKLOG = 4096
BUSY_SECONDS = 0.1
FREE_PAIR_ATTEMPTS = 50
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_LISTENER_GONE = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK})


class Listeners(NamedTuple):
    """A port, and the one after it for TLS, where the vendor's web clients look for it."""

    plain: socket.socket
    tls: socket.socket | None

    @property
    def address(self) -> Address:
        """Where the plain one really is, with the port that was picked for it."""
        host, port = self.plain.getsockname()[:2]
        return Address(host, port)


@contextmanager
def open_listeners(address: Address, key: str, *, tls: bool) -> Iterator[Listeners]:
    """Listen on ``address``, and with ``tls`` on the port after it too, until the end of the block.

    Raises ``ConfigError`` naming ``key`` when a port is in use or the host is not this machine's.
    """
    with ExitStack() as sockets:
        plain, after = _listen_pair(address, key) if tls else (_listen(address, key), None)
        sockets.enter_context(plain)
        if after is not None:
            sockets.enter_context(after)
        yield Listeners(plain, after)


def _listen_pair(address: Address, key: str) -> tuple[socket.socket, socket.socket]:
    """Two ports in a row; when the first is picked freely, until the one after it is free too."""
    attempts = 1 if address.port else FREE_PAIR_ATTEMPTS
    while True:
        attempts -= 1
        plain = _listen(address, key)
        host, port = plain.getsockname()[:2]
        try:
            return plain, _listen(Address(host, port + 1), key)
        except ConfigError as error:
            plain.close()
            if not attempts:
                problem = f"{error.problem} (TLS takes the port after {port})"
                raise ConfigError(problem, key=key, hint=error.hint) from error


def _listen(address: Address, key: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        in_use = getattr(error, "errno", None) == errno.EADDRINUSE
        hint = "stop what listens there, or choose another port (0 picks a free one)" if in_use else "check the host"
        problem = "port in use" if in_use else (getattr(error, "strerror", None) or str(error))
        raise ConfigError(f"cannot listen on {address}: {problem}", key=key, hint=hint) from error
    return listener


async def accept_links(listener: socket.socket, accepted: Callable[[Link], None], failed: Counter) -> None:
    """Hand every connection to ``accepted``, until cancelled. Out of file descriptors: wait and go on.

    ``accept`` also raises what befell the connection that it would have returned (a firewall's no, an early reset): it
    is over before it began, and no reason to stop. ``failed`` counts them.
    """
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            connected, peer = listener.accept()
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno in _LISTENER_GONE:
                raise
            failed.add()
            if error.errno in _OUT_OF_FILES:
                await trio.sleep(BUSY_SECONDS)
            continue
        try:
            connected.setblocking(False)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            failed.add()
            connected.close()  # reset meanwhile
            continue
        accepted(SocketLink(connected, peer[0]))
