"""Who is online and who is in which channel, as spans of time. Pure: events in, changed spans out.

A span is one stay: of an account in the service (``online``) or in a channel (``member``). It is open until its
end is told. Never silently wrong: where events may be missing, the spans that they could have ended are marked
uncertain and stay so.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

Kind: TypeAlias = Literal["online", "member"]

UNKNOWN = "unknown"
"""The reason of an end that nobody told."""

MAX_OPEN_SPANS = 200_000
"""How many spans are kept open; past that the oldest is closed as unknown."""


class Moment(Struct, frozen=True, kw_only=True):
    """An event of a special channel: ``channel`` is empty for the service, ``reason`` for a beginning."""

    account: str
    uid: int
    ms: int
    epoch: str
    seq: int
    channel: str = ""
    reason: str = ""

    @property
    def kind(self) -> Kind:
        """What begins or ends."""
        return "member" if self.channel else "online"


class Span(Struct, frozen=True, kw_only=True):
    """One stay. ``start_ms`` is None if the beginning was not seen, ``end_ms`` None while it lasts.

    ``id`` is made of the event that the span was first heard of with, so that reading the same event again
    changes nothing. ``uncertain`` is true when an end, or an end and a new beginning, may have been missed.
    """

    id: str
    kind: Kind
    account: str
    uid: int
    channel: str
    epoch: str
    start_ms: int | None = None
    end_ms: int | None = None
    reason: str = ""
    uncertain: bool = False


class Projection:
    """The spans that are open now. Every method returns the spans that it changed, for the tables."""

    def __init__(self, *, max_open: int = MAX_OPEN_SPANS) -> None:
        self._open: dict[tuple[str, str], Span] = {}
        self._max_open = max_open

    def begin(self, moment: Moment) -> list[Span]:
        """A login or a join. A span that is still open for it has lost its end: it is closed as unknown."""
        key = (moment.account, moment.channel)
        changed = []
        left_open = self._open.pop(key, None)
        if left_open is not None:
            changed.append(_closed_as_unknown(left_open, moment.ms))
        elif len(self._open) >= self._max_open:
            oldest = self._open.pop(next(iter(self._open)))
            changed.append(_closed_as_unknown(oldest, moment.ms))
        self._open[key] = span = _first_heard_of(moment, start_ms=moment.ms)
        return [*changed, span]

    def end(self, moment: Moment) -> list[Span]:
        """A logout or a leave. Without an open span the beginning was not seen: the span has none and is uncertain."""
        span = self._open.pop((moment.account, moment.channel), None)
        if span is None:
            span = replace(_first_heard_of(moment, start_ms=None), uncertain=True)
        uncertain = span.uncertain or span.epoch != moment.epoch
        return [replace(span, end_ms=moment.ms, reason=moment.reason, uncertain=uncertain)]

    def lose(self) -> list[Span]:
        """Events are missing: any open span may have ended. The ones that were not uncertain yet are now."""
        changed = [replace(span, uncertain=True) for span in self._open.values() if not span.uncertain]
        self._open.update({(span.account, span.channel): span for span in changed})
        return changed

    def online(self) -> Iterator[str]:
        """The accounts that are online, as far as is known, by when they came."""
        return (account for account, channel in self._open if not channel)

    def members(self, channel: str) -> Iterator[str]:
        """The accounts in a channel, as far as is known, by when they came."""
        return (account for account, inside in self._open if inside == channel)


def _first_heard_of(moment: Moment, *, start_ms: int | None) -> Span:
    return Span(
        id=f"{moment.kind}/{moment.epoch}/{moment.seq}",
        kind=moment.kind,
        account=moment.account,
        uid=moment.uid,
        channel=moment.channel,
        epoch=moment.epoch,
        start_ms=start_ms,
    )


def _closed_as_unknown(span: Span, ms: int) -> Span:
    return replace(span, end_ms=ms, reason=UNKNOWN, uncertain=True)
