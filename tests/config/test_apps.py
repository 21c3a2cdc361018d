"""``app`` and ``apps``: ids, certificates and their rotation, servers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from botkit.config.checking import convert
from botkit.config.document import Document
from botkit.config.loading import load_gateway_config
from botkit.config.schema import ConfigFile
from botkit.errors import ConfigError
from botkit.gateway.settings import AppCredentials, RetiringCertificate

Load = Callable[..., tuple[AppCredentials, ...]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads the apps of a text as ``gw.yaml``."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str, **environ: str) -> tuple[AppCredentials, ...]:
        Path("gw.yaml").write_text(text, encoding="utf-8")
        return load_gateway_config(Path("gw.yaml"), environ).settings.apps

    return load_text


FULL = """\
apps:
  - id: shop
    certificate: "${SHOP}"
    retiring:
      - {certificate: "${SHOP_2025}", until: 2027-01-31T00:00:00Z}
      - {certificate: "${SHOP_2024}", until: 1798761600}
    allow_no_token: true
    accept_v1: false
    allow_force: true
    server_accounts: [moderator, "feed-*"]
  - id: desk
"""


@pytest.mark.row("G05")
def test_several_apps_each_with_its_own_rules(load: Load) -> None:
    shop, desk = load(FULL, SHOP="s3cret-now", SHOP_2025="s3cret-2025", SHOP_2024="s3cret-2024")
    assert shop == AppCredentials(
        id="shop",
        certificate="s3cret-now",
        retiring=(
            RetiringCertificate(certificate="s3cret-2025", until=1_801_353_600),
            RetiringCertificate(certificate="s3cret-2024", until=1_798_761_600),
        ),
        allow_no_token=True,
        accept_v1=False,
        allow_force=True,
        server_accounts=("moderator", "feed-*"),
    )
    assert desk == AppCredentials(id="desk")
    assert shop.certificates_at(1_800_000_000) == ["s3cret-now", "s3cret-2025"]


def test_secrets_are_in_no_repr(load: Load) -> None:
    environ = {"SHOP": "s3cret-now", "SHOP_2025": "s3cret-2025", "SHOP_2024": "s3cret-2024"}
    document = Document(FULL, name="gw.yaml", environ=environ)
    file = convert(document, (), document.value, ConfigFile)
    assert "s3cret" not in repr(file)
    assert "s3cret" not in repr(load(FULL, **environ))


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("2027-01-31T00:00:00Z", 1_801_353_600),
        ("2027-01-31 01:30:00+01:30", 1_801_353_600),
        ("'2027-01-30T19:00-05:00'", 1_801_353_600),
        ("1801353600", 1_801_353_600),
        ("${UNTIL}", 1_801_353_600),
        ("2020-01-01T00:00:00Z", 1_577_836_800),
        ("253402300799", 253_402_300_799),
    ],
)
def test_a_time_is_a_date_with_a_zone_or_seconds(load: Load, until: str, seconds: int) -> None:
    text = f"app:\n  id: a\n  certificate: new\n  retiring:\n    - certificate: old\n      until: {until}\n"
    (app,) = load(text, UNTIL="1801353600")
    assert app.retiring[0].until == seconds


HINT = "write 2027-01-31T00:00:00Z, or seconds since 1970"


@pytest.mark.parametrize(
    ("until", "problem"),
    [
        ("soon", f"'soon' is no date and time; {HINT}"),
        ("31.01.2027", f"'31.01.2027' is no date and time; {HINT}"),
        ("2027-02-30T00:00:00Z", f"'2027-02-30T00:00:00Z' is no date and time; {HINT}"),
        ("2027-01-31", f"'2027-01-31' has no time zone; {HINT}"),
        ("2027-01-31T00:00:00", f"'2027-01-31T00:00:00' has no time zone; {HINT}"),
        ("''", f"'' is no date and time; {HINT}"),
        ("20270131", f"20270131 is no second from 2020 to 9999; {HINT}"),
        ("1801353600000", f"1801353600000 is no second from 2020 to 9999; {HINT}"),
        ("-1", f"-1 is no second from 2020 to 9999; {HINT}"),
        ("1577836799", f"1577836799 is no second from 2020 to 9999; {HINT}"),
        ("9999-12-31T23:59:59-01:00", f"253402304399 is no second from 2020 to 9999; {HINT}"),
        ("true", "expected a whole number or a text, got true or false"),
        ("1801353600.5", "expected a whole number or a text, got a number"),
        ("", "expected a whole number or a text, got nothing; give it a value, or leave the key out"),
    ],
)
def test_another_time_is_refused_with_its_place(load: Load, until: str, problem: str) -> None:
    text = f"app:\n  id: a\n  certificate: new\n  retiring:\n    - certificate: old\n      until: {until}\n"
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value) == f"gw.yaml:6: app.retiring[0].until: {problem}"


RETIRING = "{id: a, certificate: new, retiring: [%s]}"

WRONG = [
    ("", "gw.yaml: app: is missing; it has the id that clients log in with; for several, write apps"),
    ("app: {id: a}\napps: [{id: b}]", "gw.yaml:3: apps: there is app, too; leave out one of the two"),
    ("apps: []", "gw.yaml:2: apps: expected a list with 1 item or more, got none"),
    ("apps: {id: a}", "gw.yaml:2: apps: expected a list or nothing, got a mapping (key: value)"),
    ("app: [{id: a}]", "gw.yaml:2: app: expected a mapping (key: value) or nothing, got a list"),
    ("app:", "gw.yaml:2: app: is missing; it has the id that clients log in with; for several, write apps"),
    ("app: {}", "gw.yaml:2: app.id: is missing; it is the app id that every client logs in with, any text"),
    ("apps: [{id: a}, {certificate: s3cret}]", "gw.yaml:2: apps[1].id: is missing; it is the app id that every client"),
    ("app: {id: ''}", "gw.yaml:2: app.id: expected a text with 1 character or more, got none"),
    ("app: {id: 7}", "gw.yaml:2: app.id: expected a text, got a whole number; put it in quotes"),
    ("app: {id: a, cert: s3cret}", "gw.yaml:2: app.cert: there is no such key; "),
    (
        "app: {id: a, certificat: s3cret}",
        "gw.yaml:2: app.certificat: there is no such key; did you mean 'certificate'?",
    ),
    ("app: {id: a, certificate: 1234}", "gw.yaml:2: app.certificate: expected a text, got a whole number; put it in q"),
    ("app: {id: a, certificate: [s3cret]}", "gw.yaml:2: app.certificate: expected a text, got a list"),
    ("app: {id: a, certificate: '${CERT}'}", "gw.yaml:2: app.certificate: environment variable CERT is not set; set i"),
    ("app: {id: 'a:b', certificate: s3cret}", "gw.yaml:2: app.id: has a colon, which separates the parts of a token; "),
    (
        "apps: [{id: a}, {id: b}, {id: a}]",
        "gw.yaml:2: apps[2].id: is the id of apps[0] already; give every app its own",
    ),
    ("app: {id: a, allow_no_token: 'no'}", "gw.yaml:2: app.allow_no_token: expected true or false, got a text"),
    ("app: {id: a, accept_v1: 1}", "gw.yaml:2: app.accept_v1: expected true or false, got a whole number"),
    ("app: {id: a, accept_v2: true}", "gw.yaml:2: app.accept_v2: there is no such key; did you mean 'accept_v1'?"),
    ("app: {id: a, server_accounts: mod}", "gw.yaml:2: app.server_accounts: expected a list, got a text"),
    (
        "app: {id: a, server_accounts: ['']}",
        "gw.yaml:2: app.server_accounts[0]: expected a text with 1 character or more, got none",
    ),
    ("app: {id: a, retiring: {}}", "gw.yaml:2: app.retiring: expected a list, got a mapping (key: value)"),
    (
        "app: {id: a, retiring: [{certificate: s3cret, until: 1801353600}]}",
        "gw.yaml:2: app.certificate: is missing, and with a retiring one alone everybody gets in without a token; set",
    ),
    (
        "app: " + RETIRING % "{until: 1}",
        "gw.yaml:2: app.retiring[0].certificate: is missing; it is the old certificate",
    ),
    (
        "app: " + RETIRING % "{certificate: s3cret}",
        "gw.yaml:2: app.retiring[0].until: is missing; it is when its tokens stop to count, 2027-01-31T00:00:00Z or s",
    ),
    (
        "app: " + RETIRING % "{certificate: '', until: 1801353600}",
        "gw.yaml:2: app.retiring[0].certificate: expected a text with 1 character or more, got none",
    ),
    (
        "apps: [" + RETIRING % "{certificate: s3cret, untill: 1}" + "]",
        "gw.yaml:2: apps[0].retiring[0].untill: there is no such key; did you mean 'until'?",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_app_is_named_with_what_would_be_right(load: Load, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"log: {{}}\n{text}")
    assert str(caught.value).startswith(message)
    assert "s3cret" not in str(caught.value)


def test_a_colon_is_no_trouble_where_there_are_no_tokens(load: Load) -> None:
    assert load("app: {id: 'a:b'}")[0].id == "a:b"
