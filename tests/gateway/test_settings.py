"""What a gateway may be told: addresses, apps, and what would be unsafe."""

import pytest

from botkit.errors import ConfigError
from botkit.gateway.server import serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings

APP = AppCredentials(id="app")
WITH_CERTIFICATE = AppCredentials(id="app", certificate="c" * 32)


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:8001", "127.0.0.1", 8001, True),
        ("127.9.9.9:0", "127.9.9.9", 0, True),
        ("localhost:65535", "localhost", 65535, True),
        ("[::1]:8001", "::1", 8001, True),
        ("0.0.0.0:8001", "0.0.0.0", 8001, False),
        ("[::]:8001", "::", 8001, False),
        (":8001", "", 8001, False),
        ("192.168.0.1:8001", "192.168.0.1", 8001, False),
        ("gateway.example.org:80", "gateway.example.org", 80, False),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool) -> None:
    address = Address.parse(text, "gateway.listen")
    assert (address.host, address.port, address.loopback) == (host, port, loopback)
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "8001", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "x:-1", "x:٣", "x:1.5"])
def test_what_is_no_address_names_the_key_and_what_would_be_right(text: str) -> None:
    with pytest.raises(ConfigError, match="write HOST:PORT") as error:
        Address.parse(text, "gateway.http")
    assert error.value.key == "gateway.http"
    assert repr(text) in error.value.problem


@pytest.mark.parametrize(
    ("pattern", "account", "server"),
    [
        ("server", "server", True),
        ("server", "server2", False),
        ("server", "Server", False),
        ("server*", "server2", True),
        ("bot-?", "bot-1", True),
        ("bot-?", "bot-12", False),
        ("*", "anybody", True),
    ],
)
def test_server_accounts_are_patterns(pattern: str, account: str, server: bool) -> None:
    assert AppCredentials(id="app", server_accounts=("other", pattern)).is_server(account) is server
    assert not APP.is_server(account)


def test_certificates_stay_out_of_logs() -> None:
    assert "ccc" not in repr(WITH_CERTIFICATE)
    assert "ccc" not in repr(GatewaySettings(apps=(WITH_CERTIFICATE,)))
    assert "***" in repr(WITH_CERTIFICATE)


@pytest.mark.parametrize("apps", [(), (AppCredentials(id=""),), (APP, AppCredentials(id=""))])
async def test_a_gateway_needs_an_app_id(apps: tuple[AppCredentials, ...]) -> None:
    with pytest.raises(ConfigError, match="app id") as error:
        await serve_gateway(GatewaySettings(apps=apps))
    assert error.value.key == "app.id"


async def test_an_app_id_stands_once() -> None:
    with pytest.raises(ConfigError, match="twice"):
        await serve_gateway(GatewaySettings(apps=(APP, WITH_CERTIFICATE)))


@pytest.mark.row("G14")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "gateway.example.org"])
async def test_other_machines_are_let_in_with_a_certificate_only(host: str) -> None:
    for apps in [(APP,), (WITH_CERTIFICATE, AppCredentials(id="second"))]:
        with pytest.raises(ConfigError, match="would let everybody in; set a certificate") as error:
            await serve_gateway(GatewaySettings(apps=apps, listen=Address(host, 0)))
        assert error.value.key == "gateway.listen"
        GatewaySettings(apps=apps, listen=Address(host, 0), insecure=True).check()
    GatewaySettings(apps=(WITH_CERTIFICATE,), listen=Address(host, 0)).check()
    GatewaySettings(apps=(APP,), listen=Address("127.0.0.1", 0)).check()


@pytest.mark.row("M03d", "G14")
async def test_a_debugging_switch_is_no_certificate() -> None:
    app = AppCredentials(id="app", certificate="c" * 32, allow_no_token=True)
    with pytest.raises(ConfigError, match="would let everybody in"):
        await serve_gateway(GatewaySettings(apps=(app,), listen=Address("0.0.0.0", 0)))


@pytest.mark.parametrize("store", ["", "redis://x", "sqlite:", "sqlite:///", "/var/gateway.db"])
async def test_a_store_that_is_none(store: str) -> None:
    with pytest.raises(ConfigError):
        await serve_gateway(GatewaySettings(apps=(APP,), store=store))
