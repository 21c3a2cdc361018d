"""Carries verdicts out: the case is written, each act is done, and what became of it is written behind."""

from collections.abc import Callable, Mapping, Sequence

import structlog
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit import BotkitError, ErrorCode, SignalingError, WallClock
from bots.moderation.acting.plan import Planner, with_case
from bots.moderation.acting.powers import Powers
from bots.moderation.acting.reconciler import Reconciler
from bots.moderation.acting.turns import Turns
from bots.moderation.cases import queries
from bots.moderation.cases.facts import MANUAL, Act, Cell, Done, Draft, Lane
from bots.moderation.cases.ledger import Ledger
from bots.moderation.meters import ModerationMeters
from bots.moderation.rules.actions import Action

GRACE_MS = 5_000
"""For so long after a mute messages still arrive that were sent before it took effect."""

WITHOUT_EFFECT = ("strike", "hold", "drop")
"""Acts that are done by being written down."""

_MAY_BE_DONE = frozenset({ErrorCode.GENERAL_E_UNKNOWN, ErrorCode.SENDMESSAGE_E_TIMEOUT})
_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class Report(Struct, frozen=True, kw_only=True):
    """What was done in a case: its number, its acts, and what became of each."""

    case: int
    acts: tuple[Act, ...]
    done: tuple[Done, ...]

    @property
    def failures(self) -> list[str]:
        """Acts that failed, in words."""
        pairs = zip(self.acts, self.done, strict=True)
        return [f"{act.verb} {act.account or act.channel}: {done.problem}" for act, done in pairs if done.problem]


class Enforcer:
    """Carries out the cases of one lane; those of one account one after the other. All raise ``StoreError``.

    ``on_failure`` hears of every case in which something failed.
    """

    def __init__(
        self,
        lane: Lane,
        ledger: Ledger,
        powers: Powers,
        *,
        reconciler: Reconciler,
        planner: Planner,
        clock: WallClock,
        meters: ModerationMeters,
        on_failure: Callable[[Draft, Report], None],
    ) -> None:
        self.lane, self.planner = lane, planner
        self._ledger, self._powers, self._reconciler = ledger, powers, reconciler
        self._clock, self._meters, self._on_failure = clock, meters, on_failure
        self._turns = Turns[str]()

    async def enforce(
        self, draft: Draft, actions: Sequence[Action], *, accounts: Sequence[str] = (), refused: str = ""
    ) -> Report:
        """Write the case and carry it out. ``refused``: what the author of a message was told that is not delivered.

        Whatever fails is written down, counted and told, and does not stop the rest. A cancel leaves acts pending: the
        next start sees to them.
        """
        async with self._turns.take(draft.account or f"in {draft.channel}"):
            if await self._was_under_way(draft):
                actions = ()
            strikes = await self._ledger.strikes(self.lane, draft.account, draft.ms)
            acts = self.planner.plan(draft, actions, strikes=strikes, now=self._clock.ms(), accounts=accounts)
            if refused:
                acts.insert(0, Act(verb="drop", account=draft.account, channel=draft.channel, text=refused))
            strikes += sum(act.verb == "strike" for act in acts)
            async with self._reconciler.baselines(_cells(acts)) as baselines:
                case = await self._ledger.open_case(draft, acts, strikes, baselines)
            done = await self._carry_out(case, acts, baselines.problems)
        report = Report(case=case, acts=tuple(acts), done=done)
        self._tell(draft, report)
        return report

    async def extend(self, case: int, draft: Draft, acts: Sequence[Act]) -> Report:
        """Do more in a case that is open."""
        async with self._reconciler.baselines(_cells(acts)) as baselines:
            first = await queries.next_act(self._ledger.database, case)
            await self._ledger.add_acts(case, self.lane, first, acts=acts, baselines=baselines, ms=self._clock.ms())
        done = await self._carry_out(case, acts, baselines.problems, first=first)
        report = Report(case=case, acts=tuple(acts), done=done)
        self._tell(draft, report)
        return report

    async def recover(self, newest: int) -> bool:
        """See to what an earlier run (cases up to ``newest``), or a lost connection, left pending; whether all is done.

        What was put in force is set anew; whether somebody was told, nobody knows.
        """
        pending = await queries.pending_acts(self._ledger.database, self.lane, newest)
        clean = True
        for case, acts in pending.items():
            done = [await self._settle_pending(case, seq, act) for seq, act in acts]
            clean = clean and all(one.outcome != "pending" for one in done)
            await self._ledger.close_acts(case, self.lane, done, self._clock.ms())
        return clean

    async def _was_under_way(self, draft: Draft) -> bool:
        """Whether the message was sent before a mute that has just taken effect: it costs nothing more."""
        if self.lane != "live" or draft.held or draft.rule == MANUAL:
            return False
        now = self._clock.ms()
        return await queries.was_muted_since(
            self._ledger.database, self.lane, draft.account, draft.channel, since_ms=now - GRACE_MS, now=now
        )

    async def _carry_out(
        self, case: int, acts: Sequence[Act], problems: Mapping[Cell, str], *, first: int = 1
    ) -> tuple[Done, ...]:
        done = []
        for seq, act in enumerate(acts, first):
            cell = act.cell
            if cell is not None and cell in problems:
                done.append(Done(seq=seq, outcome="failed", problem=problems[cell]))
            else:
                done.append(await self._do(case, seq, act))
        await self._ledger.close_acts(case, self.lane, done, self._clock.ms())
        for act, one in zip(acts, done, strict=True):
            self._meters.acts.add_for(f"{act.verb} {one.outcome}")
        return tuple(done)

    async def _do(self, case: int, seq: int, act: Act) -> Done:
        try:
            await self._use_powers(case, act)
        except SignalingError as error:
            again = act.cell is not None and error.code in _MAY_BE_DONE
            return Done(seq=seq, outcome="pending" if again else "failed", problem=str(error))
        except BotkitError as error:
            if act.cell is not None:
                raise
            return Done(seq=seq, outcome="failed", problem=str(error))
        return Done(seq=seq, outcome="done")

    async def _use_powers(self, case: int, act: Act) -> None:
        text = with_case(act.text, case)
        if (cell := act.cell) is not None:
            await self._reconciler.settle(cell)
        match act.verb:
            case "kick":
                await self._powers.kick(act.account, act.channel, text)
            case "warn" | "tell" | "alert":
                await self._powers.tell(act.account, text)
            case "notice":
                await self._powers.say(act.channel, text)

    async def _settle_pending(self, case: int, seq: int, act: Act) -> Done:
        if act.cell is not None:
            return await self._do(case, seq, act)
        if act.verb in WITHOUT_EFFECT:
            return Done(seq=seq, outcome="done")
        return Done(seq=seq, outcome="failed", problem="the bot stopped before the outcome was known")

    def _tell(self, draft: Draft, report: Report) -> None:
        facts = {"about": draft.account, "by": draft.by, "channel": draft.channel, "rule": draft.rule}
        facts["evidence"] = draft.evidence[:80]
        acts = ", ".join(dict.fromkeys(act.verb for act in report.acts)) or "none"
        self._meters.cases.add_for(self.lane)
        if report.failures:
            _log.error("verdict", lane=self.lane, case=report.case, acts=acts, failed=report.failures, **facts)
            self._on_failure(draft, report)
        else:
            _log.info("verdict", lane=self.lane, case=report.case, acts=acts, **facts)


def _cells(acts: Sequence[Act]) -> list[Cell]:
    return [cell for act in acts if (cell := act.cell) is not None]
