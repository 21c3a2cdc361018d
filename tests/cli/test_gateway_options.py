"""What ``botkit gateway`` makes of its options, of a file, and of both."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from botkit.cli.gateway_options import GatewayOptions, complaints, settings_of, settings_with
from botkit.config.loading import GatewayConfig, load_gateway_config
from botkit.errors import ConfigError
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings

FILE = """\
apps: [{id: shop, certificate: s3cret}, {id: desk}]
gateway:
  listen: "127.0.0.1:1"
  http: "127.0.0.1:3"
  tls: {certificate: file.pem, key: file.key}
store: {url: "sqlite:///file.db"}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GatewayConfig:
    monkeypatch.chdir(tmp_path)
    Path("gw.yaml").write_text(FILE)
    return load_gateway_config(Path("gw.yaml"), {})


def test_options_alone() -> None:
    assert settings_of(GatewayOptions(app_id="a")) == GatewaySettings(
        apps=(AppCredentials(id="a"),), listen=Address("127.0.0.1", 8001), http=Address("127.0.0.1", 8080)
    )
    options = GatewayOptions(
        app_id="a",
        certificate="c",
        server_accounts=("mod", "feed-*"),
        listen="[::1]:0",
        http="0.0.0.0:0",
        store="sqlite:///a.db",
        tls_certificate="a.pem",
        tls_key="a.key",
        insecure=True,
    )
    assert settings_of(options) == GatewaySettings(
        apps=(AppCredentials(id="a", certificate="c", server_accounts=("mod", "feed-*")),),
        listen=Address("::1", 0),
        http=Address("0.0.0.0", 0),
        store="sqlite:///a.db",
        tls_certificate="a.pem",
        tls_key="a.key",
        insecure=True,
    )


def test_a_file_alone(config: GatewayConfig) -> None:
    assert settings_with(config, GatewayOptions()) == config.settings


def test_options_say_where_to_listen_and_store_whatever_the_file_says(config: GatewayConfig) -> None:
    options = GatewayOptions(
        listen="127.0.0.1:5",
        http="127.0.0.1:7",
        store="memory:",
        tls_certificate="a.pem",
        tls_key="a.key",
        insecure=True,
    )
    assert settings_with(config, options) == GatewaySettings(
        apps=config.settings.apps,
        listen=Address("127.0.0.1", 5),
        http=Address("127.0.0.1", 7),
        store="memory:",
        tls_certificate="a.pem",
        tls_key="a.key",
        insecure=True,
    )


@pytest.mark.parametrize(
    ("options", "option"),
    [
        (GatewayOptions(app_id="a"), "--app-id"),
        (GatewayOptions(app_id=""), "--app-id"),
        (GatewayOptions(certificate="c"), "--certificate"),
        (GatewayOptions(server_accounts=("mod",)), "--server-account"),
    ],
)
def test_who_may_come_in_is_said_in_the_file_alone(config: GatewayConfig, options: GatewayOptions, option: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_with(config, options)
    problem = "who may come in is said in gw.yaml; leave out the option, or --config"
    assert str(complaints(options, config)(caught.value)) == f"{option}: {problem}"


def test_a_certificate_of_the_environment_is_no_option(config: GatewayConfig) -> None:
    options = GatewayOptions(certificate="c", certificate_from_environment=True)
    assert settings_with(config, options) == config.settings


WRONG = [
    (GatewayOptions(listen="8001"), "--listen: '8001' is no address; write HOST:PORT, e.g. 127.0.0.1:8001"),
    (GatewayOptions(http=""), "--http: '' is no address; write HOST:PORT, e.g. 127.0.0.1:8001"),
    (
        GatewayOptions(store="redis:"),
        "--store: 'redis:' names no store; use 'memory:', 'sqlite:///relative/pat",
    ),
    (
        GatewayOptions(tls_certificate="a"),
        "--tls-key: is missing; name both PEM files, the certificate's and its key's",
    ),
    (
        GatewayOptions(tls_key="a"),
        "--tls-certificate: is missing; name both PEM files, the certificate's and its key's",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_wrong_option_is_named_with_a_file_and_without(
    config: GatewayConfig, options: GatewayOptions, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_with(config, options)
    assert str(complaints(options, config)(caught.value)).startswith(message)
    with pytest.raises(ConfigError) as caught:
        settings_of(replace(options, app_id="a"))
    assert str(complaints(options, None)(caught.value)).startswith(message)


def test_an_app_id_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"--app-id: is missing; any text that clients log in with; or name a --conf"):
        settings_of(GatewayOptions())


KEYS = [
    ("app.id", GatewayOptions(), "--app-id", "gw.yaml: app.id"),
    ("gateway.listen", GatewayOptions(), "--listen", "gw.yaml:3: gateway.listen"),
    ("gateway.listen", GatewayOptions(listen="127.0.0.1:0"), "--listen", "--listen"),
    ("gateway.http", GatewayOptions(listen="127.0.0.1:0"), "--http", "gw.yaml:4: gateway.http"),
    ("gateway.http", GatewayOptions(http="127.0.0.1:0"), "--http", "--http"),
    ("gateway.tls", GatewayOptions(), "--tls-certificate", "gw.yaml:5: gateway.tls"),
    ("gateway.tls.certificate", GatewayOptions(), "--tls-certificate", "gw.yaml:5: gateway.tls.certificate"),
    ("gateway.tls.key", GatewayOptions(), "--tls-key", "gw.yaml:5: gateway.tls.key"),
    ("gateway.tls.key", GatewayOptions(tls_certificate="a", tls_key="b"), "--tls-key", "--tls-key"),
]


@pytest.mark.parametrize(("key", "options", "alone", "with_file"), KEYS)
def test_the_gateways_complaints_name_what_its_user_wrote(
    config: GatewayConfig, key: str, options: GatewayOptions, alone: str, with_file: str
) -> None:
    error = ConfigError("is wrong", key=key, hint="do it right")
    assert str(complaints(options, None)(error)) == f"{alone}: is wrong; do it right"
    assert str(complaints(options, config)(error)) == f"{with_file}: is wrong; do it right"
