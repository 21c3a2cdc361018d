"""The names that a bot is written with: a short list, and nothing comes or goes unnoticed."""

import ast
from pathlib import Path

import botkit

NAMES = {
    *("App", "Bot", "BotInfo", "BotPlacement", "Context", "filters"),
    *("BOT", "CallNext", "Registry", "Router", "LoopLimits", "RunnerLimits"),
    *("Account", "ChannelName", "CommandRefused", "RestOfLine"),
    *("Conversation", "ConversationTimedOut", "Conversations"),
    *("Call", "Channel", "Lane", "LoginSession", "Signal"),
    *("ChannelAttributeUpdated", "ChannelMessage", "InstantMessage", "MessageHeld", "UserJoined", "UserLeft"),
    *("CallEnded", "CallInvited", "CallMessageReceived", "DigitsPressed"),
    *("MemberJoined", "MemberLeft", "UserOffline", "UserOnline"),
    "SPECIAL_CHANNELS",
    *("EventsLost", "LoggedIn", "LoggedOut", "Reconnected"),
    *("BotkitError", "ConfigError", "ErrorCode", "InviteFailed", "InviteRefused", "SignalingError", "StoreError"),
    *("Database", "SqlValue", "open_database", "sqlite_path"),
    *("Meters", "WallClock", "check_http_url", "load_settings"),
}


def test_the_list_is_what_it_is_meant_to_be() -> None:
    assert set(botkit.__all__) == NAMES
    for name in NAMES:
        assert getattr(botkit, name).__doc__, name


def test_the_module_holds_nothing_else() -> None:
    """A name that is imported but not listed would be there for everybody to use."""
    tree = ast.parse(Path(botkit.__file__).read_text())
    imported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert set(imported) == NAMES
