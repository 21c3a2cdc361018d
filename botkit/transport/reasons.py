"""What the system says of a connection that did not come about, in the words that help."""

import os
import socket
import ssl
from collections.abc import Iterator


def connect_reason(error: Exception) -> str:
    """Why opening a connection failed: ``connection refused``, or each different reason when a name has many addresses.

    trio tells "all attempts to connect failed" and groups what happened at each address below that.
    """
    return ", ".join(dict.fromkeys(_words(leaf) for leaf in _leaves(error)))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    elif error.__cause__ is not None:
        yield from _leaves(error.__cause__)
    else:
        yield error


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error)  # its number is TLS's, not the system's
    if isinstance(error, OSError):
        # trio puts the address into strerror; whoever shows the reason has named it already.
        if error.errno and not isinstance(error, socket.gaierror):
            text = os.strerror(error.errno)
        else:
            text = error.strerror or str(error)
        return text[:1].lower() + text[1:]
    return str(error) or type(error).__name__
