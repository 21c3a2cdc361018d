"""Checks that remember: floods, repeats, new joiners, one text in many channels, waves of joins.

All is counted by the times that the facts carry, so that a bot that lags, or a recording, is judged the same.
"""

from hashlib import blake2b

from bots.moderation.links import LinkFinder
from bots.moderation.normalise import Normalised
from bots.moderation.rules.content import MENTION, finding_at
from bots.moderation.rules.facts import Fact, Finding, Joined, Message, Scores
from bots.moderation.rules.settings import (
    CrossChannelRule,
    FloodRule,
    JoinWaveRule,
    LinksRule,
    NewJoinerRule,
    RepeatRule,
)
from bots.moderation.rules.state import RuleState


class FloodCheck:
    """``kind: flood``."""

    def __init__(self, rule: FloodRule) -> None:
        self._rule, self._ms = rule, round(rule.seconds * 1000)

    def check(self, fact: Fact, _text: Normalised, state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``. A flood is one offence for as long as it lasts."""
        if not isinstance(fact, Message):
            return None
        most = self._rule.messages
        seen = state.window(self._rule.id).note(fact.account, fact.ms, "", fact.ms - self._ms, most + 1)
        if len(seen) <= most:
            return None
        took = max(0, fact.ms - seen[0][0]) / 1000
        return Finding(
            detail=f"too many messages, the last ones within {took:.1f} s",
            start=0,
            end=len(fact.text),
            matched=fact.text,
            key=fact.account,
            again=state.found(self._rule.id, fact.account, fact.ms, fact.ms + self._ms),
        )


class RepeatCheck:
    """``kind: repeat``."""

    def __init__(self, rule: RepeatRule) -> None:
        self._rule, self._ms = rule, round(rule.seconds * 1000)

    def check(self, fact: Fact, text: Normalised, state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``."""
        if not isinstance(fact, Message):
            return None
        word = digest(text.text)
        key = f"{word} {fact.account}"
        times = self._rule.times
        seen = state.window(self._rule.id).note(key, fact.ms, "", fact.ms - self._ms, times + 1)
        if len(seen) <= times:
            return None
        return Finding(
            detail=f"the same was said more than {times} times",
            start=0,
            end=len(fact.text),
            matched=text.text,
            key=key,
            again=state.found(self._rule.id, key, fact.ms, fact.ms + self._ms),
        )


class NewJoinerCheck:
    """``kind: new_joiner``. Who was there before the bot, or whom it has forgotten, counts as no newcomer."""

    def __init__(self, rule: NewJoinerRule) -> None:
        self._rule, self._ms = rule, round(rule.seconds * 1000)
        self._links = LinkFinder((), LinksRule(id="any").bare_endings)

    def check(self, fact: Fact, text: Normalised, state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``."""
        window = state.window(self._rule.id)
        key = f"{fact.channel} {fact.account}"
        if isinstance(fact, Joined):
            window.note(key, fact.ms, "", fact.ms - 1, 1)
            return None
        joined = window.last(key)
        if joined is None or fact.ms - joined[0] >= self._ms:
            return None
        return self._forbidden(fact, text, max(0, fact.ms - joined[0]) / 1000)

    def _forbidden(self, fact: Message, text: Normalised, after: float) -> Finding | None:
        since = f"{after:.0f} s after joining"
        match self._rule.forbid:
            case "links":
                link = next(iter(self._links.links(text)), None)
                return finding_at(text, link.start, link.end, f"a link {since}") if link is not None else None
            case "mentions":
                mention = MENTION.search(text.text)
                return finding_at(text, *mention.span(), f"a mention {since}") if mention is not None else None
            case "anything":
                return Finding(detail=f"a message {since}", start=0, end=len(fact.text), matched=text.text)


class CrossChannelCheck:
    """``kind: cross_channel``."""

    def __init__(self, rule: CrossChannelRule) -> None:
        self._rule, self._ms = rule, round(rule.seconds * 1000)

    def check(self, fact: Fact, text: Normalised, state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``. From the channel that makes it one too many on, each author of it has a verdict."""
        if not isinstance(fact, Message) or len(text.text) < self._rule.letters:
            return None
        word = digest(text.text)
        key = f"{word} {fact.account}" if self._rule.by == "account" else word
        most = self._rule.in_channels * 4
        seen = state.window(self._rule.id).note(key, fact.ms, fact.channel, fact.ms - self._ms, most)
        channels = {channel for _, channel in seen}
        if len(channels) < self._rule.in_channels:
            return None
        return Finding(
            detail=f"the same text in {len(channels)} channels",
            start=0,
            end=len(fact.text),
            matched=text.text,
            key=f"{word} {fact.account}",
            again=state.found(self._rule.id, f"{word} {fact.account}", fact.ms, fact.ms + self._ms),
        )


class JoinWaveCheck:
    """``kind: join_wave``."""

    def __init__(self, rule: JoinWaveRule) -> None:
        self._rule, self._ms = rule, round(rule.seconds * 1000)
        self._quiet_ms = round(rule.quiet_seconds * 1000)

    def check(self, fact: Fact, _text: Normalised, state: RuleState, _scores: Scores) -> Finding | None:
        """See ``Check``. The first of a wave names all that came with it; whoever comes until it is quiet is added."""
        if not isinstance(fact, Joined):
            return None
        most = self._rule.joins * 4
        seen = state.window(self._rule.id).note(fact.channel, fact.ms, fact.account, fact.ms - self._ms, most)
        accounts = tuple(dict.fromkeys(account for _, account in seen))
        in_wave = len(accounts) >= self._rule.joins
        goes_on = state.is_quiet(self._rule.id, fact.channel, fact.ms)
        if not in_wave and not goes_on:
            return None
        if in_wave:
            state.keep_quiet(self._rule.id, fact.channel, fact.ms + self._quiet_ms)
        return Finding(
            detail=f"{len(accounts)} accounts joined within {self._rule.seconds:g} s",
            matched=f"{len(accounts)} joins",
            key=fact.channel,
            again=goes_on,
            accounts=(fact.account,) if goes_on else accounts,
        )


def digest(text: str) -> str:
    """A short word for a text: the same within a process and in the next one."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
