"""Patterns of channel names in a bot's ``channels``: ``room-*``, ``team-?``, ``shop-[a-c]``."""

import fnmatch
import re
from collections.abc import Iterable

from botkit.wire.limits import SPECIAL_CHANNELS

_GLOB_CHARACTERS = frozenset("*?[")


def is_pattern(channel: str) -> bool:
    """Whether an entry of ``channels`` stands for all channels that match it. A name with a ``*`` is ``[*]`` there."""
    return not _GLOB_CHARACTERS.isdisjoint(channel)


class ChannelPatterns:
    """Several patterns as one: a name is looked at once, however many they are. Case counts."""

    def __init__(self, patterns: Iterable[str], *, leave_out: Iterable[str] = ()) -> None:
        self._leave_out = SPECIAL_CHANNELS | frozenset(leave_out)
        alternatives = [fnmatch.translate(pattern) for pattern in patterns]
        self._some = bool(alternatives)
        self._match = re.compile("|".join(alternatives) or r"(?!)").match

    def __bool__(self) -> bool:
        return self._some

    def matches(self, channel: str) -> bool:
        """Whether one of the patterns fits the whole name. Special channels, and what is left out, never match."""
        return self._match(channel) is not None and channel not in self._leave_out
