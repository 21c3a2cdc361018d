"""Lanes: what is done, and what would have been. Each has rules, a state, powers and cases of its own.

The ``live`` lane has the rules that are in force. As soon as a rule is in shadow mode there is a ``shadow`` lane, too,
with all rules, as if every one were in force, on powers that only keep book: that is a twin of the bot on the same
traffic, and what it writes down is what the shadow rules would have done. In a dry run the ``dry`` lane takes the live
one's place.
"""

from collections.abc import Callable, Iterable, Sequence

from botkit import WallClock
from bots.moderation.acting.enforcer import Enforcer, Report
from bots.moderation.acting.plan import Planner
from bots.moderation.acting.powers import Powers
from bots.moderation.acting.raids import Raids
from bots.moderation.acting.reconciler import Reconciler
from bots.moderation.acting.simulated import SimulatedPowers
from bots.moderation.cases import queries
from bots.moderation.cases.cells import wanted_level
from bots.moderation.cases.facts import Draft, Lane
from bots.moderation.cases.ledger import Ledger
from bots.moderation.meters import ModerationMeters
from bots.moderation.rules import Fact, Joined, Judgement, Message, RuleSet, RuleState, Scores, Verdict
from bots.moderation.rules.settings import JoinWaveRule


class LaneParts:
    """What all lanes of a bot share."""

    def __init__(
        self,
        ledger: Ledger,
        planner: Planner,
        clock: WallClock,
        meters: ModerationMeters,
        *,
        account: str,
        on_failure: Callable[[Draft, Report], None],
    ) -> None:
        self.ledger, self.planner, self.clock, self.meters = ledger, planner, clock, meters
        self.account, self.on_failure = account, on_failure

    def is_own(self, account: str) -> bool:
        """Whether an account is one of the bot's: its own, or one of its further sessions'."""
        return account == self.account or account.startswith(f"{self.account}~")


class RunningLane:
    """One lane: ``judge`` decides, ``enforce`` acts."""

    def __init__(self, name: Lane, rules: RuleSet, powers: Powers, parts: LaneParts) -> None:
        self.name, self.rules, self.state, self.powers = name, rules, RuleState(), powers
        self.reconciler = Reconciler(parts.ledger, name, powers, parts.clock, is_own=parts.is_own)
        self.enforcer = Enforcer(
            name,
            parts.ledger,
            powers,
            reconciler=self.reconciler,
            planner=parts.planner,
            clock=parts.clock,
            meters=parts.meters,
            on_failure=parts.on_failure,
        )
        self.raids = Raids(self.enforcer, parts.ledger, self.state, parts.account)
        self._parts = parts

    async def load(self) -> None:
        """Take over what an earlier run left: what a simulation has in its book, raids, and acts that are pending."""
        now, database = self._parts.clock.ms(), self._parts.ledger.database
        if isinstance(self.powers, SimulatedPowers):
            for cell in await queries.all_cells(database, self.name):
                _, baseline, acts = await queries.cell_levels(database, self.name, cell)
                self.powers.load(cell, wanted_level(cell, baseline, acts, now))
        rules = [rule.settings for rule in self.rules.rules]
        await self.raids.load({rule.id: rule for rule in rules if isinstance(rule, JoinWaveRule)}, now)

    def judge(self, fact: Fact, scores: Scores) -> Judgement:
        """What the rules say; nothing, when in this lane the fact would not have happened."""
        if isinstance(self.powers, SimulatedPowers) and self.powers.refuses(fact):
            return Judgement(())
        return self.rules.judge(fact, self.state, scores)

    def draft(self, fact: Fact, judgement: Judgement, verdict: Verdict, *, held: bool) -> Draft:
        """The case that a verdict makes."""
        return Draft(
            lane=self.name,
            ms=fact.ms,
            moderator=self._parts.account,
            by=self._parts.account,
            channel=fact.channel,
            account="" if isinstance(fact, Joined) else fact.account,
            rule=verdict.rule,
            version=verdict.version,
            kind=verdict.kind,
            text=fact.text if isinstance(fact, Message) else "",
            start=verdict.start,
            end=verdict.end,
            evidence=verdict.evidence,
            matched=verdict.matched,
            detail=verdict.detail,
            key=verdict.key,
            considered=verdict.considered,
            marks=judgement.marks,
            also=tuple(one.rule for one in judgement.verdicts if one.rule != verdict.rule),
            held=held,
        )

    async def enforce(self, draft: Draft, verdict: Verdict, *, refused: str = "") -> None:
        """Carry a verdict out. Raises ``StoreError``."""
        if verdict.kind == "join_wave":
            await self.raids.on_verdict(draft, verdict)
        else:
            await self.enforcer.enforce(draft, verdict.actions, refused=refused)

    def forgive(self, marks: Iterable[tuple[str, str]]) -> None:
        """Forget that rules found something."""
        for rule, key in marks:
            self.state.forgive(rule, key)

    def change_rules(self, rules: RuleSet) -> None:
        """Go over to other rules: those that stay the same go on with what they remember."""
        rules.adopt(self.state, self.rules)
        self.rules = rules


def make_lanes(rules: RuleSet, sessions: Powers, parts: LaneParts, *, dry_run: bool) -> Sequence[RunningLane]:
    """The lanes of a bot, the one that acts first."""
    acting, shadow = rules_of_lanes(rules)
    if dry_run:
        first = RunningLane("dry", acting, SimulatedPowers(sessions, pass_on=True), parts)
    else:
        first = RunningLane("live", acting, sessions, parts)
    return [first, RunningLane("shadow", shadow, SimulatedPowers(sessions), parts)]


def rules_of_lanes(rules: RuleSet) -> tuple[RuleSet, RuleSet]:
    """The rules of the lane that acts, and those of the shadow lane: all of them, if one is in shadow mode."""
    return rules.only("enforce"), rules if rules.only("shadow").rules else RuleSet(())
