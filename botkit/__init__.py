"""Server-side agents for signaling services: the names that a bot is written with.

::

    from trio.testing import MockClock

    from botkit import Bot, ChannelMessage, Context, filters as f
    from botkit.testing import open_world

    bot = Bot("concierge")


    @bot.on_channel_message(f.text.startswith("!hello"))
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.channel.send(f"hello, {message.account}")


    async def test_hello(autojump_clock: MockClock) -> None:
        async with open_world(bot) as world:
            ann = await world.user("ann", channel="lobby")
            await ann.say("!hello")
            await ann.expect_text("hello, ann")

``Bot`` has the decorators, ``Router`` too for parts of a bot, ``filters`` what goes into them, ``Context`` what
handlers act through. ``App`` runs bots by hand, as ``botkit run`` does from YAML. Less common events are in
``botkit.events``, all errors in ``botkit.errors``.

The guide is in the docstrings of these modules, in the order of reading (``help("botkit.app")``):

- ``botkit.app``: handlers, what they ask for, routers, middlewares, errors, order, and what runs a bot
- ``botkit.routing.filters``: which events a handler gets
- ``botkit.app.commands``: commands with typed arguments, roles and help
- ``botkit.app.conversations``: state: what a bot remembers of a talk, through restarts and with timeouts
- ``botkit.signaling.outgoing``: what bots do to others: effects, the service's limits, dry runs, traces
- ``botkit.testing``: a bot's test on a real gateway in memory, and all that can go wrong there
- ``botkit.operations``: deployment: the configuration, probes, what runs, how it stops

A test runs every block of code in them.
"""

from botkit.actor.registry import Registry
from botkit.app.app import App
from botkit.app.bot import Bot
from botkit.app.commands.converters import RestOfLine
from botkit.app.context import BotInfo, Context
from botkit.app.conversations import Conversation, Conversations
from botkit.app.middleware import CallNext
from botkit.app.placement import BotPlacement
from botkit.app.router import Router
from botkit.app.running import BOT
from botkit.clock import WallClock
from botkit.config.files import load_settings
from botkit.errors import BotkitError, ConfigError, ErrorCode, InviteFailed, InviteRefused, SignalingError, StoreError
from botkit.events import (
    CallEnded,
    CallInvited,
    CallMessageReceived,
    ChannelAttributeUpdated,
    ChannelMessage,
    CommandRefused,
    ConversationTimedOut,
    DigitsPressed,
    EventsLost,
    InstantMessage,
    LoggedIn,
    LoggedOut,
    MemberJoined,
    MemberLeft,
    MessageHeld,
    Reconnected,
    UserJoined,
    UserLeft,
    UserOffline,
    UserOnline,
)
from botkit.observability.metrics import Meters
from botkit.routing import filters
from botkit.routing.loops import LoopLimits
from botkit.routing.runner import RunnerLimits
from botkit.signaling import Call, Channel, Lane, LoginSession, Signal
from botkit.stores.sqlite import Database, SqlValue, open_database, sqlite_path
from botkit.transport.address import check_http_url
from botkit.types import Account, ChannelName
from botkit.wire.limits import SPECIAL_CHANNELS

__all__ = [
    "BOT",
    "SPECIAL_CHANNELS",
    "Account",
    "App",
    "Bot",
    "BotInfo",
    "BotPlacement",
    "BotkitError",
    "Call",
    "CallEnded",
    "CallInvited",
    "CallMessageReceived",
    "CallNext",
    "Channel",
    "ChannelAttributeUpdated",
    "ChannelMessage",
    "ChannelName",
    "CommandRefused",
    "ConfigError",
    "Context",
    "Conversation",
    "ConversationTimedOut",
    "Conversations",
    "Database",
    "DigitsPressed",
    "ErrorCode",
    "EventsLost",
    "InstantMessage",
    "InviteFailed",
    "InviteRefused",
    "Lane",
    "LoggedIn",
    "LoggedOut",
    "LoginSession",
    "LoopLimits",
    "MemberJoined",
    "MemberLeft",
    "MessageHeld",
    "Meters",
    "Reconnected",
    "Registry",
    "RestOfLine",
    "Router",
    "RunnerLimits",
    "Signal",
    "SignalingError",
    "SqlValue",
    "StoreError",
    "UserJoined",
    "UserLeft",
    "UserOffline",
    "UserOnline",
    "WallClock",
    "check_http_url",
    "filters",
    "load_settings",
    "open_database",
    "sqlite_path",
]
