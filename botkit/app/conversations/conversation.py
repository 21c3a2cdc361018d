"""What a handler holds of conversations: the one that its event belongs to, and the way to others."""

from collections.abc import Callable
from typing import Generic

from botkit.app.conversations.desk import ConversationDesk
from botkit.app.conversations.kinds import ConversationKind, S, checked_timeout
from botkit.stores.conversations import ConversationKey
from botkit.types import Account


class Conversation(Generic[S]):
    """The bot's conversation of one kind with one account in one channel, open or not.

    A handler that asks for ``Conversation[Order]`` gets the one with the account that its event is about, in the
    event's channel; in private for what came in no channel. It outlives handlers, restarts of the bot, and, where the
    app has a store, the process.
    """

    __slots__ = ("_desk", "_key", "_kind")

    def __init__(self, desk: ConversationDesk, kind: ConversationKind[S], account: str, channel: str) -> None:
        self._desk, self._kind = desk, kind
        self._key = ConversationKey(kind.name, account, channel)

    def __repr__(self) -> str:
        return f"<Conversation {self._key.kind} with {self.account!r} in {self.channel!r}: {self.state!r}>"

    @property
    def account(self) -> Account:
        """With whom."""
        return Account(self._key.account)

    @property
    def channel(self) -> str:
        """Where; empty in private."""
        return self._key.channel

    @property
    def state(self) -> S | None:
        """What was ``set`` last; None when it is not open."""
        state = self._desk.state(self._key)
        return None if state is None else self._kind.adopt(state)

    @property
    def seconds_left(self) -> float | None:
        """Until it times out; None when it is not open."""
        return self._desk.seconds_left(self._key)

    async def set(self, state: S, *, timeout: float | None = None) -> None:
        """Open it, or go on with it. It times out ``timeout`` seconds from now (the kind's own, without).

        Returns when the store has it: a crash after that loses nothing. Raises ``ConversationError`` for a state of
        more than 65,536 bytes of JSON and when the bot has 100,000 open ones, and then nothing has changed;
        ``ValueError`` for a timeout that cannot be; ``StoreError``, and then it goes on, but a restart may not know of
        it. A cancel leaves it set, for the store either way.
        """
        seconds = self._kind.timeout if timeout is None else checked_timeout(timeout)
        await self._desk.set(self._key, state, seconds, self._kind)

    async def update(self, change: Callable[[S], S], *, timeout: float | None = None) -> S:
        """Go on with what ``change`` makes of the present state; gives the new one.

        Nothing comes between reading and writing, also when handlers of other events are at the same conversation.
        Raises ``LookupError`` when it is not open, and like ``set``.
        """
        state = self.state
        if state is None:
            raise LookupError(f"conversation {self._key.kind} with {self.account} is not open: set it first")
        state = change(state)
        await self.set(state, timeout=timeout)
        return state

    async def close(self) -> None:
        """End it, without a timeout being told. When it is not open, nothing happens. Raises ``StoreError``."""
        await self._desk.close(self._key)


class Conversations(Generic[S]):
    """All of a bot's conversations of one kind; a handler gets it by asking for ``Conversations[Order]``."""

    __slots__ = ("_desk", "_kind")

    def __init__(self, desk: ConversationDesk, kind: ConversationKind[S]) -> None:
        self._desk, self._kind = desk, kind

    def of(self, account: str, channel: str = "") -> Conversation[S]:
        """The one with ``account`` in ``channel`` (empty: in private), open or not."""
        return Conversation(self._desk, self._kind, account, channel)

    def all_open(self) -> list[Conversation[S]]:
        """Those that are open now, in no particular order."""
        return [self.of(key.account, key.channel) for key in self._desk.keys(self._kind.name)]
