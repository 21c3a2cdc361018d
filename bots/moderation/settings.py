"""What stands under ``settings:`` of a moderation bot in the YAML."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from botkit import sqlite_path
from bots.moderation.links import is_domain
from bots.moderation.normalise import normalise
from bots.moderation.notices import check_template

RuleAction: TypeAlias = Literal["strike", "mute", "record"]
"""What a rule asks for: a strike (a warning, in the end a mute), a mute at once, or a line in the audit table only."""

MAX_ENTRY_LENGTH = 128

_Words: TypeAlias = Annotated[tuple[str, ...], Meta(max_length=100_000)]
_Accounts: TypeAlias = Annotated[tuple[str, ...], Meta(max_length=1_000)]


class WordSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The word list. ``blocked`` holds words and phrases, each found as a whole and in any case."""

    blocked: _Words
    action: RuleAction = "strike"

    def __post_init__(self) -> None:
        if not self.blocked:
            raise ValueError("`blocked` is empty: list at least one word, or leave `words` out")
        for entry in self.blocked:
            if not normalise(entry).text.strip():
                raise ValueError(f"`blocked` has {entry!r}, which shows nothing: write a word of visible characters")
            if len(entry) > MAX_ENTRY_LENGTH:
                raise ValueError(f"`blocked` has an entry of {len(entry)} characters: at most {MAX_ENTRY_LENGTH}")


class LinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Links. Only those to the ``allowed`` domains and their subdomains may be sent; none if the list is empty.

    ``bare_endings``: a domain without ``https://`` or ``www.`` in front is taken for a link when it ends in one
    of these; with ``[]`` none is (a file name such as ``notes.md`` looks like a domain, too).
    """

    allowed: _Words = ()
    bare_endings: _Words = (
        "app",
        "biz",
        "com",
        "dev",
        "edu",
        "gov",
        "info",
        "io",
        "net",
        "online",
        "org",
        "shop",
        "xyz",
    )
    action: RuleAction = "strike"

    def __post_init__(self) -> None:
        for domain in self.allowed:
            if not is_domain(domain) or "." not in domain:
                raise ValueError(f"`allowed` has {domain!r}: write the domain alone, such as example.org")
        for ending in self.bare_endings:
            if not is_domain(ending) or "." in ending:
                raise ValueError(f"`bare_endings` has {ending!r}: write the last part of a domain alone, such as com")


class FloodSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Flood: an account may send ``messages`` messages in any ``seconds`` seconds."""

    messages: Annotated[int, Meta(ge=1, le=1_000)] = 8
    seconds: Annotated[float, Meta(gt=0, le=3_600)] = 10
    action: RuleAction = "strike"


class StrikeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What strikes lead to.

    From strike ``mute_after`` on, an account is muted for ``mute_minutes`` with each; before, it is warned. A
    strike is forgotten after ``forget_hours``. ``mute_scope``: in the channel of the message, or everywhere.
    The two texts go to the account as an instant message and may use the fields of ``notices.FIELDS``.
    """

    mute_after: Annotated[int, Meta(ge=1, le=1_000)] = 3
    mute_minutes: Annotated[float, Meta(gt=0, le=525_600)] = 10
    mute_scope: Literal["channel", "everywhere"] = "channel"
    forget_hours: Annotated[float, Meta(gt=0, le=8_760)] = 24
    warning: str = "Please mind the rules of {channel}: {detail}. This is strike {strikes} of {mute_after}."
    mute_notice: str = "You are muted in {channel} for {minutes} minutes: {detail}."

    def __post_init__(self) -> None:
        check_template("warning", self.warning)
        check_template("mute_notice", self.mute_notice)


class ModerationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. A rule is on when its key is there; ``flood`` is on by default, ``flood: null`` turns it off.

    ``exempt`` holds accounts, or patterns such as ``staff-*``, that no rule is applied to. ``database`` is where
    the audit table is kept: ``sqlite:///`` and a path, relative to where botkit was started.
    """

    words: WordSettings | None = None
    links: LinkSettings | None = None
    flood: FloodSettings | None = FloodSettings()
    strikes: StrikeSettings = StrikeSettings()
    exempt: _Accounts = ()
    database: str = "sqlite:///var/moderation.db"

    def __post_init__(self) -> None:
        if self.words is None and self.links is None and self.flood is None:
            raise ValueError("no rule is on: give at least one of `words`, `links` and `flood`")
        for pattern in self.exempt:
            if not pattern or any(character.isspace() for character in pattern):
                raise ValueError(f"`exempt` has {pattern!r}: write an account, or a pattern such as staff-*")
        sqlite_path(self.database)  # raises ConfigError for what names no database
