"""Which bot's conversations a late filter looks at: those of the bot whose handlers are being called."""

from contextvars import ContextVar
from typing import Protocol

from msgspec import Struct

from botkit.stores.conversations import ConversationKey


class StateReader(Protocol):
    """Knows the states of open conversations."""

    def state(self, key: ConversationKey) -> Struct | None:
        """The state of one; None when it is not open."""


current_desk: ContextVar[StateReader] = ContextVar("current_desk")
"""Set by the dispatcher of a bot that has conversations, around the way of each event."""
