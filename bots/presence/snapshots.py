"""Asks the gateway who is there, when the feeds alone cannot say: at the start, and after every gap."""

from collections.abc import Callable, Sequence

import trio
from structlog.typing import FilteringBoundLogger

from botkit import SPECIAL_CHANNELS, LoginSession, SignalingError
from bots.presence.ledger import Ledger
from bots.presence.spans import Moment, Page

QUIET_SECONDS = 0.25
"""When no event that a snapshot includes has come for so long, none is on its way any more."""

MAX_WAIT_SECONDS = 5.0
"""How long a snapshot waits at most for the events that it includes: after that they come too late."""

RETRY_SECONDS, MAX_RETRY_SECONDS = 5.0, 600.0
"""How long to wait after a snapshot that was refused, or got no answer: the first time, and at most."""


class Snapshots:
    """Takes a snapshot into ``ledger`` when one is wanted; of accounts for which ``is_ignored``, nothing.

    One is wanted at first. It needs the server role: without it, that is said once in the log. Until one was got it
    is asked for again from time to time, since there may just have been no connection, which looks the same.
    """

    def __init__(self, ledger: Ledger, is_ignored: Callable[[str], bool]) -> None:
        self._ledger, self._is_ignored = ledger, is_ignored
        self._wanted = True
        self._not_before = 0.0
        self._retry_seconds = RETRY_SECONDS
        self._complaints = set[str]()
        self._pages: Sequence[Page] = ()
        self._quiet = trio.CancelScope()
        self._waits_until = 0.0

    def want(self) -> None:
        """Events are missing: only a snapshot knows who is there now."""
        self._wanted, self._not_before, self._retry_seconds = True, 0.0, RETRY_SECONDS

    def hear(self, moment: Moment) -> None:
        """An event came: if the snapshot at hand includes it, others that it includes may still be on their way."""
        if any(page.includes(moment.epoch, moment.seq) for page in self._pages):
            self._quiet.deadline = min(trio.current_time() + QUIET_SECONDS, self._waits_until)

    async def take_if_wanted(self, session: LoginSession, log: FilteringBoundLogger) -> None:
        """Takes a snapshot if one is wanted.

        Raises ``StoreError`` or ``OSError`` when it cannot be written. A cancel leaves the projection as it was, or
        with some of the pages.
        """
        if not self._wanted or trio.current_time() < self._not_before:
            return
        self._wanted = False  # what is lost from here on needs another one
        with self._ledger.projection.snapshot_on_its_way():
            try:
                self._pages = await self._read(session)
                await self._wait_for_included()
                counts = [await self._ledger.take(page) for page in self._pages]
            except SignalingError as error:
                self._note_failure(error, session, log)
            else:
                found, gone = (sum(numbers) for numbers in zip(*counts, strict=True))
                self._complaints.clear()
                log.info("snapshot", present=sum(len(page.present) for page in self._pages), found=found, gone=gone)
            finally:
                self._pages = ()

    async def _read(self, session: LoginSession) -> list[Page]:
        pages, last, more = list[Page](), "", True
        while more:
            answer = await session.read_online(last)
            after, more = last, answer.more and bool(answer.sessions)
            last = answer.sessions[-1].account if answer.sessions else last
            kept = [online for online in answer.sessions if not self._is_ignored(online.account)]
            present = {(online.account, ""): online.uid for online in kept}
            present |= {
                (online.account, online.channel): online.uid
                for online in kept
                if online.channel and online.channel not in SPECIAL_CHANNELS
            }
            pages.append(
                Page(
                    after=after,
                    last=last if more else None,
                    ms=answer.ms,
                    epoch=answer.epoch,
                    seq=answer.seq,
                    present=present,
                )
            )
        return pages

    async def _wait_for_included(self) -> None:
        """What the feeds are about to tell is better recorded as what it was than found to have happened."""
        now = trio.current_time()
        self._waits_until = now + MAX_WAIT_SECONDS
        with trio.CancelScope(deadline=now + QUIET_SECONDS) as self._quiet:
            await trio.sleep_forever()

    def _note_failure(self, error: SignalingError, session: LoginSession, log: FilteringBoundLogger) -> None:
        self._wanted, self._not_before = True, trio.current_time() + self._retry_seconds
        self._retry_seconds = min(self._retry_seconds * 2, MAX_RETRY_SECONDS)
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            hint = f"it needs the server role: is {session.account} in the gateway's server_accounts?"
            log.warning("no snapshot: who was there before is not known", error=str(error), hint=hint)
