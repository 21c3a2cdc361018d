"""Taking cases back, and whatever else was left to do: it can be asked at any time, and again."""

from collections.abc import Sequence

import structlog
import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit import SignalingError, WallClock
from bots.moderation.cases import queries
from bots.moderation.cases.facts import Case
from bots.moderation.cases.ledger import Ledger
from bots.moderation.cases.selection import Selection
from bots.moderation.lanes import RunningLane
from bots.moderation.meters import ModerationMeters

FIRST_PAUSE, MAX_PAUSE = 2.0, 60.0
"""Seconds until what could not be set is tried again, at first and at last."""

BATCH = 100
"""Cells of one lane that are set at a time."""

_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class Undone(Struct, frozen=True, kw_only=True):
    """What an undo did: the cases, what cannot be taken back in words, and cells that are still to be set."""

    cases: tuple[int, ...]
    kept: tuple[str, ...]
    pending: int


class Undoer:
    """Undoes by selection, and follows what others (the shell, another process) undid in the same database."""

    def __init__(
        self, ledger: Ledger, lanes: Sequence[RunningLane], clock: WallClock, meters: ModerationMeters
    ) -> None:
        self._ledger, self._lanes, self._clock, self._meters = ledger, lanes, clock, meters
        self._seen = self._before = 0
        self._turn = trio.Lock()
        self._pause, self._not_before = FIRST_PAUSE, 0.0

    async def start(self) -> None:
        """Begin to follow: what was undone before this needs no forgetting, since nothing is remembered yet."""
        self._seen = self._before = await queries.newest_record(self._ledger.database)

    async def undo(self, selection: Selection, by: str) -> Undone:
        """Take these cases back, in the lane that acts. Raises ``StoreError``.

        A cancel leaves it undone or not; what is in force follows as soon as the bot gets to it.
        """
        lane = self._lanes[0].name
        cases = await self._ledger.undo(selection, lane, by, self._clock.ms())
        self._not_before = 0.0
        await self.catch_up()
        kept = await queries.acts_for_good(self._ledger.database, cases)
        pending = len(await queries.dirty_cells(self._ledger.database, lane))
        _log.info("undone", selection=str(selection), by=by, cases=cases, pending=pending)
        return Undone(cases=tuple(cases), kept=tuple(kept), pending=pending)

    async def catch_up(self) -> None:
        """Forget what belongs to undone cases, and set the cells that are to be set. Raises ``StoreError``."""
        async with self._turn:
            await self._forget_undone()
            if trio.current_time() < self._not_before:
                return
            settled = [await self._settle(lane) for lane in self._lanes]
            if all(settled):
                self._pause = FIRST_PAUSE
            else:
                self._not_before = trio.current_time() + self._pause
                self._pause = min(2 * self._pause, MAX_PAUSE)

    async def _forget_undone(self) -> None:
        for number, body in await queries.undone_since(self._ledger.database, self._seen):
            self._seen = number
            for one in body.cases:
                case = await queries.read_case(self._ledger.database, one)
                if case is not None:
                    self._forget(case)
            self._meters.undone.add(len(body.cases))

    def _forget(self, case: Case) -> None:
        for lane in self._lanes:
            if lane.name == case.draft.lane:
                lane.raids.forget(case.id)
                lane.forgive(case.draft.marks)

    async def _settle(self, lane: RunningLane) -> bool:
        clean = True
        for cell in await queries.dirty_cells(self._ledger.database, lane.name, limit=BATCH):
            try:
                await lane.reconciler.settle(cell)
            except SignalingError as error:
                clean = False
                self._meters.retries.add()
                facts = {"lane": lane.name, "kind": cell.kind, "account": cell.account, "channel": cell.channel}
                _log.warning("what should be in force cannot be set, later again", problem=str(error), **facts)
        return await lane.enforcer.recover(self._before) and clean
