"""The ledger: every event of an app that somebody may have to catch up on, numbered and kept.

Presence, membership, attributes, moderation and calls share one row of numbers, so that their order is told too. With a
durable store a number is used once for ever: what has not been committed has not been shown to anybody either.
"""

import secrets

from botkit.clock import WallClock
from botkit.gateway.journal import Journal
from botkit.gateway.ledger_size import LedgerSize
from botkit.observability.metrics import Counter
from botkit.stores.changes import LedgerAppended, LedgerSnapshot, LedgerStarted, LedgerTrimmed
from botkit.stores.gateway import GatewayStore
from botkit.types import AppId
from botkit.wire.admin import LedgerGap, LedgerPage
from botkit.wire.ledger import STREAM_OF, VERSION, EventName, LedgerEvent, decode_event, encode_event
from botkit.wire.replies import fitting


class Ledger:
    """One app's ledger: at most ``keep_bytes`` of events; once a minute also at most ``keep_events``, and none that is
    more than ``keep_seconds`` old. ``cut`` counts what goes before it is old.

    A page has at most ``page_bytes`` in its answer: events with long attribute values make it shorter.
    """

    def __init__(
        self,
        app: AppId,
        snapshot: LedgerSnapshot | None,
        store: GatewayStore,
        *,
        journal: Journal,
        clock: WallClock,
        page_bytes: int,
        keep_events: int,
        keep_bytes: int,
        keep_seconds: float,
        cut: Counter,
    ) -> None:
        self._app, self._store, self._journal, self._clock = app, store, journal, clock
        self._page_bytes = page_bytes
        self._keep_events, self._keep_bytes, self._keep_seconds = keep_events, keep_bytes, keep_seconds
        self._cut = cut
        if snapshot is None:
            snapshot = LedgerSnapshot(epoch=secrets.token_urlsafe(8))
            journal.append(LedgerStarted(app=app, epoch=snapshot.epoch), promise=False)
        self.epoch, self.last = snapshot.epoch, snapshot.last
        self._last_of = dict(snapshot.last_of)
        self._size = LedgerSize(snapshot.blocks)
        self._forgotten = 0  # events up to this number were cut

    def append(
        self,
        event: EventName,
        account: str,
        uid: int,
        *,
        channel: str = "",
        reason: str = "",
        data: dict[str, str] | None = None,
    ) -> LedgerEvent:
        """Number and keep an event."""
        stream = STREAM_OF[event]
        numbered = LedgerEvent(
            v=VERSION,
            event=event,
            account=account,
            uid=uid,
            channel=channel,
            ms=self._clock.ms(),
            reason=reason,
            epoch=self.epoch,
            seq=self.last + 1,
            prev=self._last_of.get(stream, 0),
            data=data or {},
        )
        change = LedgerAppended(
            app=self._app, seq=numbered.seq, stream=stream, ms=numbered.ms, text=encode_event(numbered)
        )
        self._journal.append(change)
        self.last = self._last_of[stream] = numbered.seq
        self._size.add(numbered.seq, numbered.ms, len(change.text.encode()))
        if self._size.total > self._keep_bytes:
            self._forget_bytes()
        return numbered

    async def read(self, epoch: str, after: int, limit: int) -> LedgerPage:
        """The events after cursor (``epoch``, ``after``), what is gone of them as a gap. Raises ``StoreError``.

        An empty epoch, or 0, asks from the beginning of what is kept.
        """
        foreign = epoch not in ("", self.epoch) or after > self.last
        if foreign:
            after = 0
        kept = await self._store.read_ledger(self._app, after, limit, self._page_bytes)
        # Events may have been forgotten between the two.
        first = kept.events[0][0] if kept.events else kept.oldest or self.last + 1
        gap = LedgerGap(epoch=epoch if foreign else self.epoch, after=after, before=first)
        missing = foreign or (epoch != "" and after + 1 < first)
        events = fitting(tuple(decode_event(text) for _, text in kept.events), self._page_bytes)
        now = self._clock.ms()
        return LedgerPage(epoch=self.epoch, last=self.last, events=events, gap=gap if missing else None, ms=now)

    def last_of_streams(self) -> dict[str, int]:
        """The newest number of each stream that has one."""
        return dict(self._last_of)

    def trim(self) -> None:
        """Forget what is too old or too many; what is too large went at once."""
        before_ms = self._clock.ms() - int(self._keep_seconds * 1000)
        seq = max(0, self.last - self._keep_events)
        self._size.forget(0, before_ms)
        self._forget(seq, before_ms, "events", self._size.first)
        self._size.forget(seq, 0)

    def _forget_bytes(self) -> None:
        first = self._size.first
        seq = self._size.shrink(self._keep_bytes)
        if seq:
            self._forget(seq, 0, "bytes", first)

    def _forget(self, seq: int, before_ms: int, bound: str, first: int) -> None:
        """``first`` is the oldest event that there was until now: what is gone for its age was not cut."""
        self._journal.append(LedgerTrimmed(app=self._app, seq=seq, before_ms=before_ms), promise=False)
        cut = seq - max(self._forgotten, (first or self.last + 1) - 1)
        if cut > 0:
            self._cut.add_for(bound, cut)
            self._forgotten = seq
