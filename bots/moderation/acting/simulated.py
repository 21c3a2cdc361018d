"""Powers that only keep book: what would be in force, and so whose messages would not have come any more.

So a rule in shadow mode is not asked about messages that nobody would have sent, had it been in force: what it would
have done is what it does when it is.
"""

from collections import OrderedDict

from bots.moderation.acting.powers import Powers
from bots.moderation.cases.facts import Cell, Level
from bots.moderation.rules import Fact, Joined

MAX_LEVELS = 100_000
"""Accounts and channels that the book has at a time; past that the oldest entry goes."""

EVERYWHERE = ""


class SimulatedPowers:
    """``Powers`` on nobody. ``inner`` is asked what was there before; in a dry run its sessions hold all back."""

    def __init__(self, inner: Powers, *, pass_on: bool = False) -> None:
        self._inner, self._pass_on = inner, pass_on
        self._levels: OrderedDict[Cell, Level | None] = OrderedDict()
        self._kicked: OrderedDict[tuple[str, str], None] = OrderedDict()

    def refuses(self, fact: Fact) -> bool:
        """Whether this would not have happened: its account would be muted, banned, or out of the channel."""
        place = (fact.account, fact.channel)
        if isinstance(fact, Joined):
            if self._holds(Cell("ban", fact.account, EVERYWHERE), fact.ms):
                return True
            self._kicked.pop(place, None)
            return False
        cells = (
            Cell("mute", fact.account, fact.channel),
            Cell("mute", fact.account, EVERYWHERE),
            Cell("ban", fact.account, EVERYWHERE),
        )
        return place in self._kicked or any(self._holds(cell, fact.ms) for cell in cells)

    def load(self, cell: Cell, level: Level | None) -> None:
        """Put into the book what an earlier run had in it."""
        self._levels[cell] = level

    @property
    def levels(self) -> dict[Cell, Level]:
        """What would be in force, for as long as it is not lifted."""
        return {cell: level for cell, level in self._levels.items() if level is not None}

    async def read(self, cell: Cell) -> Level | None:
        """See ``Powers``: what the book has, else what really is in force."""
        if cell in self._levels:
            return self._levels[cell]
        return await self._inner.read(cell)

    async def set(self, cell: Cell, level: Level | None) -> None:
        """See ``Powers``."""
        self._levels[cell] = level
        self._levels.move_to_end(cell)
        if len(self._levels) > MAX_LEVELS:
            self._levels.popitem(last=False)
        if self._pass_on:
            await self._inner.set(cell, level)

    async def kick(self, account: str, channel: str, reason: str) -> None:
        """See ``Powers``."""
        self._kicked[account, channel] = None
        if len(self._kicked) > MAX_LEVELS:
            self._kicked.popitem(last=False)
        if self._pass_on:
            await self._inner.kick(account, channel, reason)

    async def tell(self, account: str, text: str) -> None:
        """See ``Powers``."""
        if self._pass_on:
            await self._inner.tell(account, text)

    async def say(self, channel: str, text: str) -> None:
        """See ``Powers``."""
        if self._pass_on:
            await self._inner.say(channel, text)

    def _holds(self, cell: Cell, ms: int) -> bool:
        level = self._levels.get(cell)
        return level is not None and level.in_force(ms)
