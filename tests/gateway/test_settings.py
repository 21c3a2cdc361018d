"""Settings that are refused before anything is started, and the files and ports that they name."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec.structs import replace

from botkit.errors import ConfigError
from botkit.gateway.listeners import open_listeners
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.gateway.tls import load_tls

OPEN, CLOSED = AppCredentials(id="open"), AppCredentials(id="closed", certificate="c")
DEBUGGING = AppCredentials(id="debug", certificate="c", allow_no_token=True)
EVERYWHERE = Address("0.0.0.0", 8001)


def refusal(settings: GatewaySettings) -> str:
    with pytest.raises(ConfigError) as caught:
        settings.check()
    return str(caught.value)


@pytest.mark.parametrize(
    ("apps", "message"),
    [
        ((OPEN,), "without an app certificate would let everybody in; set a certificate, "),
        ((DEBUGGING,), "with allow_no_token would let everybody in; set that to false, "),
        ((CLOSED, OPEN), "without an app certificate would let everybody in to app open; set a certificate, "),
        ((CLOSED, DEBUGGING), "with allow_no_token would let everybody in to app debug; set that to false, "),
    ],
)
def test_a_gateway_for_other_machines_asks_everybody_for_a_token(
    apps: tuple[AppCredentials, ...], message: str
) -> None:
    settings = GatewaySettings(apps=apps, listen=EVERYWHERE)
    end = "listen on 127.0.0.1, or set insecure (--insecure)"
    assert refusal(settings) == f"gateway.listen: listening on 0.0.0.0:8001 {message}{end}"
    replace(settings, insecure=True).check()
    replace(settings, listen=Address("127.0.0.1", 8001)).check()
    replace(settings, apps=(CLOSED,)).check()


TAKEN = "gateway.http: 127.0.0.1:{port} is where gateway.listen is; each takes {taken}; choose another"
WITH_TLS = "its port and, for TLS, the one after"


@pytest.mark.parametrize(
    ("listen", "http", "tls", "taken"),
    [
        (8001, 8001, False, "its port"),
        (8001, 8001, True, WITH_TLS),
        (8001, 8002, True, WITH_TLS),
        (8002, 8001, True, WITH_TLS),
        (8001, 8002, False, ""),
        (8001, 8003, True, ""),
        (8003, 8001, True, ""),
        (0, 0, True, ""),
        (0, 1, True, ""),
    ],
)
def test_two_listeners_do_not_share_a_port(listen: int, http: int, tls: bool, taken: str) -> None:
    settings = GatewaySettings(
        apps=(OPEN,),
        listen=Address("127.0.0.1", listen),
        http=Address("127.0.0.1", http),
        tls_certificate="server.pem" if tls else "",
        tls_key="server.key" if tls else "",
    )
    if taken:
        assert refusal(settings) == TAKEN.format(port=http, taken=taken)
    else:
        settings.check()
    replace(settings, http=Address("127.0.0.2", http)).check()
    replace(settings, http=None).check()


def test_a_port_in_use_for_tls_is_told_with_the_reason_that_it_is_wanted() -> None:
    with open_listeners(Address("127.0.0.1", 0), "key", tls=True) as pair:
        address = pair.address
        pair.plain.close()  # the port after it stays taken
        with pytest.raises(ConfigError) as caught, open_listeners(address, "key", tls=True):
            pytest.fail("open")
    port = address.port
    assert str(caught.value).startswith(
        f"key: cannot listen on 127.0.0.1:{port + 1}: port in use (TLS takes the port after {port}); stop what"
    )


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``server.pem`` and its key, another key, the key with a passphrase, and a file that is no PEM."""
    monkeypatch.chdir(tmp_path)
    authority = trustme.CA()
    server, other = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    Path("server.pem").write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    Path("server.key").write_bytes(server.private_key_pem.bytes())
    Path("other.key").write_bytes(other.private_key_pem.bytes())
    key = load_pem_private_key(server.private_key_pem.bytes(), None)
    Path("locked.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret"))
    )
    Path("empty.pem").write_text("")
    return tmp_path


def test_a_certificate_and_its_key_make_tls(files: Path) -> None:
    assert isinstance(load_tls("server.pem", "server.key"), ssl.SSLContext)


@pytest.mark.parametrize(
    ("certificate", "key", "message"),
    [
        ("no.pem", "server.key", "gateway.tls.certificate: no.pem cannot be read: No such file or directory; name a"),
        ("server.pem", "no.key", "gateway.tls.key: no.key cannot be read: No such file or directory; name a PEM"),
        (".", "server.key", "gateway.tls.certificate: . cannot be read: Is a directory; name a PEM file with the cert"),
        ("server.pem", "other.key", "gateway.tls.key: other.key is not the key of server.pem; name the two that"),
        ("server.pem", "locked.key", "gateway.tls.key: locked.key has a passphrase, which nobody is there to type;"),
        ("empty.pem", "server.key", "gateway.tls: empty.pem cannot be used with server.key: "),
        ("server.pem", "empty.pem", "gateway.tls: server.pem cannot be used with empty.pem: "),
    ],
)
def test_files_that_make_no_tls_are_named(files: Path, certificate: str, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tls(certificate, key)
    assert str(caught.value).startswith(message)
