"""A set of rules, compiled: facts and a state in, verdicts out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from bots.moderation.normalise import Normalised, normalise
from bots.moderation.rules.actions import VERBS, Action, parse_action
from bots.moderation.rules.content import CapsCheck, LinksCheck, MentionsCheck, RegexCheck, ScoreCheck, WordsCheck
from bots.moderation.rules.exemptions import Exemptions
from bots.moderation.rules.facts import Check, Fact, Finding, Message, Mode, Scores, Verdict
from bots.moderation.rules.rates import (
    CrossChannelCheck,
    FloodCheck,
    JoinWaveCheck,
    NewJoinerCheck,
    RepeatCheck,
)
from bots.moderation.rules.settings import (
    AnyRule,
    CapsRule,
    CrossChannelRule,
    Exempt,
    FloodRule,
    JoinWaveRule,
    LinksRule,
    MentionsRule,
    NewJoinerRule,
    RegexRule,
    RepeatRule,
    ScoreRule,
    WordsRule,
)
from bots.moderation.rules.state import RuleState

NO_SCORES: Scores = MappingProxyType({})
_NO_TEXT = normalise("")


class Failure(NamedTuple):
    """A rule that raised, and what."""

    rule: str
    error: Exception


class Judgement(NamedTuple):
    """What a set of rules says of a fact: verdicts in the order of the rules, and rules that could not be asked."""

    verdicts: tuple[Verdict, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def chosen(self) -> Verdict | None:
        """The verdict that is carried out: a fact costs one case. The hardest; of equals that of the first rule.

        One that goes on with an earlier finding is only chosen when there is no other.
        """
        return max(self.verdicts, key=lambda one: (not one.again, _hardness(one)), default=None)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What the rules remember now because they found something: see ``RuleState.forgive``."""
        return tuple((one.rule, one.key) for one in self.verdicts if one.key and not one.again)


class CompiledRule(NamedTuple):
    """A rule ready to judge."""

    settings: AnyRule
    version: str
    actions: tuple[Action, ...]
    exemptions: Exemptions
    check: Check


class RuleSet:
    """Rules, compiled. ``exempt`` holds for all of them. It keeps nothing between facts: that is the state's.

    Raises ``ValueError`` for a rule that cannot be compiled; those that come from a file were checked before.
    """

    def __init__(self, rules: Iterable[AnyRule], exempt: Exempt | None = None) -> None:
        everybody = exempt or Exempt()
        self._rules = [_compile(rule, everybody) for rule in rules if rule.mode != "off"]

    @classmethod
    def _of(cls, rules: Sequence[CompiledRule]) -> "RuleSet":
        made = cls(())
        made._rules = list(rules)
        return made

    @property
    def rules(self) -> Sequence[CompiledRule]:
        """All that are not off."""
        return tuple(self._rules)

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of each rule by its id: 8 hex digits of what the rule says. The same words, the same version."""
        return {rule.settings.id: rule.version for rule in self._rules}

    @property
    def scorers(self) -> Collection[str]:
        """The scorers that are asked about each message, by name."""
        return {rule.settings.scorer for rule in self._rules if isinstance(rule.settings, ScoreRule)}

    @property
    def watches_joins(self) -> bool:
        """Whether there is a rule for people who join."""
        return any(isinstance(rule.settings, JoinWaveRule | NewJoinerRule) for rule in self._rules)

    def only(self, *modes: Mode) -> "RuleSet":
        """The rules of these modes as a set of their own."""
        return RuleSet._of([rule for rule in self._rules if rule.settings.mode in modes])

    def judge(
        self, fact: Fact, state: RuleState, scores: Scores = NO_SCORES, text: Normalised | None = None
    ) -> Judgement:
        """Apply every rule to ``fact``, and have ``state`` remember it. A rule that raises does not stop the others.

        ``text`` is the message's, from ``normalised``, where several sets judge it.
        """
        text = text or normalised(fact)
        verdicts: list[Verdict] = []
        failures: list[Failure] = []
        for rule in self._rules:
            try:
                verdict = _apply(rule, fact, text, state, scores)
            except Exception as error:  # noqa: BLE001 - the border of a rule: one that is broken is told, and is alone
                failures.append(Failure(rule.settings.id, error))
                continue
            if verdict is not None:
                verdicts.append(verdict)
        return Judgement(tuple(verdicts), tuple(failures))

    def adopt(self, state: RuleState, before: "RuleSet") -> None:
        """Have ``state``, which was kept with the rules ``before``, go on with these: rules that differ begin anew."""
        old = before.versions
        state.keep_only(rule for rule, version in self.versions.items() if old.get(rule) == version)


def normalised(fact: Fact) -> Normalised:
    """What rules see of a fact's text."""
    return normalise(fact.text) if isinstance(fact, Message) else _NO_TEXT


def version_of(rule: AnyRule) -> str:
    """The version of a rule: 8 hex digits of all that it says."""
    return blake2b(msgspec.json.encode(rule, order="sorted"), digest_size=4).hexdigest()


def _apply(rule: CompiledRule, fact: Fact, text: Normalised, state: RuleState, scores: Scores) -> Verdict | None:
    settings = rule.settings
    if not rule.exemptions.holds(fact.channel):
        return None
    if settings.remembers and rule.exemptions.cover(fact):  # who is exempt is not counted either
        return None
    finding = rule.check.check(fact, text, state, scores)
    if finding is None or rule.exemptions.cover(fact):
        return None
    return _verdict(rule, fact, finding)


def _verdict(rule: CompiledRule, fact: Fact, finding: Finding) -> Verdict:
    settings = rule.settings
    return Verdict(
        rule=settings.id,
        version=rule.version,
        kind=settings.kind,
        mode=settings.mode,
        actions=rule.actions,
        deliver=settings.deliver,
        detail=finding.detail,
        start=finding.start,
        end=finding.end,
        evidence=fact.text[finding.start : finding.end] if isinstance(fact, Message) else "",
        matched=finding.matched,
        key=finding.key,
        again=finding.again,
        accounts=finding.accounts,
        considered=rule.exemptions.considered(fact),
    )


def _compile(rule: AnyRule, everybody: Exempt) -> CompiledRule:
    actions = tuple(parse_action(text) for text in rule.then)
    exemptions = Exemptions((everybody, rule.exempt), rule.channels)
    return CompiledRule(rule, version_of(rule), actions, exemptions, _check_of(rule))


def _check_of(rule: AnyRule) -> Check:
    match rule:
        case WordsRule():
            return WordsCheck(rule.words)
        case RegexRule():
            return RegexCheck(rule.patterns)
        case LinksRule():
            return LinksCheck(rule.allowed, rule.bare_endings)
        case MentionsRule():
            return MentionsCheck(rule.at_most)
        case CapsRule():
            return CapsCheck(rule.share, rule.letters)
        case FloodRule():
            return FloodCheck(rule)
        case RepeatRule():
            return RepeatCheck(rule)
        case NewJoinerRule():
            return NewJoinerCheck(rule)
        case CrossChannelRule():
            return CrossChannelCheck(rule)
        case JoinWaveRule():
            return JoinWaveCheck(rule)
        case ScoreRule():
            return ScoreCheck(rule.scorer, rule.at_least)


def _hardness(verdict: Verdict) -> int:
    return max(VERBS.index(action.verb) for action in verdict.actions)
