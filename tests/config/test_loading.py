import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from botkit.app.visitor_script import Join, LogOut
from botkit.config.loading import Config, load_config
from botkit.errors import ConfigError
from botkit.gateway.settings import Address, GatewaySettings
from botkit.routing.loops import LoopLimits
from botkit.routing.runner import RunnerLimits

BOT = '''"""Says hello to whoever asks.

And more.
"""
from msgspec import Struct
from botkit.app.bot import Bot
from botkit.app.context import Context
from botkit.events import ChannelMessage, UserOnline
from botkit.routing.loops import LoopLimits
from botkit.routing.runner import RunnerLimits

class Menu(Struct, frozen=True, kw_only=True):
    say: str

class Settings(Struct, frozen=True, kw_only=True):
    greeting: str
    most: int = 3
    menu: dict[str, Menu] = {}

bot = Bot("concierge", settings=Settings)
plain = Bot("plain")
needless = 7

clerk = Bot("clerk", limits=RunnerLimits(waiting=5), loops=LoopLimits(turns=3))

@clerk.command("stop", roles=["admin"])
async def stop(ctx: Context) -> None: ...

@bot.on_channel_message()
async def hello(message: ChannelMessage) -> None: ...

@bot.on_user_online()
async def welcome(event: UserOnline) -> None: ...
'''

MINIMAL = """\
app: {id: the-app}
bots:
  - bot: concierge_cfg.bots:plain
    account: plain
"""

FULL = """\
app: {id: the-app, certificate: "${CERT:-}"}
gateway:
  embedded: true
  listen: "127.0.0.1:0"
  http: "[::1]:8081"
  server_accounts: [mod-*]
store: {url: "sqlite:///var/gateway.db"}
bots:
  - bot: concierge_cfg.bots:bot
    account: concierge
    channels: [lobby, the other room]
    settings:
      greeting: hello
      menu:
        1: {say: one}
  - {bot: "concierge_cfg.bots:plain", account: plain}
demo:
  visitors:
    - account: ann
      steps: [{at: 1, do: join, channel: lobby}, {at: 2.5, do: log_out}]
log: {format: json, level: debug}
"""

Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Loads a text as ``bot.yaml``, where the module of ``BOT`` can be imported."""
    package = tmp_path / "concierge_cfg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "bots.py").write_text(BOT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def load_text(text: str, **environ: str) -> Config:
        Path("bot.yaml").write_text(text, encoding="utf-8")
        return load_config(Path("bot.yaml"), environ)

    yield load_text
    for name in [name for name in sys.modules if name.startswith("concierge_cfg")]:
        del sys.modules[name]


def embedded(config: Config) -> GatewaySettings:
    assert isinstance(config.gateway, GatewaySettings)
    return config.gateway


def test_a_full_file_becomes_every_rooms_settings(load: Load) -> None:
    config = load(FULL, CERT="s3cret")
    gateway = embedded(config)
    (app,) = gateway.apps
    assert config.apps == (app,)
    assert (app.id, app.certificate) == ("the-app", "s3cret")
    assert (gateway.listen, gateway.http) == (Address("127.0.0.1", 0), Address("::1", 8081))
    assert (gateway.store, gateway.insecure) == ("sqlite:///var/gateway.db", False)
    concierge, plain = config.bots
    assert concierge.placement.account == "concierge"
    assert [(session.account, session.channel) for session in concierge.plan.sessions] == [
        ("concierge", "lobby"),
        ("concierge~2", "the other room"),
    ]
    assert concierge.description == "Says hello to whoever asks."
    assert [feed.account for feed in concierge.plan.feeds] == ["botkit-feed-online-concierge"]
    assert isinstance(concierge.placement.settings, Struct)
    assert repr(concierge.placement.settings) == "Settings(greeting='hello', most=3, menu={'1': Menu(say='one')})"
    assert plain.placement.settings is None
    (visitor,) = config.demo.visitors
    assert visitor.steps == (Join(at=1, channel="lobby"), LogOut(at=2.5))
    assert (config.log.format, config.log.level) == ("json", "debug")


def test_feeds_and_named_accounts_are_servers_at_the_embedded_gateway(load: Load) -> None:
    (app,) = embedded(load(FULL)).apps
    servers = ["botkit-feed-online-concierge", "mod-1"]
    assert [account for account in [*servers, "concierge", "mod", "ann"] if app.is_server(account)] == servers


def test_roles_and_limits_of_a_bot(load: Load) -> None:
    config = load(
        MINIMAL + "  - {bot: 'concierge_cfg.bots:clerk', account: clerk, roles: {admin: [root, 'adm-*']},"
        "     limits: {running: 7}, loops: {window_seconds: 2}}"
    )
    plain, clerk = config.bots
    assert plain.plan.limits == RunnerLimits()
    assert clerk.plan.limits == RunnerLimits(running=7, waiting=5)
    assert clerk.plan.loops == LoopLimits(turns=3, window_seconds=2)
    assert [clerk.plan.roles.has_one(account, ["admin"]) for account in ("root", "adm-1", "ann")] == [True, True, False]


def test_what_is_left_out_has_defaults(load: Load) -> None:
    config = load(MINIMAL)
    gateway = embedded(config)
    assert (gateway.listen, gateway.http) == (Address("127.0.0.1", 8001), Address("127.0.0.1", 8080))
    assert (gateway.store, gateway.insecure, config.apps[0].certificate) == ("memory:", False, "")
    assert config.demo.visitors == ()
    assert (config.log.format, config.log.level) == ("text", "info")


def test_http_can_be_left_off(load: Load) -> None:
    assert embedded(load(MINIMAL + "gateway: {http: ''}")).http is None


def test_a_gateway_elsewhere_is_its_url(load: Load) -> None:
    assert load(MINIMAL + "gateway: {url: 'wss://gateway.example/'}").gateway == "wss://gateway.example/"
    assert load(MINIMAL + "gateway: {url: 'https://lookup.example'}").gateway == "https://lookup.example"


def test_an_insecure_gateway_may_listen_everywhere(load: Load) -> None:
    assert embedded(load(MINIMAL + "gateway: {listen: '0.0.0.0:1', insecure: true}")).listen == Address("0.0.0.0", 1)


def test_secrets_are_in_no_repr(load: Load) -> None:
    config = load(FULL, CERT="s3cret")
    assert "s3cret" not in repr(config)
    assert "s3cret" not in repr(config.gateway)


APPS = """\
apps:
  - {id: shop, certificate: s3cret, accept_v1: false}
  - {id: desk, server_accounts: [chief]}
  - {id: empty}
bots:
  - {bot: "concierge_cfg.bots:plain", account: plain}
  - {bot: "concierge_cfg.bots:plain", account: plain, app: desk}
  - {bot: "concierge_cfg.bots:plain", account: other, app: shop, channels: [lobby, help, "room-*"]}
demo: {visitors: [{account: chief, steps: [{at: 1, do: log_in}]}]}
gateway: {server_accounts: [moderator]}
"""


def test_bots_name_their_app_or_are_in_the_first(load: Load) -> None:
    config = load(APPS)
    shop, desk, empty = config.apps
    assert embedded(config).apps == config.apps
    assert [(bot.app, bot.plan.info.account) for bot in config.bots] == [
        ("shop", "plain"),
        ("desk", "plain"),
        ("shop", "other"),
    ]
    assert config.bots_of(shop) == (config.bots[0], config.bots[2])
    assert config.bots_of(desk) == (config.bots[1],)
    assert config.bots_of(empty) == ()


def test_each_app_with_feeds_knows_its_servers(load: Load) -> None:
    accounts = ["botkit-feed-channels-plain", "botkit-feed-online-plain", "moderator", "chief", "plain"]
    assert [[account for account in accounts if app.is_server(account)] for app in load(APPS).apps] == [
        ["botkit-feed-channels-plain", "botkit-feed-online-plain", "moderator"],
        ["botkit-feed-channels-plain", "botkit-feed-online-plain", "moderator", "chief"],
        ["moderator"],
    ]


ELSEWHERE = "gateway: {url: 'wss://gateway.example/'}\n"


def test_at_a_gateway_elsewhere_an_app_has_a_certificate_and_servers(load: Load) -> None:
    text = MINIMAL.replace("app: {id: the-app}", "app: {id: the-app, certificate: s3cret, server_accounts: [plain]}")
    text += "    channels: ['room-*']\n"
    (app,) = load(text + ELSEWHERE).apps
    assert app.is_server("plain")
    assert app.is_server("botkit-feed-channels-plain")


BAD_APPS = [
    (
        "app: {id: a, server_accounts: [b]}",
        ELSEWHERE,
        "app.server_accounts: a gateway elsewhere learns of them by thei",
    ),
    ("app: {id: a, accept_v1: true}", ELSEWHERE, "app.accept_v1: is for an embedded gateway, and gateway.url names an"),
    ("apps: [{id: a, allow_no_token: true}]", ELSEWHERE, "apps[0].allow_no_token: is for an embedded gateway, and gat"),
    (
        "app: {id: a, retiring: []}",
        ELSEWHERE,
        "app.retiring: is for an embedded gateway, and gateway.url names another;",
    ),
    (
        "apps: [{id: a, certificate: c}, {id: b}]",
        "gateway: {listen: '0.0.0.0:1'}",
        "gateway.listen: listening on 0.0.0.0:1 without an app certificate would let everybody in to app b; set a cert",
    ),
]


@pytest.mark.parametrize(("app", "gateway", "message"), BAD_APPS)
def test_a_wrong_app_is_named_with_what_would_be_right(load: Load, app: str, gateway: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(MINIMAL.replace("app: {id: the-app}", app) + gateway)
    line = 5 if message.startswith("gateway") else 1
    assert str(caught.value).startswith(f"bot.yaml:{line}: {message}")


BAD_HOMES = [
    ("app: dsek, account: a", "app: 'dsek' is none of the apps here; did you mean 'desk'?"),
    ("app: '', account: a", "app: expected a text with 1 character or more, got none"),
    ("app: desk, account: plain", "account: account plain is used by bots[1] already; each session needs an account"),
    (
        "app: desk, account: a, max_channels: 3",
        "max_channels: is for patterns, and there is none in channels; leave it",
    ),
    ("account: botkit-feed-a", "account: botkit-feed-a is for botkit's own feeds; do not begin with botkit-feed-"),
    ("account: other~502", "account: account other~502 is used by bots[2] already; each session needs an account of"),
    ("account: other~2", "account: account other~2 is used by bots[2] already; each session needs an account of"),
]


@pytest.mark.parametrize(("where", "message"), BAD_HOMES)
def test_a_bot_in_a_wrong_app_is_named(load: Load, where: str, message: str) -> None:
    line = f"  - {{bot: 'concierge_cfg.bots:plain', {where}}}\n"
    with pytest.raises(ConfigError) as caught:
        load(APPS.replace("demo:", f"{line}demo:"))
    assert str(caught.value).startswith(f"bot.yaml:9: bots[3].{message}")


def test_visitors_are_in_the_first_app(load: Load) -> None:
    load(APPS.replace("app: shop, channels", "app: desk, channels").replace("account: chief", "account: other"))
    with pytest.raises(
        ConfigError, match=r"bot\.yaml:9: demo\.visitors\[0\]\.account: 'other' is the account of a bot"
    ):
        load(APPS.replace("account: chief", "account: other"))


BAD_VALUES = [
    ("gatway: {}", "5: gatway: there is no such key; did you mean 'gateway'?"),
    ("gateway: {listne: 'x'}", "5: gateway.listne: there is no such key; did you mean 'listen'?"),
    ("gateway: {listen: 8001}", "5: gateway.listen: expected a text, got a whole number; put it in quotes"),
    ("gateway: {listen: '127.0.0.1'}", "5: gateway.listen: '127.0.0.1' is no address; write HOST:PORT"),
    ("gateway:\n  http: 'a:99999'", "6: gateway.http: 'a:99999' is no address; write HOST:PORT"),
    ("gateway: {listen: '0.0.0.0:1'}", "5: gateway.listen: listening on 0.0.0.0:1 without an app certificate"),
    ("gateway: {embedded: false}", "5: gateway.url: is missing; with embedded: false it says where the gateway is"),
    ("gateway: {embedded: true, url: 'ws://a/'}", "5: gateway.url: there is an embedded gateway too; leave out one"),
    ("gateway: {url: 'ws://a/', http: 'b:1'}", "5: gateway.http: is for an embedded gateway, and gateway.url names"),
    ("gateway: {url: 'ws://a/'}\nstore: {url: 'x.db'}", "6: store.url: 'x.db' names no store; use 'memory:'"),
    ("gateway: {url: 'ws://a/', limits: {}}", "5: gateway.limits: is for an embedded gateway, and gateway.url names"),
    ("gateway: {url: 'ws://a/', server_accounts: [b]}", "5: gateway.server_accounts: is for an embedded gateway, and"),
    ("gateway: {url: ''}", "5: gateway.url: '' is no WebSocket URL"),
    (
        "gateway: {tls: {certificate: a, key: b}, http: '127.0.0.1:8002'}",
        "5: gateway.http: 127.0.0.1:8002 is where gat",
    ),
    ("gateway: {url: 'ftp://a/'}", "5: gateway.url: 'ftp://a/' is no WebSocket URL; ws://HOST:PORT/"),
    ("gateway: {store: 'redis://a'}", "5: gateway.store: 'redis://a' names no store; use 'memory:'"),
    ("store: {url: 'x.db'}", "5: store.url: 'x.db' names no store; use 'memory:', 'sqlite:///"),
    ("store: {}", "5: store.url: is missing; it is the database, sqlite:///"),
    ("log: {format: xml}", "5: log.format: 'xml' is none of these; known here: json, text"),
    (
        "demo: {visitors: [{account: plain, steps: [{at: 1, do: log_in}]}]}",
        "5: demo.visitors[0].account: 'plain' is the",
    ),
    (
        "demo:\n  visitors:\n  - account: botkit-feed-x\n    steps: [{at: 1, do: log_in}]",
        "7: demo.visitors[0].account: 'botkit-feed-x' is the account of a bot or a feed",
    ),
    ("demo: {visitors: [{account: a, steps: [{at: 1, do: jion}]}]}", "5: demo.visitors[0].steps[0].do: 'jion' is none"),
    ("app: {id: b}", "5: app: stands twice, first in line 1"),
]


@pytest.mark.parametrize(("more", "message"), BAD_VALUES)
def test_a_wrong_section_is_named_with_what_would_be_right(load: Load, more: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(MINIMAL + more)
    assert str(caught.value).startswith(f"bot.yaml:{message}")


BAD_BOTS = [
    ("bot: concierge_cfg.bots:bto, account: a", "bot: module concierge_cfg.bots has no 'bto'; did you mean 'bot'?"),
    ("bot: concierge_cfg.bts:bot, account: a", "bot: there is no module concierge_cfg.bts; it must be installed"),
    ("bot: concierge_cfg.bots, account: a", "bot: 'concierge_cfg.bots' names no object; write package.module:attr"),
    (
        "bot: concierge_cfg.bots:needless, account: a",
        "bot: concierge_cfg.bots:needless is of type int, and no Bot; name",
    ),
    ("bot: concierge_cfg.bots:plain", "account: is missing; it is the account that the bot logs in with"),
    ("account: a", "bot: is missing; it is where the bot is, package.module:attribute"),
    ("bot: concierge_cfg.bots:plain, account: 'a b'", "account: account has a blank"),
    ("bot: concierge_cfg.bots:plain, account: plain", "account: account plain is used by bots[0] already"),
    ("bot: concierge_cfg.bots:plain, account: a, channels: lobby", "channels: expected a list, got a text"),
    ("bot: concierge_cfg.bots:plain, account: a, channels: [r*, r*]", "channels[1]: r* is named twice"),
    (
        "bot: concierge_cfg.bots:plain, account: a, channels: [r*], max_channels: 0",
        "max_channels: expected a whole number of at least 1, got 0",
    ),
    (
        "bot: concierge_cfg.bots:plain, account: a, channels: [r*], linger_seconds: -1",
        "linger_seconds: expected a number of at least 0, got -1",
    ),
    (
        "bot: concierge_cfg.bots:plain, account: a, linger_seconds: 5",
        "linger_seconds: is for patterns, and there is none in channels; leave it out",
    ),
    (
        "bot: concierge_cfg.bots:plain, account: a, roles: {admin: [root]}",
        "roles.admin: no command of bot plain is for this role; leave it out",
    ),
    ("bot: concierge_cfg.bots:clerk, account: a, roles: {admn: [root]}", "roles.admn: no command of bot clerk is for"),
    ("bot: concierge_cfg.bots:clerk, account: a, roles: {admin: root}", "roles.admin: expected a list, got a text"),
    (
        "bot: concierge_cfg.bots:plain, account: a, limits: {running: 0}",
        "limits.running: expected a whole number of at least 1, got 0",
    ),
    ("bot: concierge_cfg.bots:plain, account: a, loops: {turns: -1}", "loops.turns: expected a whole number of at lea"),
    ("bot: concierge_cfg.bots:plain, account: a, limits: {runing: 2}", "limits.runing: there is no such key; did you"),
    ("bot: concierge_cfg.bots:plain, account: a, settings: {x: 1}", "settings: bot plain takes none; leave them out"),
    ("bot: concierge_cfg.bots:bot, account: a", "settings.greeting: is missing; it is a text"),
    ("bot: concierge_cfg.bots:bot, account: a, settings: {greting: x}", "settings.greting: there is no such key; did"),
    (
        "bot: concierge_cfg.bots:bot, account: a, settings: {greeting: x, most: many}",
        "settings.most: expected a whole number, got a text",
    ),
    (
        "bot: concierge_cfg.bots:bot, account: a, settings: {greeting: x, menu: {2: {say: 1}}}",
        "settings.menu.2.say: expected a text, got a whole number; put it in quotes",
    ),
]


@pytest.mark.parametrize(("bot", "message"), BAD_BOTS)
def test_a_wrong_bot_is_named_with_what_would_be_right(load: Load, bot: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"{MINIMAL}  - {{{bot}}}\n")
    assert str(caught.value).startswith(f"bot.yaml:5: bots[1].{message}")


def test_a_bot_that_a_package_hands_on_is_described_by_its_handlers(load: Load, tmp_path: Path) -> None:
    (tmp_path / "concierge_cfg" / "__init__.py").write_text("from concierge_cfg.bots import bot\n")
    text = MINIMAL + "  - {bot: 'concierge_cfg:bot', account: b, settings: {greeting: x}}\n"
    assert load(text).bots[1].description == "Says hello to whoever asks."


def test_without_bots_there_is_nothing_to_run(load: Load) -> None:
    with pytest.raises(ConfigError, match="bots: is missing; it is a list of bots, each with bot and account"):
        load("app: {id: a}")
    with pytest.raises(ConfigError, match="bots: expected a list with 1 item or more, got none"):
        load("app: {id: a}\nbots: []")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: cannot be read: No such file or directory; name a YAML"):
        load_config(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"app: {id: gr\xf6\xdfe}")
    with pytest.raises(ConfigError, match=r"latin\.yaml: is no UTF-8 text, at byte 12"):
        load_config(tmp_path / "latin.yaml")
