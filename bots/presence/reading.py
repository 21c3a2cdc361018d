"""Puts what was read, of the ledger and of snapshots, into one order, and through the projection. Pure.

The cursor goes through the ledger's numbers. A snapshot is true at a number, too: its pages wait here until the events
up to theirs have been read, and are folded in there. So it never matters what came first.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from bots.presence.projection import Projection
from bots.presence.stays import Cursor, Fact, Page


class Answer(Struct, frozen=True, kw_only=True):
    """What the gateway's ledger said: its ``facts`` behind the cursor, and its newest number, ``last``, at ``ms``.

    ``before``: what was asked for is gone, up to this number; None when nothing is.
    """

    epoch: str
    last: int
    facts: Sequence[Fact]
    before: int | None = None
    ms: int = 0


class Reading:
    """Where the reader is. ``is_ignored`` says of which accounts nothing is kept.

    ``known_ms`` is the gateway's time up to which all is known; None before anything is.
    """

    def __init__(
        self,
        projection: Projection,
        is_ignored: Callable[[str], bool],
        *,
        cursor: Cursor | None = None,
        known_ms: int | None = None,
    ) -> None:
        self.projection = projection
        self.cursor, self.known_ms = cursor, known_ms
        self.is_ignored = is_ignored
        self._pages: list[Page] = []

    @property
    def wants_snapshot(self) -> bool:
        """Whether the gateway has to be asked who is there."""
        return self.projection.gap is not None and not self._pages

    def begin(self, answer: Answer) -> bool:
        """Without a cursor: begin behind the newest event that ``answer`` shows; whether there is one.

        A number that is not shown may be taken back by a gateway that crashes, so it is none to begin at.
        """
        if not answer.facts and answer.last:
            return False
        self.cursor = Cursor(answer.epoch, answer.facts[-1].seq if answer.facts else 0)
        if self.projection.gap is None:
            cause = "nothing is known from before the first start"
            self.projection.lose(self.cursor, cause, from_ms=None, now_ms=answer.ms)
        return True

    def lose(self, cause: str) -> None:
        """What is known may be wrong from here on, for a reason of our own: a snapshot has to say who is there."""
        self.forget_snapshot()
        if self.cursor is not None:
            self.projection.lose(self.cursor, cause, from_ms=self.known_ms)

    def take_snapshot(self, pages: Sequence[Page]) -> None:
        """A whole snapshot, in its order; asked for after the latest answer of the ledger was there."""
        self._pages = [page for page in pages if self.cursor is not None and self._is_ahead(page, self.cursor)]
        if len(self._pages) < len(pages):
            self._pages = []  # of another ledger, or older than what is known: ask again
        self._fold_reached()

    def forget_snapshot(self) -> None:
        """The connection is another one: what the gateway said on the last may be about events that are taken back."""
        self._pages = []

    def take(self, answer: Answer) -> bool:
        """An answer of the ledger to the cursor; whether all is known now that was known to the gateway then."""
        if self.cursor is not None:
            self._pass_holes(answer, self.cursor)
        cursor = self.cursor
        if cursor is None or cursor.epoch != answer.epoch:
            return False
        for fact in answer.facts:
            if fact.seq > cursor.seq:
                self._fold_up_to(fact.seq - 1)
                if fact.kind is not None and not self.is_ignored(fact.account):
                    self.projection.apply(fact)
                self.cursor = cursor = Cursor(fact.epoch, fact.seq)
                self.known_ms = max(self.known_ms or 0, fact.ms)
        self._fold_reached()
        if cursor.seq < answer.last:
            return False
        if answer.ms:
            self.known_ms = max(self.known_ms or 0, answer.ms)
        return True

    def _pass_holes(self, answer: Answer, cursor: Cursor) -> None:
        if answer.epoch != cursor.epoch:
            first = answer.facts[0].seq if answer.facts else 1
            self._skip(cursor, Cursor(answer.epoch, first - 1), "a new epoch of the ledger began")
        elif answer.last < cursor.seq:
            self._skip(cursor, None, "the ledger was set back")
        elif answer.before is not None and answer.facts and answer.facts[0].seq > cursor.seq + 1:
            self._skip(cursor, Cursor(answer.epoch, answer.facts[0].seq - 1), "the ledger no longer has all")

    def _skip(self, cursor: Cursor, to: Cursor | None, cause: str) -> None:
        self.forget_snapshot()
        self.projection.lose(cursor, cause, from_ms=self.known_ms)
        self.cursor = to

    def _fold_reached(self) -> None:
        if self.cursor is not None:
            self._fold_up_to(self.cursor.seq)

    def _fold_up_to(self, seq: int) -> None:
        while self._pages and self._pages[0].seq <= seq:
            page = self._pages.pop(0)
            self.projection.take(page)
            self.known_ms = max(self.known_ms or 0, page.ms)

    @staticmethod
    def _is_ahead(page: Page, cursor: Cursor) -> bool:
        return page.epoch == cursor.epoch and page.seq >= cursor.seq
