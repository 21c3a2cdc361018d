"""How many bytes a ledger takes, and which of its events are beyond a bound.

Events are counted in blocks of neighbours, so that a million of them cost little memory; a bound drops whole blocks.
"""

from collections import deque
from collections.abc import Iterable

from botkit.stores.changes import LedgerBlock

BLOCK_EVENTS = 256
BLOCK_BYTES = 64 * 1024


class LedgerSize:
    """The blocks of one ledger, oldest first; ``total`` is what they take."""

    def __init__(self, blocks: Iterable[LedgerBlock]) -> None:
        self._blocks = deque(blocks)
        self._open: LedgerBlock | None = None
        self.total = sum(block.size for block in self._blocks)

    def add(self, seq: int, ms: int, size: int) -> None:
        """The ledger has an event more, its newest."""
        block = self._open
        if block is None or seq - block.first >= BLOCK_EVENTS or block.size >= BLOCK_BYTES:
            block = self._open = LedgerBlock(first=seq, last=seq, ms=ms, size=0)
            self._blocks.append(block)
        block.last, block.ms = seq, max(block.ms, ms)
        block.size += size
        self.total += size

    @property
    def first(self) -> int:
        """The number of the oldest event, 0 when there is none."""
        return self._blocks[0].first if self._blocks else 0

    def forget(self, seq: int, before_ms: int) -> None:
        """Events up to ``seq`` and from before ``before_ms`` are gone; of a block with others none is taken off."""
        while self._blocks and (self._blocks[0].last <= seq or self._blocks[0].ms < before_ms):
            self._drop()

    def shrink(self, most: int) -> int:
        """Drop the oldest blocks beyond ``most`` bytes; the newest number of these, 0 when there are none.

        The newest block stays, however large.
        """
        seq = 0
        while self.total > most and len(self._blocks) > 1:
            seq = self._drop().last
        return seq

    def _drop(self) -> LedgerBlock:
        block = self._blocks.popleft()
        self.total -= block.size
        if block is self._open:
            self._open = None
        return block
