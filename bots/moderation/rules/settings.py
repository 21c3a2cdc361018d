"""Rules as they are written in YAML, typed. What cannot be meant raises ``ConfigError`` with its key."""

import re
from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta, Struct

from botkit import ConfigError
from bots.moderation.links import is_domain
from bots.moderation.normalise import normalise
from bots.moderation.places import about
from bots.moderation.regexes import RegexError, compile_regex
from bots.moderation.rules.actions import parse_action
from bots.moderation.rules.facts import Mode

MAX_RULES = 1_000
MAX_WORDS = 100_000
MAX_WORD_LENGTH = 128
MAX_PATTERN_LENGTH = 1_000

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
_Count: TypeAlias = Annotated[int, Meta(ge=1, le=1_000)]
Patterns: TypeAlias = Annotated[tuple[str, ...], Meta(max_length=1_000)]


def check_patterns(name: str, patterns: tuple[str, ...]) -> None:
    """Raises ``ConfigError`` for a pattern of accounts, roles or channels that matches nothing."""
    for index, pattern in enumerate(patterns):
        if not pattern or any(character.isspace() for character in pattern):
            hint = "write a name, or a pattern such as staff-*"
            raise ConfigError(f"{pattern!r} matches nothing", key=f"{name}[{index}]", hint=hint)


MODERATORS = ("admin", "moderator")
"""The roles whose accounts may use all commands of the bot; no rule is applied to them."""

HELPERS = (*MODERATORS, "helper")
"""The roles whose accounts may look: helpers may, and rules are applied to them unless they are exempt."""


class Exempt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom rules leave alone: accounts and channels (shell patterns, ``staff-*``), and roles of the placement."""

    accounts: Patterns = ()
    roles: Patterns = ()
    channels: Patterns = ()

    def __post_init__(self) -> None:
        for name in ("accounts", "roles", "channels"):
            check_patterns(name, getattr(self, name))
        for index, role in enumerate(self.roles):
            if role not in HELPERS:
                hint = f"write one of {', '.join(HELPERS)}"
                raise ConfigError(f"nobody can have the role {role!r}", key=f"roles[{index}]", hint=hint)


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all rules have: ``id`` names it in cases; ``then`` is what is done; ``channels`` are where it holds.

    ``deliver``: let the message reach the channel even where it is judged before its delivery.
    """

    remembers: ClassVar[bool] = False
    """Whether what it finds depends on what came before."""

    id: str
    then: Annotated[tuple[str, ...], Meta(min_length=1, max_length=10)] = ("strike",)
    mode: Mode = "enforce"
    channels: Patterns = ()
    exempt: Exempt = Exempt()
    deliver: bool = False

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ConfigError(f"{self.id!r} is no id", key="id", hint="write 1 to 64 of a-z, 0-9, - and _")
        for index, text in enumerate(self.then):
            with about(f"then[{index}]"):
                parse_action(text)
        check_patterns("channels", self.channels)

    @property
    def kind(self) -> str:
        """What stands as ``kind`` in the file."""
        return str(self.__struct_config__.tag)


class WordsRule(Rule, frozen=True, kw_only=True, tag="words"):
    """Words and phrases, each found as a whole, in any case and disguise that normalisation sees through."""

    words: Annotated[tuple[str, ...], Meta(max_length=MAX_WORDS)]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.words:
            raise ConfigError("is empty", key="words", hint="list at least one word")
        for index, word in enumerate(self.words):
            key = f"words[{index}]"
            if not normalise(word).text.strip():
                raise ConfigError(f"{word!r} shows nothing", key=key, hint="write a word of visible characters")
            if len(word) > MAX_WORD_LENGTH:
                raise ConfigError(f"has {len(word)} characters", key=key, hint=f"write at most {MAX_WORD_LENGTH}")


class RegexRule(Rule, frozen=True, kw_only=True, tag="regex"):
    """Regular expressions, looked for in the normalised text in any case, in time that grows with the text alone."""

    patterns: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1_000)]

    def __post_init__(self) -> None:
        super().__post_init__()
        for index, pattern in enumerate(self.patterns):
            key = f"patterns[{index}]"
            if len(pattern) > MAX_PATTERN_LENGTH:
                raise ConfigError(f"has {len(pattern)} characters", key=key, hint=f"write at most {MAX_PATTERN_LENGTH}")
            try:
                empty = compile_regex(pattern).find("") is not None
            except RegexError as error:
                raise ConfigError(f"{pattern!r}: {error}", key=key) from None
            if empty:
                raise ConfigError(f"{pattern!r} is found in nothing at all", key=key, hint="let it have something")


class LinksRule(Rule, frozen=True, kw_only=True, tag="links"):
    """Links to anywhere else than the ``allowed`` domains and their subdomains.

    ``bare_endings``: a domain without ``https://`` or ``www.`` in front is taken for a link when it ends in one of
    these; with ``[]`` none is.
    """

    allowed: Patterns = ()
    bare_endings: Patterns = (
        *("app", "biz", "com", "dev", "edu", "gov", "info", "io", "net", "online", "org", "shop", "xyz"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for index, domain in enumerate(self.allowed):
            if not is_domain(domain) or "." not in domain:
                hint = "write the domain alone, such as example.org"
                raise ConfigError(f"{domain!r} is no domain", key=f"allowed[{index}]", hint=hint)
        for index, ending in enumerate(self.bare_endings):
            if not is_domain(ending) or "." in ending:
                hint = "write the last part of a domain alone, such as com"
                raise ConfigError(f"{ending!r} is no ending", key=f"bare_endings[{index}]", hint=hint)


class MentionsRule(Rule, frozen=True, kw_only=True, tag="mentions"):
    """More than ``at_most`` different ``@names`` in one message."""

    at_most: Annotated[int, Meta(ge=0, le=1_000)] = 5


class CapsRule(Rule, frozen=True, kw_only=True, tag="caps"):
    """Capitals: more than this ``share`` of the letters, in a message with at least so many ``letters``."""

    share: Annotated[float, Meta(gt=0, lt=1)] = 0.7
    letters: _Count = 12


class FloodRule(Rule, frozen=True, kw_only=True, tag="flood"):
    """More than ``messages`` messages of one account in ``seconds``, over all channels of the bot."""

    remembers = True
    messages: _Count = 8
    seconds: _Seconds = 10


class RepeatRule(Rule, frozen=True, kw_only=True, tag="repeat"):
    """The same text of one account more than ``times`` times in ``seconds``; case and disguise do not matter."""

    remembers = True
    times: _Count = 2
    seconds: _Seconds = 60


class NewJoinerRule(Rule, frozen=True, kw_only=True, tag="new_joiner"):
    """What somebody may not send within ``seconds`` of joining the channel: links, mentions, or anything at all."""

    remembers = True
    seconds: _Seconds = 60
    forbid: Literal["links", "mentions", "anything"] = "links"


class CrossChannelRule(Rule, frozen=True, kw_only=True, tag="cross_channel"):
    """The same text in ``in_channels`` channels within ``seconds``, of one ``account`` or of ``anyone``.

    Texts of fewer than ``letters`` characters are left alone: everybody says hello.
    """

    remembers = True
    in_channels: Annotated[int, Meta(ge=2, le=100)] = 3
    seconds: _Seconds = 60
    by: Literal["account", "anyone"] = "anyone"
    letters: _Count = 20


class JoinWaveRule(Rule, frozen=True, kw_only=True, tag="join_wave"):
    """``joins`` different accounts or more that come into one channel within ``seconds``: raid mode.

    It goes on until no further wave came for ``quiet_seconds``: then what it did to the channel is taken back.
    """

    remembers = True
    then: Annotated[tuple[str, ...], Meta(min_length=1, max_length=10)] = ("slow 1", "quarantine", "alert")
    joins: _Count = 20
    seconds: _Seconds = 10
    quiet_seconds: _Seconds = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        for index, text in enumerate(self.then):
            if parse_action(text).verb not in ("slow", "quarantine", "alert", "notice"):
                hint = "write slow, quarantine, alert or notice"
                raise ConfigError(f"a wave cannot lead to {text!r}", key=f"then[{index}]", hint=hint)


class ScoreRule(Rule, frozen=True, kw_only=True, tag="score"):
    """A ``scorer`` gives the text ``at_least`` so much. Without an answer the rule has failed: see ``Judgement``."""

    scorer: str
    at_least: Annotated[float, Meta(ge=0, le=1)] = 0.9


AnyRule: TypeAlias = (
    WordsRule
    | RegexRule
    | LinksRule
    | MentionsRule
    | CapsRule
    | FloodRule
    | RepeatRule
    | NewJoinerRule
    | CrossChannelRule
    | JoinWaveRule
    | ScoreRule
)
Rules: TypeAlias = Annotated[tuple[AnyRule, ...], Meta(max_length=MAX_RULES)]


class RuleFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of rules: ``rules: [...]``, and ``exempt`` for all of them."""

    rules: Rules
    exempt: Exempt = Exempt()

    def __post_init__(self) -> None:
        check_rules(self.rules)


def check_rules(rules: tuple[AnyRule, ...]) -> None:
    """Raises ``ConfigError`` for no rules at all, and for two of one id."""
    if not rules:
        raise ConfigError("no rule at all", key="rules", hint="list at least one, such as {id: flood, kind: flood}")
    known: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in known:
            hint = "cases are told apart by it"
            raise ConfigError(f"two rules have the id {rule.id!r}", key=f"rules[{index}].id", hint=hint)
        known.add(rule.id)
