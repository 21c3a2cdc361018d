"""config/gateway.yaml is what it says: it loads as it is, tells the defaults, and leaves no key out."""

import re
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from botkit.config.document import Document
from botkit.config.gateway_schema import GatewaySection, LedgerSection, LimitsSection, TimeoutsSection, TlsSection
from botkit.config.loading import load_gateway_config
from botkit.config.schema import AppSection, LogSection, RetiringSection
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings, RetiringCertificate
from botkit.types import JsonObject, JsonValue

FILE = Path(__file__).parents[2] / "config" / "gateway.yaml"
SETTING_BEHIND_COMMENT = re.compile(r"^( *)# ( *(?:- )?[a-z_]+:(?: .*)?)$", re.MULTILINE)


def as_mapping(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict)
    return value


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """The file with every setting that is behind a comment."""
    path = tmp_path / "gateway.yaml"
    path.write_text(SETTING_BEHIND_COMMENT.sub(r"\1\2", FILE.read_text()))
    return path


def test_it_loads_as_it_is_and_tells_the_defaults() -> None:
    config = load_gateway_config(FILE, {})
    config.settings.check()
    default = GatewaySettings(apps=(), listen=Address("127.0.0.1", 8001), http=Address("127.0.0.1", 8080))
    apps = (
        AppCredentials(id="shop", server_accounts=("moderator", "botkit-feed-*")),
        AppCredentials(id="desk"),
    )
    assert config.settings == replace(default, apps=apps, store="sqlite:///var/gateway.db")
    assert config.log == LogSection()


def test_what_is_behind_a_comment_is_right_too(everything: Path) -> None:
    environ = {"SHOP_CERTIFICATE": "a", "DESK_CERTIFICATE": "b", "DESK_OLD_CERTIFICATE": "c"}
    settings = load_gateway_config(everything, environ).settings
    settings.check()
    assert [app.certificate for app in settings.apps] == ["a", "b"]
    assert settings.apps[1].retiring == (RetiringCertificate(certificate="c", until=1_801_353_600),)
    assert (settings.tls_certificate, settings.tls_key) == ("/etc/botkit/chain.pem", "/etc/botkit/key.pem")


def test_it_has_every_key(everything: Path) -> None:
    environ = dict.fromkeys(("SHOP_CERTIFICATE", "DESK_CERTIFICATE", "DESK_OLD_CERTIFICATE"), "c")
    file = Document(everything.read_text(), name="gateway.yaml", environ=environ).value
    gateway = as_mapping(file["gateway"])
    assert isinstance(file["apps"], list)
    app = as_mapping(file["apps"][1])
    assert isinstance(app["retiring"], list)
    sections: list[tuple[JsonObject, type[Struct], set[str]]] = [
        (gateway, GatewaySection, {"url", "embedded", "store"}),  # for botkit run; store.url is there instead
        (as_mapping(gateway["tls"]), TlsSection, set()),
        (as_mapping(gateway["limits"]), LimitsSection, set()),
        (as_mapping(gateway["timeouts"]), TimeoutsSection, set()),
        (as_mapping(gateway["ledger"]), LedgerSection, set()),
        (app, AppSection, set()),
        (as_mapping(app["retiring"][0]), RetiringSection, set()),
        (as_mapping(file["log"]), LogSection, set()),
    ]
    for section, shape, elsewhere in sections:
        assert set(section) | elsewhere == set(shape.__struct_fields__), shape
