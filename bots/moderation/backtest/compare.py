"""Two sets of rules on the same facts, and what differs."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from msgspec import Struct

from bots.moderation.learning.model import LearnedScorer
from bots.moderation.rules import Fact, Joined, Judgement, Message, RuleSet, RuleState, Verdict
from bots.moderation.rules.ruleset import normalised
from bots.moderation.rules.settings import RuleFile

Change: TypeAlias = Literal["new", "lost", "changed"]
"""``new``: nothing was found before. ``lost``: nothing is found any more. ``changed``: by other rules, or otherwise."""


class Hit(Struct, frozen=True):
    """What one rule says of a fact, as far as it can differ."""

    rule: str
    version: str
    mode: str
    actions: tuple[str, ...]
    evidence: str

    @classmethod
    def of(cls, verdict: Verdict) -> "Hit":
        """The hit of a verdict."""
        return cls(verdict.rule, verdict.version, verdict.mode, tuple(map(str, verdict.actions)), verdict.evidence)

    @property
    def effect(self) -> tuple[object, ...]:
        """All but the version: a rule that is only written otherwise changes nothing."""
        return self.rule, self.mode, self.actions, self.evidence


class Difference(Struct, frozen=True, kw_only=True):
    """A fact of which the two sets say different things. ``number`` counts facts from 1."""

    number: int
    change: Change
    ms: int
    channel: str
    account: str
    text: str
    old: tuple[Hit, ...]
    new: tuple[Hit, ...]


@dataclass
class Tally:
    """The sums. Accounts are counted by what was found about them."""

    facts: int = 0
    messages: int = 0
    accounts: set[str] = field(default_factory=set)
    changes: Counter[Change] = field(default_factory=Counter)
    old_hits: Counter[str] = field(default_factory=Counter)
    new_hits: Counter[str] = field(default_factory=Counter)
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    affected: dict[Change, set[str]] = field(default_factory=lambda: {"new": set(), "lost": set(), "changed": set()})
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def affected_accounts(self) -> set[str]:
        """Everybody of whom something else is said now."""
        return set().union(*self.affected.values())


_NOTHING = Judgement(())


class Comparison:
    """Applies the ``old`` and the ``new`` rules to facts, in order. ``on_difference`` is told each difference at once.

    Rules that are the same in both are applied once. ``models`` are the scorers that rules may ask, by name; a rule
    that asks for another one gets no answer.
    """

    def __init__(
        self,
        old: RuleFile,
        new: RuleFile,
        on_difference: Callable[[Difference], None],
        models: dict[str, LearnedScorer] | None = None,
    ) -> None:
        self.tally = Tally()
        self._on_difference, self._models = on_difference, models or {}
        same = {rule.id for rule in old.rules if old.exempt == new.exempt and rule in new.rules}
        self._both = RuleSet([rule for rule in old.rules if rule.id in same], old.exempt)
        self._old = RuleSet([rule for rule in old.rules if rule.id not in same], old.exempt)
        self._new = RuleSet([rule for rule in new.rules if rule.id not in same], new.exempt)
        self._sets = [(bool(rules.rules), rules, RuleState()) for rules in (self._both, self._old, self._new)]
        self._scorers = {name for rules in (self._both, self._old, self._new) for name in rules.scorers}
        self._order = {rule.id: number for number, rule in enumerate((*old.rules, *new.rules))}

    @property
    def missing_scorers(self) -> Sequence[str]:
        """The scorers that rules ask for, and that are not there."""
        return sorted(self._scorers - set(self._models))

    def judge_all(self, facts: Iterable[Fact]) -> Tally:
        """Judge all of them; the sums."""
        for fact in facts:
            self._judge(fact)
        return self.tally

    def _judge(self, fact: Fact) -> None:
        tally = self.tally
        tally.facts += 1
        tally.accounts.add(fact.account)
        scores: dict[str, float | None] = {}
        if isinstance(fact, Message):
            tally.messages += 1
            if self._scorers:
                scores = {name: self._score(name, fact.text) for name in self._scorers}
        text = normalised(fact)
        both, old, new = [
            rules.judge(fact, state, scores, text) if some else _NOTHING for some, rules, state in self._sets
        ]
        if both.verdicts or old.verdicts or new.verdicts or both.failures or old.failures or new.failures:
            self._compare(fact, both, old, new)

    def _score(self, name: str, text: str) -> float | None:
        model = self._models.get(name)
        return None if model is None else model.score(text)

    def _compare(self, fact: Fact, both: Judgement, old: Judgement, new: Judgement) -> None:
        tally = self.tally
        tally.failures.update(failure.rule for judged in (both, old, new) for failure in judged.failures)
        before, after = self._hits(both, old), self._hits(both, new)
        rules_before, rules_after = {hit.rule for hit in before}, {hit.rule for hit in after}
        tally.old_hits.update(rules_before)
        tally.new_hits.update(rules_after)
        tally.gained.update(rules_after - rules_before)
        tally.lost.update(rules_before - rules_after)
        if [hit.effect for hit in before] == [hit.effect for hit in after]:
            return
        change: Change = "changed" if before and after else "new" if after else "lost"
        tally.changes[change] += 1
        tally.affected[change].add(fact.account)
        self._on_difference(
            Difference(
                number=tally.facts,
                change=change,
                ms=fact.ms,
                channel=fact.channel,
                account=fact.account,
                text="" if isinstance(fact, Joined) else fact.text,
                old=before,
                new=after,
            )
        )

    def _hits(self, *judged: Judgement) -> tuple[Hit, ...]:
        """The hits of all rules; what only goes on with an earlier finding is none."""
        hits = [Hit.of(verdict) for one in judged for verdict in one.verdicts if not verdict.again]
        return tuple(sorted(hits, key=lambda hit: self._order[hit.rule]))
