"""Which channels have somebody in them, of those that pools care for: a snapshot, kept up by the channel-event feed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.accounts import OwnAccounts
from botkit.app.asking import Asking
from botkit.app.patterns import ChannelPatterns
from botkit.errors import RequestFailed
from botkit.events import Event, EventsLost, MemberJoined, MemberLeft
from botkit.signaling import LoginSession
from botkit.types import Account, ChannelName
from botkit.wire.admin import SnapshotPage
from botkit.wire.states import LoginStatus

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

LOOK_AGAIN_SECONDS = 60.0
"""How long to wait after a snapshot that was refused before the next one is asked for."""


class ChannelListener(Protocol):
    """Somebody who goes where people are."""

    def appeared(self, channel: ChannelName) -> None:
        """Somebody is in the channel now."""

    def vanished(self, channel: ChannelName) -> None:
        """Nobody is in the channel any more."""


class LiveChannels:
    """The channels that match ``patterns`` and have a member who is none of ``ours``, all of an app.

    A follower of the feed: exact as long as that loses nothing. When it does, and at first, it is ``unsure``, and
    ``look`` asks the gateway.
    """

    def __init__(self, patterns: ChannelPatterns, ours: OwnAccounts) -> None:
        self._patterns, self._ours = patterns, ours
        self._where: dict[Account, ChannelName] = {}
        self._members = Counter[ChannelName]()
        self._listeners: list[ChannelListener] = []
        self._asking = Asking("snapshot", "channels are found only when somebody comes into them")
        self._unsure = True
        self._not_before = 0.0
        self._epoch, self._seq = "", 0

    def __contains__(self, channel: ChannelName) -> bool:
        return channel in self._members

    def become(self, patterns: ChannelPatterns, ours: OwnAccounts) -> None:
        """Care for other channels, or have other accounts; a snapshot is wanted then. Without patterns, for none."""
        self._patterns, self._ours = patterns, ours
        self._unsure, self._not_before = True, 0.0
        if not patterns:
            self._where.clear()
            self._members.clear()

    def names(self) -> tuple[ChannelName, ...]:
        """The channels, those with most members first."""
        return tuple(channel for channel, _ in self._members.most_common())

    @contextmanager
    def told_to(self, listener: ChannelListener) -> Iterator[None]:
        """Tell ``listener`` what changes, until the end of the block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @property
    def unsure(self) -> bool:
        """Whether a snapshot is wanted now."""
        return self._unsure and bool(self._patterns) and trio.current_time() >= self._not_before

    def tell(self, event: Event) -> None:
        """Follow an event of the feed."""
        match event:
            case MemberJoined() | MemberLeft() if event.epoch == self._epoch and event.seq <= self._seq:
                pass  # in the snapshot already
            case MemberJoined(account=account, channel=channel):
                if account not in self._ours:
                    self._move(account, channel if self._patterns.matches(channel) else None)
            case MemberLeft(account=account, channel=channel):
                if self._where.get(account) == channel:
                    self._move(account, None)
            case EventsLost():
                self._unsure, self._not_before = True, 0.0

    async def wait_for_room(self, count: int) -> None:
        """There always is."""

    async def look(self, session: LoginSession) -> None:
        """Take a snapshot. No event of the feed may be told meanwhile.

        One that is refused is asked for again after a while. Raises ``SessionEnded``. A cancel leaves all as it was.
        """
        try:
            pages = await self._asking.ask(session, lambda: _read_pages(session))
        except RequestFailed:
            if session.status is LoginStatus.LOGGED_IN:
                self._not_before = trio.current_time() + LOOK_AGAIN_SECONDS
            return
        self._unsure = False
        self._take(pages)

    def _take(self, pages: Sequence[SnapshotPage]) -> None:
        # Later pages are newer than the first: what the feed tells of the time between is true for them, too.
        self._epoch, self._seq = pages[0].epoch, pages[0].seq
        before = self._members
        self._where = {
            Account(online.account): ChannelName(online.channel)
            for page in pages
            for online in page.sessions
            if online.channel and online.account not in self._ours and self._patterns.matches(online.channel)
        }
        self._members = Counter(self._where.values())
        gone = [channel for channel in before if channel not in self._members]
        new = [channel for channel in self.names() if channel not in before]
        _log.debug("channels by snapshot", live=len(self._members), appeared=len(new), vanished=len(gone))
        for channel in gone:
            self._tell_vanished(channel)
        for channel in new:
            self._tell_appeared(channel)

    def _move(self, account: Account, channel: ChannelName | None) -> None:
        before = self._where.pop(account, None)
        if channel is not None:
            self._where[account] = channel
            self._members[channel] += 1
            if self._members[channel] == 1:
                self._tell_appeared(channel)
        if before is not None:
            self._members[before] -= 1
            if not self._members[before]:
                del self._members[before]
                self._tell_vanished(before)

    def _tell_appeared(self, channel: ChannelName) -> None:
        for listener in self._listeners:
            listener.appeared(channel)

    def _tell_vanished(self, channel: ChannelName) -> None:
        for listener in self._listeners:
            listener.vanished(channel)


async def _read_pages(session: LoginSession) -> list[SnapshotPage]:
    pages = [await session.read_online()]
    while pages[-1].more and pages[-1].sessions:
        pages.append(await session.read_online(pages[-1].sessions[-1].account))
    return pages
