"""All conversations of one running bot: in memory to be read, in the store to be found again, on time to be ended."""

import heapq
import math
from collections.abc import Iterator, Sequence

import msgspec
import structlog
import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit.app.conversations.kinds import ConversationKind
from botkit.app.meters import AppMeters
from botkit.clock import WallClock
from botkit.errors import ConversationError
from botkit.stores.conversations import ConversationKey, ConversationStore, Owner, StoredConversation

MAX_CONVERSATIONS = 100_000
"""Open conversations of one bot; one more is refused with ``ConversationError``."""

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class _Open(Struct):
    """An open conversation."""

    state: Struct
    deadline_ms: int


class ConversationDesk:
    """Keeps the conversations of ``owner``, each of one of ``kinds``."""

    def __init__(
        self, owner: Owner, store: ConversationStore, kinds: Sequence[ConversationKind[Struct]], meters: AppMeters
    ) -> None:
        self.kinds = {kind.name: kind for kind in kinds}
        self._owner, self._store, self._meters = owner, store, meters
        self._clock = WallClock()
        self._open: dict[ConversationKey, _Open] = {}
        self._unread: dict[ConversationKey, StoredConversation] = {}  # of another version, as the store has them
        # May hold what was put off or closed meanwhile: such an entry is found stale when it is due.
        self._deadlines: list[tuple[int, str, str, str]] = []
        self._sooner = trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        return len(self._open)

    async def load(self) -> None:
        """Find again what the store has of this bot. Raises ``StoreError``.

        What this version of the bot cannot read is logged, counted, and left in the store as it is.
        """
        for stored in await self._store.load(self._owner):
            self._read(stored)

    def become(self, kinds: Sequence[ConversationKind[Struct]]) -> None:
        """Keep conversations of these kinds from now on: those of another version of the bot's code.

        What is open goes on, in states of the new classes. What these cannot read is treated as in ``load``, and found
        again by a later version that can.
        """
        before, self.kinds = self.kinds, {kind.name: kind for kind in kinds}
        unread = tuple(self._unread.values())
        for key, found in tuple(self._open.items()):
            kind = self.kinds.get(key.kind)
            if kind is None or type(found.state) is not kind.state_type:
                del self._open[key]
                self._read(StoredConversation(key, before[key.kind].encode(key, found.state), found.deadline_ms))
        for stored in unread:
            self._read(stored)

    def _read(self, stored: StoredConversation) -> None:
        kind = self.kinds.get(stored.key.kind)
        try:
            if kind is None:
                raise msgspec.ValidationError("the bot declares no such conversation")
            self._keep(stored.key, _Open(kind.decode(stored.state), stored.deadline_ms))
            self._unread.pop(stored.key, None)
        except msgspec.MsgspecError as error:
            if stored.key in self._unread:
                return  # told already
            self._unread[stored.key] = stored
            self._meters.conversations_unreadable.add_for(self._owner.bot)
            _log.error(
                "a conversation cannot be gone on with: its state is another version's",
                bot=self._owner.bot,
                kind=stored.key.kind,
                account=stored.key.account,
                channel=stored.key.channel,
                problem=str(error),
            )

    def state(self, key: ConversationKey) -> Struct | None:
        """The state of a conversation; None when there is none."""
        found = self._open.get(key)
        return None if found is None else found.state

    def seconds_left(self, key: ConversationKey) -> float | None:
        """Until it times out; 0 or less when that is due. None when there is none."""
        found = self._open.get(key)
        return None if found is None else (found.deadline_ms - self._clock.ms()) / 1000

    def keys(self, kind: str) -> Iterator[ConversationKey]:
        """The open conversations of one kind."""
        return (key for key in tuple(self._open) if key.kind == kind)

    async def set(
        self, key: ConversationKey, state: Struct, timeout: float, kind: ConversationKind[Struct] | None = None
    ) -> None:
        """Open it, or go on with it; returns when the store has it. ``kind`` is the caller's: that of a handler which
        is still at work may be from before the bot's code was swapped.

        Raises ``ConversationError`` and then nothing has changed; ``StoreError``, and then it goes on, but a restart
        may not know of it.
        """
        encoded = (kind or self.kinds[key.kind]).encode(key, state)
        if key not in self._open and len(self._open) >= MAX_CONVERSATIONS:
            self._meters.conversations_refused.add_for(self._owner.bot)
            problem = f"the bot has {MAX_CONVERSATIONS} open ones, and may have no more"
            raise ConversationError(key.kind, key.account, key.channel, problem)
        deadline_ms = self._clock.ms() + math.ceil(timeout * 1000)
        stored = StoredConversation(key, encoded, deadline_ms)
        self._unread.pop(key, None)
        if kind is None or kind is self.kinds.get(key.kind):
            self._keep(key, _Open(state, deadline_ms))
        else:
            self._open.pop(key, None)
            self._read(stored)
        await self._store.save(self._owner, stored)

    async def close(self, key: ConversationKey) -> None:
        """End it; when there is none, nothing happens. Raises ``StoreError``: then a restart may find it open."""
        if self._open.pop(key, None) is not None:
            await self._store.remove(self._owner, key)

    def is_due(self, key: ConversationKey) -> bool:
        """Whether its time is over: neither gone on with nor closed since."""
        found = self._open.get(key)
        return found is not None and found.deadline_ms <= self._clock.ms()

    async def next_due(self) -> ConversationKey:
        """Wait for the next conversation that times out. It is told once, and stays open until it is closed."""
        while True:
            if self._deadlines and self._deadlines[0][0] <= self._clock.ms():
                _, *names = heapq.heappop(self._deadlines)
                if self.is_due(key := ConversationKey(*names)):
                    return key
                continue
            ms = self._deadlines[0][0] - self._clock.ms() if self._deadlines else math.inf
            with trio.move_on_after(ms / 1000):
                await self._sooner.park()

    def _keep(self, key: ConversationKey, conversation: _Open) -> None:
        self._open[key] = conversation
        entry = (conversation.deadline_ms, key.kind, key.account, key.channel)
        heapq.heappush(self._deadlines, entry)
        if self._deadlines[0] is entry:
            self._sooner.unpark_all()
        if len(self._deadlines) > 64 + 4 * len(self._open):
            self._forget_stale_deadlines()

    def _forget_stale_deadlines(self) -> None:
        self._deadlines = [(found.deadline_ms, key.kind, key.account, key.channel) for key, found in self._open.items()]
        heapq.heapify(self._deadlines)
