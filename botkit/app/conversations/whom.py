"""Which conversation an event belongs to."""

from typing import TypeAlias

from botkit.events import (
    CallEvent,
    ChannelAttributeUpdated,
    ChannelMessage,
    ConversationTimedOut,
    Event,
    FeedEvent,
    InstantMessage,
    UserJoined,
    UserLeft,
)

WithSomebody: TypeAlias = (
    InstantMessage
    | ChannelMessage
    | UserJoined
    | UserLeft
    | ChannelAttributeUpdated
    | CallEvent
    | FeedEvent
    | ConversationTimedOut
)
"""Events that are about an account, and so belong to a conversation with it."""


def whom_and_where(event: Event) -> tuple[str, str]:
    """The account that the event is about, and the channel that the conversation is in; empty: in private.

    What comes to the bot itself, and what the feeds tell of who is online, is in private; a call is in its channel.
    """
    match event:
        case CallEvent(peer=account, channel=channel):
            return account, channel
        case InstantMessage(account=account):
            return account, ""
        case _:
            return getattr(event, "account", ""), getattr(event, "channel", "")
