"""TLS over a link, in memory, so that sends stay non-blocking."""

import ssl
from pathlib import Path

from botkit.errors import ConfigError, TransportClosed
from botkit.transport.links import RECEIVE_BYTES, Link


def load_tls(certificate_file: str, key_file: str) -> ssl.SSLContext:
    """The server's TLS from a certificate chain and its key, both PEM; the key without a passphrase.

    Raises ``ConfigError`` for anything else, naming ``gateway.tls.certificate`` or ``gateway.tls.key``.
    """
    for file, key in (certificate_file, "certificate"), (key_file, "key"):
        try:
            Path(file).read_bytes()
        except OSError as error:
            problem = f"{file} cannot be read: {error.strerror}"
            raise ConfigError(problem, key=f"gateway.tls.{key}", hint=f"name a PEM file with the {key}") from error
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate_file, key_file, password=_refuse_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem, hint = f"{key_file} is not the key of {certificate_file}", "name the two that belong together"
            raise ConfigError(problem, key="gateway.tls.key", hint=hint) from error
        raise ConfigError(
            f"{certificate_file} cannot be used with {key_file}: {error}",
            key="gateway.tls",
            hint="name a PEM file with the certificate chain, and one with its key",
        ) from error
    except _HasPassphrase as error:
        problem = f"{key_file} has a passphrase, which nobody is there to type"
        raise ConfigError(problem, key="gateway.tls.key", hint="name a file with the key without one") from error
    return context


class _HasPassphrase(Exception):
    pass


def _refuse_passphrase() -> str:
    raise _HasPassphrase  # without this, OpenSSL would ask on the terminal


class TlsLink:
    """A link that encrypts what goes over another link. The handshake runs within the first ``receive``."""

    direct_send = None

    def __init__(self, inner: Link, context: ssl.SSLContext) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._unsent = b""

    @property
    def peer(self) -> str:
        """The peer's IP address."""
        return self._inner.peer

    @property
    def pending(self) -> int:
        """How many encrypted bytes wait for room in the socket."""
        return len(self._unsent) + self._inner.pending

    async def receive(self) -> bytes:
        """See ``Link.receive``."""
        while True:
            try:
                data = self._tls.read(RECEIVE_BYTES)
            except ssl.SSLWantReadError:
                self._push()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                self._push()  # the alert that says what was wrong
                raise TransportClosed(reason=str(error)) from error
            else:
                self._push()
                return data
            raw = await self._inner.receive()
            if raw:
                self._incoming.write(raw)
            else:
                self._incoming.write_eof()

    def send_nowait(self, data: bytes | memoryview) -> int:
        """See ``Link.send_nowait``; all is taken, or nothing while earlier bytes wait."""
        self._push()
        if self._unsent:
            return 0
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise TransportClosed(reason=str(error)) from error
        self._push()
        return len(data)

    async def wait_writable(self) -> None:
        """See ``Link.wait_writable``; what waited is sent on the way."""
        await self._inner.wait_writable()
        self._push()

    def send_eof(self) -> None:
        """See ``Link.send_eof``; TLS says goodbye first."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # the peer has not said goodbye yet: ours is in the buffer all the same
        try:
            self._push()
        except TransportClosed:
            return  # the peer was gone first
        self._inner.send_eof()

    def close(self) -> None:
        """See ``Link.close``."""
        self._inner.close()

    def _push(self) -> None:
        self._unsent += self._outgoing.read()
        if self._unsent:
            taken = self._inner.send_nowait(self._unsent)
            self._unsent = self._unsent[taken:]
