"""Asking scorers, which may be slow, dead, or another process: always within a time, and never in the way of a rule."""

from collections.abc import Collection
from typing import Protocol

from bots.moderation.rules import Scores


class Scorers(Protocol):
    """What the bot asks about each message, when a rule wants it."""

    async def score(self, names: Collection[str], text: str) -> Scores:
        """The score of ``text`` by each of these; None, or nothing, for one that gives no answer. It raises nothing.

        A cancel gives it up.
        """
        ...
