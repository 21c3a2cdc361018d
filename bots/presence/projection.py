"""Who is online and who is in which channel, as spans of time. Pure: events and snapshots in, changed spans out.

Never silently wrong: where events may be missing, the spans that they could have ended are marked uncertain and stay
so. A snapshot then says who is there: what it finds without a span gets an uncertain one, and what has a span but is
not there is closed as unknown.

Events and snapshots come by different ways, so either may be first. Both are numbered: an event that is newer than a
page counts for more than the page, and one that is older changes no more who is there, only what is recorded of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from bots.presence.spans import UNKNOWN, Key, Kind, Moment, Page, Span

MAX_OPEN_SPANS = 200_000
"""How many spans are kept open; past that the oldest is closed as unknown."""


class Projection:
    """The spans that are open now. The methods that take something return the spans that it changed, for the tables."""

    def __init__(self, *, max_open: int = MAX_OPEN_SPANS) -> None:
        self._open: dict[Key, Span] = {}
        self._max_open = max_open
        self._pages: list[Page] = []
        self._gone: dict[Key, Span] = {}
        self._heard: dict[Key, Moment] | None = None

    def begin(self, moment: Moment) -> list[Span]:
        """A login or a join. A span that is still open for it has lost its end: it is closed as unknown."""
        self._note(moment)
        if self._is_in_a_page(moment):
            return []
        changed = []
        left_open = self._open.pop(moment.key, None)
        if left_open is not None:
            changed.append(_closed_as_unknown(left_open, moment.ms))
        return [*changed, *self._add(_heard_of(moment, start_ms=moment.ms))]

    def end(self, moment: Moment) -> list[Span]:
        """A logout or a leave; the span that it ends is the last one.

        Without an open span the beginning was not seen: the span has none and is uncertain.
        """
        self._note(moment)
        if self._is_in_a_page(moment):
            known = self._gone.pop(moment.key, None)
            return [*self._doubt(moment.key), _ended(known, moment)]
        return [_ended(self._open.pop(moment.key, None), moment)]

    def lose(self) -> list[Span]:
        """Events are missing: any open span may have ended. The ones that were not uncertain yet are now."""
        changed = [replace(span, uncertain=True) for span in self._open.values() if not span.uncertain]
        self._open.update((span.key, span) for span in changed)
        return changed

    @contextmanager
    def snapshot_on_its_way(self) -> Iterator[None]:
        """From before a snapshot is asked for until its pages are taken: events that are newer than it are noted."""
        self._heard = {}
        try:
            yield
        finally:
            self._heard = None

    def take(self, page: Page) -> list[Span]:
        """A page of a snapshot; the pages of one come in their order."""
        if not page.after:
            self._pages, self._gone = [], {}
        self._pages.append(replace(page, present={}))
        gone = [
            span
            for key, span in self._open.items()
            if page.covers(span.account) and key not in page.present and not self._knows_newer(key, page)
        ]
        changed = []
        for span in gone:
            del self._open[span.key]
            closed = self._gone[span.key] = _closed_as_unknown(span, page.ms)
            changed.append(closed)
        for key, uid in page.present.items():
            if key not in self._open and not self._knows_newer(key, page):
                changed += self._add(_found(key, uid, page))
        return changed

    def online(self) -> Iterator[str]:
        """The accounts that are online, as far as is known, by when they came."""
        return (account for account, channel in self._open if not channel)

    def members(self, channel: str) -> Iterator[str]:
        """The accounts in a channel, as far as is known, by when they came."""
        return (account for account, inside in self._open if inside == channel)

    def _add(self, span: Span) -> list[Span]:
        changed = [span]
        if len(self._open) >= self._max_open:
            oldest = self._open.pop(next(iter(self._open)))
            changed.insert(0, _closed_as_unknown(oldest, span.start_ms or 0))
        self._open[span.key] = span
        return changed

    def _doubt(self, key: Key) -> list[Span]:
        """A page has overtaken an end, and showed a later stay: the open span is not the one that it was taken for."""
        span = self._open.get(key)
        if span is None or span.uncertain:
            return []
        self._open[key] = replace(span, uncertain=True)
        return [self._open[key]]

    def _note(self, moment: Moment) -> None:
        if self._heard is not None:
            self._heard[moment.key] = moment

    def _knows_newer(self, key: Key, page: Page) -> bool:
        heard = self._heard.get(key) if self._heard else None
        return heard is not None and not page.includes(heard.epoch, heard.seq)

    def _is_in_a_page(self, moment: Moment) -> bool:
        return any(page.covers(moment.account) and page.includes(moment.epoch, moment.seq) for page in self._pages)


def _heard_of(moment: Moment, *, start_ms: int | None) -> Span:
    kind = _kind(moment.key)
    return Span(
        id=f"{kind}/{moment.epoch}/{moment.seq}",
        kind=kind,
        account=moment.account,
        uid=moment.uid,
        channel=moment.channel,
        epoch=moment.epoch,
        start_ms=start_ms,
    )


def _found(key: Key, uid: int, page: Page) -> Span:
    account, channel = key
    kind = _kind(key)
    return Span(
        id=f"{kind}/{page.epoch}/{page.seq}/{' '.join(key).strip()}",  # an account has no blank
        kind=kind,
        account=account,
        uid=uid,
        channel=channel,
        epoch=page.epoch,
        start_ms=page.ms,
        uncertain=True,
    )


def _ended(span: Span | None, moment: Moment) -> Span:
    if span is None:
        span = replace(_heard_of(moment, start_ms=None), uncertain=True)
    uncertain = span.uncertain or span.epoch != moment.epoch
    return replace(span, end_ms=moment.ms, reason=moment.reason, uncertain=uncertain)


def _closed_as_unknown(span: Span, ms: int) -> Span:
    return replace(span, end_ms=max(ms, span.start_ms or 0), reason=UNKNOWN, uncertain=True)


def _kind(key: Key) -> Kind:
    return "member" if key[1] else "online"
