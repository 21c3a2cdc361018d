"""Where bots run: what is refused, with its key, and what a placement comes to."""

from typing import Any

import pytest
from msgspec import Struct

from botkit import App, Bot, BotPlacement, Context, MemberJoined, UserOnline
from botkit.app.placement import make_plans, plan_app
from botkit.errors import ConfigError
from botkit.events import Event, FeedEvent


class Settings(Struct, frozen=True):
    limit: int = 3


class Strict(Struct, frozen=True):
    limit: int


class Other(Struct, frozen=True):
    limit: int = 3


def place(account: str = "bot", *channels: str, bot: Bot | None = None, settings: Struct | None = None) -> BotPlacement:
    return BotPlacement(bot=bot or Bot("b"), account=account, channels=channels, settings=settings)


def test_a_session_for_each_channel() -> None:
    (plan,) = make_plans([place("bot", "lobby", "a b", "c")])
    assert [(one.account, one.channel) for one in plan.sessions] == [("bot", "lobby"), ("bot~2", "a b"), ("bot~3", "c")]
    assert (plan.info.name, plan.info.account, plan.info.channels) == ("b", "bot", ("lobby", "a b", "c"))
    assert plan.title == "b (bot)"


def test_a_pool_for_patterns() -> None:
    placement = BotPlacement(bot=Bot("b"), account="bot", channels=("r*", "lobby", "t?", "rear"), max_channels=3)
    (plan,) = make_plans([placement])
    assert [(one.account, one.channel) for one in plan.sessions] == [("bot", "lobby"), ("bot~2", "rear")]
    assert plan.pool is not None
    assert plan.pool.accounts == ("bot~3", "bot~4", "bot~5")
    assert [name for name in ("r1", "rear", "t1", "lobby") if plan.pool.patterns.matches(name)] == ["r1", "t1"]
    assert (plan.info.channels, plan.info.patterns) == (("lobby", "rear"), ("r*", "t?"))
    assert [name for name in ("bot", "bot~2", "bot~3", "bot~6") if plan.info.is_service(name)] == ["bot~3"]


def test_a_pool_beside_a_session_of_its_own() -> None:
    app = plan_app([place("bot", "r*"), place("other")])
    first, second = app.bots
    assert [(one.account, one.channel) for one in first.sessions] == [("bot", None)]
    assert first.pool is not None
    assert (first.pool.accounts[0], first.pool.accounts[-1], len(first.pool.accounts)) == ("bot~2", "bot~501", 500)
    assert (first.feeds, second.feeds) == ((), ())
    assert [feed.account for feed in app.feeds] == ["botkit-feed-channels-bot"]
    assert second.info.is_service("bot~501")


def test_one_session_without_channels() -> None:
    (plan,) = make_plans([place("b")])
    assert [(one.account, one.channel) for one in plan.sessions] == [("b", None)]
    assert plan.title == "b"


@pytest.mark.parametrize(
    ("placements", "key", "problem"),
    [
        ([place("")], "bots[0].account", "account is empty"),
        ([place("a b")], "bots[0].account", "account has a blank"),
        ([place("a" * 129)], "bots[0].account", "129 bytes"),
        ([place("a" * 127, "x", "y")], "bots[0].account", "129 bytes"),
        ([place("a"), place("a")], "bots[1].account", r"account a is used by bots\[0\]"),
        ([place("a", "x", "y"), place("a~2")], "bots[1].account", r"account a~2 is used by bots\[0\]"),
        ([place("botkit-feed-online")], "bots[0].account", "is for botkit's own feeds"),
        ([place("a", "r*", "r*")], "bots[0].channels[1]", r"r\* is named twice"),
        ([place("a", "r*" + "x" * 128)], "bots[0].channels[0]", "130 bytes"),
        ([place("a" * 125, "r*")], "bots[0].account", "129 bytes"),
        ([BotPlacement(bot=Bot("b"), account="a", channels=("r*",), max_channels=0)], "bots[0].max_channels", "1 or"),
        (
            [BotPlacement(bot=Bot("b"), account="a", channels=("r*",), linger_seconds=float("nan"))],
            "bots[0].linger_seconds",
            "0 or more",
        ),
        ([place("a", "r*"), place("a~7")], "bots[1].account", r"account a~7 is used by bots\[0\]"),
        ([place("a~501"), place("a", "r*")], "bots[1].account", r"account a~501 is used by bots\[0\]"),
        ([place("a", "x", "x")], "bots[0].channels[1]", "x is named twice"),
        ([place("a", "")], "bots[0].channels[0]", "channel name is empty"),
        ([place("a", "__agora_channel_event")], "bots[0].channels[0]", "own feeds"),
        ([place("a", settings=Settings())], "bots[0].settings", "takes no settings"),
        ([place("a", bot=Bot("b", settings=Strict))], "bots[0].settings", "missing required field `limit`"),
        (
            [place("a", bot=Bot("b", settings=Settings), settings=Other())],
            "bots[0].settings",
            "takes Settings, not Other",
        ),
    ],
)
def test_what_cannot_be(placements: list[BotPlacement], key: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        App("app", "ws://127.0.0.1:1", placements)
    assert caught.value.key == key


def test_128_bytes_are_fine() -> None:
    assert make_plans([place("a" * 128)])[0].sessions[0].account == "a" * 128


def test_settings_by_default_and_given() -> None:
    bot = Bot("b", settings=Settings)
    plans = make_plans([place("a", bot=bot), place("c", bot=bot, settings=Settings(limit=5))])
    assert [plan.settings for plan in plans] == [Settings(limit=3), Settings(limit=5)]


async def handler(event: Event) -> None: ...


@pytest.mark.parametrize(
    ("event_type", "feeds"),
    [
        (UserOnline, ["online"]),
        (MemberJoined, ["channels"]),
        (FeedEvent, ["online", "channels"]),
        (Event, []),
    ],
)
def test_feeds_that_a_bot_needs(event_type: Any, feeds: list[str]) -> None:
    bot = Bot("b")
    bot.on(event_type)(handler)
    (plan,) = make_plans([place("a", bot=bot)])
    assert [feed.name for feed in plan.feeds] == feeds


def test_an_app_says_what_it_runs() -> None:
    presence, plain = Bot("presence"), Bot("plain")
    presence.on_user_online()(handler)
    presence.on_user_offline()(handler)
    presence.on_user_online(account="a*")(handler)

    @plain.every(seconds=30)
    async def beat(ctx: Context) -> None: ...

    description = App("app", "ws://127.0.0.1:1", [place("p", "x", "y", bot=presence), place("q", bot=plain)]).describe()
    assert description.app_id == "app"
    first, second = description.bots
    assert (first.name, first.account, first.channels, first.sessions) == ("presence", "p", ("x", "y"), ("p", "p~2"))
    assert (first.handlers, first.events, first.every, first.feeds) == (
        3,
        ("UserOnline", "UserOffline"),
        (),
        ("online",),
    )
    assert (second.name, second.handlers, second.every, second.feeds) == ("plain", 1, (30,), ())
    assert [(feed.name, feed.account, feed.channel) for feed in description.feeds] == [
        ("online", "botkit-feed-online-p", "__agora_user_online")
    ]
