"""Conversations: what a bot remembers of a talk with somebody, typed, timed, and kept through restarts."""

from botkit.app.conversations.conversation import Conversation, Conversations
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.conversations.kinds import ConversationKind

__all__ = ["Conversation", "ConversationDesk", "ConversationKind", "Conversations"]
