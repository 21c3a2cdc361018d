"""Sets cells to what should be in force there. It can be asked at any time, and does nothing where all is right."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from botkit import SignalingError, WallClock
from bots.moderation.acting.powers import Powers
from bots.moderation.acting.turns import Turns
from bots.moderation.cases import queries
from bots.moderation.cases.cells import same_level, wanted_level
from bots.moderation.cases.facts import Cell, Lane, Level
from bots.moderation.cases.ledger import Baselines, Ledger


class Reconciler:
    """Brings what is in force at ``powers`` in line with the ledger, cell by cell.

    ``is_own`` tells whether an account is one of the bot's.
    """

    def __init__(
        self, ledger: Ledger, lane: Lane, powers: Powers, clock: WallClock, *, is_own: Callable[[str], bool]
    ) -> None:
        self._ledger, self._lane, self._powers, self._clock = ledger, lane, powers, clock
        self._is_own, self._turns = is_own, Turns[Cell]()

    async def settle(self, cell: Cell) -> None:
        """Set a cell. Raises ``SignalingError``, and then it is still to be set, and ``StoreError``.

        What is in force by somebody else's hand, put there after ours, is left alone once none of our acts counts.
        """
        async with self._turns.take(cell):
            known, baseline, acts = await queries.cell_levels(self._ledger.database, self._lane, cell)
            if not known:
                return
            wanted = wanted_level(cell, baseline, acts, self._clock.ms())
            actual = await self._powers.read(cell)
            foreign = not acts and not same_level(actual, baseline) and not await self._is_ours(cell, actual)
            if not foreign and not same_level(actual, wanted):
                await self._powers.set(cell, wanted)
            await self._ledger.settle(self._lane, cell)

    @asynccontextmanager
    async def baselines(self, cells: Iterable[Cell]) -> AsyncIterator[Baselines]:
        """What is in force in those of ``cells`` that the ledger does not know yet; none is set inside of the block."""
        levels: dict[Cell, Level | None] = {}
        problems: dict[Cell, str] = {}
        async with AsyncExitStack() as turns:
            for cell in sorted(set(cells)):
                await turns.enter_async_context(self._turns.take(cell))
                known, _, _ = await queries.cell_levels(self._ledger.database, self._lane, cell)
                if known:
                    continue
                try:
                    levels[cell] = await self._powers.read(cell)
                except SignalingError as error:
                    problems[cell] = str(error)
            yield Baselines(levels, problems)

    async def _is_ours(self, cell: Cell, actual: Level | None) -> bool:
        if actual is None:
            return True
        if cell.kind == "slow":
            return actual.rate in await queries.our_rates(self._ledger.database, cell)
        return not actual.by or self._is_own(actual.by)
