"""How handlers come by conversations: providers, of what their event is about."""

from botkit.app.conversations.conversation import Conversation, Conversations
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.conversations.kinds import ConversationKind, S
from botkit.app.conversations.whom import WithSomebody, whom_and_where
from botkit.app.injection import Offer, Provider
from botkit.app.signatures import Parameter, Signature, place_of

DESK = Offer(ConversationDesk)
"""A bot's conversations, in one life of it."""


def conversation_provider(kind: ConversationKind[S]) -> Provider:
    """For handlers that ask for ``Conversation[S]``: the one that their event belongs to."""

    def conversation(event: WithSomebody, desk: ConversationDesk) -> Conversation[S]:
        return Conversation(desk, kind, *whom_and_where(event))

    parameters = (Parameter("event", WithSomebody), Parameter("desk", ConversationDesk))
    provides = Conversation[kind.state_type]  # type: ignore[name-defined]  # a type made at run time
    return Provider(Signature(conversation, place_of(conversation), parameters, provides), provides)


def conversations_provider(kind: ConversationKind[S]) -> Provider:
    """For handlers that ask for ``Conversations[S]``: all of them."""

    def conversations(desk: ConversationDesk) -> Conversations[S]:
        return Conversations(desk, kind)

    provides = Conversations[kind.state_type]  # type: ignore[name-defined]  # as above
    parameters = (Parameter("desk", ConversationDesk),)
    return Provider(Signature(conversations, place_of(conversations), parameters, provides), provides)
