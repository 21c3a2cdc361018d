"""Every key of ``gateway``, right and wrong, and what it becomes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from botkit.config.loading import GatewayConfig, load_any_config, load_gateway_config
from botkit.errors import ConfigError
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings

MINIMAL = "app: {id: the-app}\n"

Load = Callable[..., GatewayConfig]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text as ``gw.yaml``, for a gateway alone."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str, **environ: str) -> GatewayConfig:
        Path("gw.yaml").write_text(text, encoding="utf-8")
        return load_gateway_config(Path("gw.yaml"), environ)

    return load_text


def refusal(load: Load, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    return str(caught.value)


def test_what_is_left_out_is_as_the_gateway_has_it(load: Load) -> None:
    listen, http = Address("127.0.0.1", 8001), Address("127.0.0.1", 8080)
    config = load(MINIMAL)
    assert config.settings == GatewaySettings(apps=(AppCredentials(id="the-app"),), listen=listen, http=http)
    assert (config.log.format, config.log.level) == ("text", "info")
    assert load(MINIMAL + "gateway: {limits: {}, timeouts: {}, ledger: {}}").settings == config.settings


RIGHT = [
    ("listen: '[::1]:9'", "listen", Address("::1", 9)),
    ("http: '0.0.0.0:0'", "http", Address("0.0.0.0", 0)),
    ("http: ''", "http", None),
    ("tls: {certificate: a.pem, key: a.key}", "tls_certificate", "a.pem"),
    ("tls: {certificate: a.pem, key: a.key}", "tls_key", "a.key"),
    ("insecure: true", "insecure", True),
    ("store: 'sqlite:///var/gw.db'", "store", "sqlite:///var/gw.db"),
    ("store: 'memory:'", "store", "memory:"),
    ("origins: ['https://*.example.org', 'http://localhost:3000', 'null', '*']", "origins",
     ("https://*.example.org", "http://localhost:3000", "null", "*")),
    ("trusted_addresses: []", "trusted_addresses", ("memory",)),
    ("trusted_addresses: [10.0.0.7, 'FD00:0::7']", "trusted_addresses", ("10.0.0.7", "fd00::7", "memory")),
    ("offline_messages: false", "offline_messages", False),
    ("limits: {connections: 1}", "max_connections", 1),
    ("limits: {connections_per_address: 2}", "connections_per_address", 2),
    ("limits: {logins_per_address: 3}", "logins_per_address", 3),
    ("limits: {logins_per_account: 4}", "logins_per_account", 4),
    ("limits: {send_buffer: 262144}", "send_buffer", 262144),
    ("limits: {send_buffers: 1048576}", "send_buffers", 1_048_576),
    ("limits: {history: 1048576}", "history_bytes", 1_048_576),
    ("limits: {attributes: 1048576}", "attribute_bytes", 1_048_576),
    ("limits: {attributes_per_account: 1048576}", "attribute_bytes_per_account", 1_048_576),
    ("limits: {channels: 1}", "channels", 1),
    ("limits: {channels_per_account: 1}", "channels_per_account", 1),
    ("timeouts: {channel: 1}", "channel_ttl", 1),
    ("limits: {inbox: 10000000}", "inbox_limit", 10_000_000),
    ("limits: {inboxes: 1048576}", "inbox_bytes", 1_048_576),
    ("limits: {inboxes_per_sender: 1048576}", "inbox_bytes_per_sender", 1_048_576),
    ("limits: {changes_per_second: 5}", "changes_per_second", 5),
    ("timeouts: {login: 0.5}", "login_timeout", 0.5),
    ("timeouts: {idle: 10.5}", "idle_timeout", 10.5),
    ("timeouts: {close: 86400}", "close_timeout", 86400),
    ("timeouts: {ring: 30}", "ring_timeout", 30),
    ("ledger: {events: 1}", "ledger_events", 1),
    ("ledger: {bytes: 1048576}", "ledger_bytes", 1_048_576),
    ("ledger: {days: 0.25}", "ledger_days", 0.25),
]  # fmt: skip


@pytest.mark.parametrize(("text", "field", "value"), RIGHT)
def test_each_key_becomes_a_setting(load: Load, text: str, field: str, value: object) -> None:
    default, settings = load(MINIMAL).settings, load(f"{MINIMAL}gateway:\n  {text}\n").settings
    assert getattr(settings, field) == value
    changed = {name for name in settings.__struct_fields__ if getattr(settings, name) != getattr(default, name)}
    assert changed <= {field, "tls_certificate", "tls_key"}


def test_every_setting_has_a_key() -> None:
    assert {field for _, field, _ in RIGHT} == set(GatewaySettings.__struct_fields__) - {"apps"}


WRONG = [
    ("lsiten: 'a:1'", "lsiten: there is no such key; did you mean 'listen'?"),
    ("listen: 8001", "listen: expected a text, got a whole number; put it in quotes"),
    ("listen:", "listen: expected a text, got nothing; give it a value, or leave the key out"),
    ("listen: ''", "listen: '' is no address; write HOST:PORT, e.g. 127.0.0.1:8001"),
    ("listen: '127.0.0.1:65536'", "listen: '127.0.0.1:65536' is no address; write HOST:PORT, e.g. 127.0.0.1:8001"),
    ("http: localhost", "http: 'localhost' is no address; write HOST:PORT, e.g. 127.0.0.1:8001"),
    ("tls: {}", "tls.certificate: is missing; it is a PEM file with the certificate chain"),
    ("tls: {certificate: a}", "tls.key: is missing; it is a PEM file with the certificate's key, which has no passp"),
    ("tls: {certificate: '', key: b}", "tls.certificate: expected a text with 1 character or more, got none"),
    ("tls: {cert: a, key: b}", "tls.cert: there is no such key; known here: certificate, key"),
    ("tls: a.pem", "tls: expected a mapping (key: value) or nothing, got a text"),
    ("insecure: 1", "insecure: expected true or false, got a whole number"),
    ("insecure: yes", "insecure: expected true or false, got a text"),
    ("store: 'gw.db'", "store: 'gw.db' names no store; use 'memory:', 'sqlite:///relative/path.db' or"),
    ("store: ''", "store: '' names no store; use 'memory:', "),
    ("store:", "store: expected a text, got nothing; give it a value, or leave the key out"),
    ("server_accounts: mod", "server_accounts: expected a list, got a text"),
    ("server_accounts: ['']", "server_accounts[0]: expected a text with 1 character or more, got none"),
    ("origins: https://a.example", "origins: expected a list, got a text"),
    ("origins: [a.example]", "origins[0]: 'a.example' is no origin of a page; write https://example.org or https://*"),
    (
        "origins: ['*', 'https://a.example/']",
        "origins[1]: 'https://a.example/' is no origin of a page; write https://e",
    ),
    ("trusted_addresses: [proxy]", "trusted_addresses[0]: 'proxy' is no IP address; write each out, e.g. 10.0.0.7 or"),
    ("trusted_addresses: [10.0.0.0/8]", "trusted_addresses[0]: '10.0.0.0/8' is no IP address; write each out, e.g."),
    ("offline_messages: sometimes", "offline_messages: expected true or false, got a text"),
    ("limit: {}", "limit: there is no such key; did you mean 'limits'?"),
    ("limits: 5", "limits: expected a mapping (key: value), got a whole number"),
    ("limits: {conections: 5}", "limits.conections: there is no such key; did you mean 'connections'?"),
    ("limits: {connections: 0}", "limits.connections: expected a whole number of at least 1"),
    ("limits: {connections_per_address: 1.5}", "limits.connections_per_address: expected a whole number, got a number"),
    ("limits: {logins_per_address: many}", "limits.logins_per_address: expected a whole number, got a text"),
    ("limits: {logins_per_account: -1}", "limits.logins_per_account: expected a whole number of at least 1"),
    ("limits: {send_buffer: 262143}", "limits.send_buffer: expected a whole number of at least 262144"),
    ("limits: {send_buffer: 1073741825}", "limits.send_buffer: expected a whole number of at most 1073741824"),
    ("limits: {send_buffers: 1048575}", "limits.send_buffers: expected a whole number of at least 1048576"),
    ("limits: {history: 1048575}", "limits.history: expected a whole number of at least 1048576"),
    ("limits: {history: 1099511627777}", "limits.history: expected a whole number of at most 1099511627776"),
    ("limits: {attributes: 1048575}", "limits.attributes: expected a whole number of at least 1048576"),
    ("limits: {channels: 0}", "limits.channels: expected a whole number of at least 1"),
    ("timeouts: {channel: 0}", "timeouts.channel: expected a whole number of at least 1"),
    ("timeouts: {channel: 1.5}", "timeouts.channel: expected a whole number, got a number"),
    ("limits: {inbox: 10000001}", "limits.inbox: expected a whole number of at most 10000000"),
    ("limits: {inboxes: 1048575}", "limits.inboxes: expected a whole number of at least 1048576"),
    ("limits: {changes_per_second: 0}", "limits.changes_per_second: expected a whole number of at least 1"),
    ("timeouts: {logn: 3}", "timeouts.logn: there is no such key; did you mean 'login'?"),
    ("timeouts: {login: 0}", "timeouts.login: expected a number above 0"),
    ("timeouts: {idle: 10}", "timeouts.idle: expected a number above 10"),
    ("timeouts: {close: '3 s'}", "timeouts.close: expected a number, got a text"),
    ("timeouts: {ring: 86400.5}", "timeouts.ring: expected a number of at most 86400"),
    ("ledger: {events: 0}", "ledger.events: expected a whole number of at least 1"),
    ("ledger: {bytes: 1048575}", "ledger.bytes: expected a whole number of at least 1048576"),
    ("ledger: {days: 0}", "ledger.days: expected a number above 0"),
    ("ledger: {days: 1e99}", "ledger.days: expected a number of at most 36500"),
    ("ledger: {hours: 1}", "ledger.hours: there is no such key; known here: bytes, days, events"),
    ("url: 'ws://a/'", "url: is for botkit run: here is the gateway itself; leave it out"),
    ("embedded: true", "embedded: is for botkit run: here is the gateway itself; leave it out"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_key_is_named_with_what_would_be_right(load: Load, text: str, message: str) -> None:
    assert refusal(load, f"{MINIMAL}gateway:\n  {text}\n").startswith(f"gw.yaml:3: gateway.{message}")


def test_a_gateway_alone_has_no_bots(load: Load) -> None:
    assert refusal(load, MINIMAL + "bots: [{bot: 'a:b', account: c}]") == (
        "gw.yaml:2: bots: is for botkit run: a gateway alone has none; leave it out, or use botkit run"
    )
    assert refusal(load, MINIMAL + "demo: {}").startswith("gw.yaml:2: demo: is for botkit run: a gateway alone has")


def test_server_accounts_are_in_every_app(load: Load) -> None:
    config = load("apps: [{id: a, server_accounts: [mod]}, {id: b}]\ngateway: {server_accounts: ['admin-?']}")
    servers = [
        [account for account in ("mod", "admin-1", "botkit-feed-online") if app.is_server(account)]
        for app in config.settings.apps
    ]
    assert servers == [["mod", "admin-1"], ["admin-1"]]


UNSAFE = [
    (
        "gateway: {listen: '0.0.0.0:1'}",
        "gateway.listen: listening on 0.0.0.0:1 without an app certificate would let ev",
    ),
    ("gateway: {http: '127.0.0.1:8001'}", "gateway.http: 127.0.0.1:8001 is where gateway.listen is; each takes its po"),
]


@pytest.mark.parametrize(("text", "message"), UNSAFE)
def test_the_whole_is_checked_with_its_line(load: Load, text: str, message: str) -> None:
    config = load(MINIMAL + text)
    with pytest.raises(ConfigError) as caught, config.document.placing():
        config.settings.check()
    assert str(caught.value).startswith(f"gw.yaml:2: {message}")
    with pytest.raises(ConfigError) as caught:
        load_any_config(Path("gw.yaml"), {})
    assert str(caught.value).startswith(f"gw.yaml:2: {message}")


def test_a_file_is_for_whom_its_sections_say(load: Load) -> None:
    load(MINIMAL)
    assert isinstance(load_any_config(Path("gw.yaml"), {}), GatewayConfig)
    Path("gw.yaml").write_text(MINIMAL + "bost: []")
    with pytest.raises(ConfigError, match=r"gw\.yaml:2: bost: there is no such key; did you mean 'bots'\?"):
        load_any_config(Path("gw.yaml"), {})
