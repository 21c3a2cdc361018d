import io
import json

import pytest
from msgspec.structs import replace

from botkit.app.bot import Bot
from botkit.app.placement import BotPlacement, plan_app
from botkit.app.report import BotStatus
from botkit.app.visitor_script import Demo
from botkit.cli.banner import STOPPED, banner, ready
from botkit.cli.output import Announcer, Notice
from botkit.config.bots import ConfiguredBot
from botkit.config.document import Document
from botkit.config.loading import Config
from botkit.config.schema import LogSection
from botkit.events import ChannelMessage, UserOnline
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.types import Account, AppId


def make_config(bot: Bot, *channels: str, description: str = "") -> Config:
    placement = BotPlacement(bot=bot, account="concierge", channels=channels)
    plan = plan_app([placement])
    return Config(
        apps=(AppCredentials(id="the-app"),),
        gateway="ws://gateway.example/",
        bots=(ConfiguredBot(app=AppId("the-app"), placement=placement, plan=plan.bots[0], description=description),),
        plans={AppId("the-app"): plan},
        demo=Demo(),
        log=LogSection(),
        document=Document("{}", name="bot.yaml", environ={}),
    )


def test_a_bot_without_a_docstring_is_told_by_what_it_handles() -> None:
    bot = Bot("hello")

    @bot.on_channel_message()
    async def hello(message: ChannelMessage) -> None: ...

    @bot.on_user_online()
    async def welcome(event: UserOnline) -> None: ...

    @bot.every(seconds=30)
    async def beat() -> None: ...

    lines = [notice.text for notice in banner(make_config(bot, "lobby", "the other"), "ws://gateway.example/", "")]
    assert lines[1:] == [
        "  gateway   ws=ws://gateway.example/ elsewhere",
        "  bot       hello, account concierge in lobby, the other: "
        "handles ChannelMessage, UserOnline, a beat each 30 s",
        "  feeds     botkit-feed-online-concierge in __agora_user_online",
    ]


def test_a_bot_that_needs_nothing_has_a_short_line() -> None:
    lines = [notice.text for notice in banner(make_config(Bot("quiet")), "ws://a/", "http://b/")]
    assert lines[1:] == [
        "  gateway   ws=ws://a/ http=http://b/ elsewhere",
        "  bot       quiet, account concierge: handles nothing",
    ]


def test_patterns_of_channels_are_told_with_their_bound() -> None:
    notice = next(
        one for one in banner(make_config(Bot("hello"), "room-*", "lobby", "a?"), "ws://a/", "") if one.event == "bot"
    )
    assert notice.text == "  bot       hello, account concierge in lobby, room-*, a? (at most 500): handles nothing"
    assert notice.facts["channels"] == ["lobby", "room-*", "a?"]


def test_bots_of_several_apps_are_told_with_their_app() -> None:
    bot = Bot("hello")

    @bot.on_user_online()
    async def welcome(event: UserOnline) -> None: ...

    one = make_config(bot, description="Says hello.")
    (configured,) = one.bots
    config = replace(
        one,
        apps=(AppCredentials(id="desk"), *one.apps),
        bots=(configured, replace(configured, app=AppId("desk"))),
        plans={**one.plans, AppId("desk"): one.plans[AppId("the-app")]},
        gateway=GatewaySettings(apps=(), tls_certificate="a.pem", tls_key="a.key"),
    )
    notices = list(banner(config, "ws://a/", "http://b/"))
    assert [notice.text for notice in notices][1:] == [
        "  gateway   ws=ws://a/ http=http://b/ in this process, TLS on the port after each",
        "  bot       hello of desk, account concierge: Says hello.",
        "  feeds     botkit-feed-online-concierge in __agora_user_online of desk",
        "  bot       hello of the-app, account concierge: Says hello.",
        "  feeds     botkit-feed-online-concierge in __agora_user_online of the-app",
    ]
    assert notices[0].text.endswith(" with bot.yaml, apps desk, the-app")
    assert notices[0].facts["apps"] == ["desk", "the-app"]
    assert [notice.facts["app"] for notice in notices[2:]] == ["desk", "desk", "the-app", "the-app"]


def status(name: str, state: str) -> BotStatus:
    return BotStatus(name=name, account=Account(name), state=state, restarts=0, last_error=None, sessions=())


@pytest.mark.parametrize(
    ("states", "text"),
    [
        (["running", "running"], "ready: 2 of 2 bots at work; Ctrl-C logs out and stops"),
        (["running", "ended"], "ready: 1 of 2 bots at work, but bot1 ended; Ctrl-C logs out and stops"),
        (["starting"], "ready: 0 of 1 bots at work, but bot0 starting; Ctrl-C logs out and stops"),
    ],
)
def test_ready_tells_which_bots_are_not(states: list[str], text: str) -> None:
    notice = ready([status(f"bot{index}", state) for index, state in enumerate(states)])
    assert notice.text == text
    assert notice.facts["bots"] == {f"bot{index}": state for index, state in enumerate(states)}


def test_an_announcer_tells_lines_or_objects() -> None:
    notices = [Notice(text="für Leute", event="for machines", facts={"number": 1}), STOPPED]
    text, machine = io.StringIO(), io.StringIO()
    Announcer("text", text).tell(*notices)
    Announcer("json", machine).tell(*notices)
    assert text.getvalue() == "für Leute\nstopped: every session is logged out\n"
    first, second = [json.loads(line) for line in machine.getvalue().splitlines()]
    assert list(first) == ["timestamp", "level", "event", "number"]
    assert (first["level"], first["event"], second["event"]) == ("info", "for machines", "stopped")
