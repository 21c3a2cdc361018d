"""What a moderator can do, as an interface: rules decide, powers act, and a simulation acts on nobody."""

from typing import Protocol

from bots.moderation.cases.facts import Cell, Level


class Powers(Protocol):
    """All raise ``SignalingError``: 1001 (or 400) when refused, 1002 (or 401) when it may have been carried out."""

    async def read(self, cell: Cell) -> Level | None:
        """What is in force in a cell now."""
        ...

    async def set(self, cell: Cell, level: Level | None) -> None:
        """Put ``level`` in force, or (None) nothing. That there is nothing to lift is no error."""
        ...

    async def kick(self, account: str, channel: str, reason: str) -> None:
        """Put somebody out of a channel (601)."""
        ...

    async def tell(self, account: str, text: str) -> None:
        """Tell an account something in private."""
        ...

    async def say(self, channel: str, text: str) -> None:
        """Say something in a channel."""
        ...
