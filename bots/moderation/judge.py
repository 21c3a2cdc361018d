"""Deciding, without acting: a message and the time in, verdicts out; strikes in, a sanction out."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from msgspec import Struct

from bots.moderation.flood import FloodMeter
from bots.moderation.links import MAX_HOST_LENGTH, LinkFinder
from bots.moderation.normalise import Normalised, normalise
from bots.moderation.settings import ModerationSettings, RuleAction, StrikeSettings
from bots.moderation.words import WordList

RuleName: TypeAlias = Literal["words", "links", "flood"]
Sanction: TypeAlias = Literal["record", "warn", "mute"]


class Verdict(Struct, frozen=True, kw_only=True):
    """A rule's finding.

    ``evidence`` is the matched span as it was written, ``detail`` says in plain words what is wrong with it,
    ``action`` what the rule asks for.
    """

    rule: RuleName
    evidence: str
    detail: str
    action: RuleAction


class Judge:
    """Applies the rules of one settings value, over all channels of a bot: it holds the flood counters."""

    def __init__(self, settings: ModerationSettings) -> None:
        self._exempt = settings.exempt
        self._rules: list[Callable[[str, Normalised, float], Verdict | None]] = []
        if settings.words is not None:
            self._rules.append(_word_rule(WordList(settings.words.blocked), settings.words.action))
        if settings.links is not None:
            finder = LinkFinder(settings.links.allowed, settings.links.bare_endings)
            self._rules.append(_link_rule(finder, settings.links.action))
        if settings.flood is not None:
            flood = settings.flood
            self._rules.append(_flood_rule(FloodMeter(flood.messages, flood.seconds), flood.action))

    def judge(self, account: str, text: str, now: float) -> tuple[Verdict, ...]:
        """The verdicts on one message: every rule that only records, and at most one of the others.

        One message costs one strike, whatever it has in it: of the rules that act, the first one counts, in the
        order words, links, flood, but one that mutes at once goes before one that gives a strike. All rules see
        every message, so a flood is counted on even while words are objected to.
        """
        if any(fnmatchcase(account, pattern) for pattern in self._exempt):
            return ()
        message = normalise(text)
        verdicts = [verdict for rule in self._rules if (verdict := rule(account, message, now)) is not None]
        acting = sorted((v for v in verdicts if v.action != "record"), key=lambda verdict: verdict.action != "mute")
        return (*(verdict for verdict in verdicts if verdict.action == "record"), *acting[:1])


def choose_sanction(action: RuleAction, strikes: int, settings: StrikeSettings) -> Sanction:
    """What a verdict leads to. ``strikes`` is how many the account has, this one included."""
    if action == "record":
        return "record"
    return "mute" if action == "mute" or strikes >= settings.mute_after else "warn"


def _word_rule(words: WordList, action: RuleAction) -> Callable[[str, Normalised, float], Verdict | None]:
    def check(_account: str, message: Normalised, _now: float) -> Verdict | None:
        match = words.find(message)
        if match is None:
            return None
        evidence = message.excerpt(match.start, match.end)
        return Verdict(rule="words", evidence=evidence, detail=f"“{match.entry}” is not said here", action=action)

    return check


def _link_rule(finder: LinkFinder, action: RuleAction) -> Callable[[str, Normalised, float], Verdict | None]:
    def check(_account: str, message: Normalised, _now: float) -> Verdict | None:
        link = finder.find_forbidden(message)
        if link is None:
            return None
        evidence = message.excerpt(link.start, link.end)
        return Verdict(
            rule="links",
            evidence=evidence,
            detail=f"links to {link.host[:MAX_HOST_LENGTH]} are not allowed",
            action=action,
        )

    return check


def _flood_rule(meter: FloodMeter, action: RuleAction) -> Callable[[str, Normalised, float], Verdict | None]:
    def check(account: str, message: Normalised, now: float) -> Verdict | None:
        took = meter.count(account, now)
        if took is None:
            return None
        detail = f"too many messages, the last ones within {took:.1f} s"
        return Verdict(rule="flood", evidence=message.original, detail=detail, action=action)

    return check
