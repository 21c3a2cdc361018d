"""Cases and what belongs to them, as frozen values."""

from typing import Literal, TypeAlias

from msgspec import Struct

Lane: TypeAlias = Literal["live", "shadow", "dry"]
"""``live``: it was done. ``shadow``: rules in shadow mode would have. ``dry``: a bot in a dry run would have."""

CellKind: TypeAlias = Literal["mute", "ban", "slow"]
ActVerb: TypeAlias = Literal["strike", "mute", "ban", "slow", "kick", "warn", "tell", "notice", "alert", "hold", "drop"]
"""``tell``: the account is told of a sanction. ``drop``: the message was not delivered."""

Outcome: TypeAlias = Literal["pending", "done", "failed"]
State: TypeAlias = Literal["open", "ended", "undone"]
"""``ended``: its time was over, such as a raid's. ``undone``: it was taken back."""

MANUAL = "manual"
"""The rule of cases that a moderator made by hand."""


class Cell(Struct, frozen=True, order=True):
    """A place where something is in force or not: an account's mute in a channel (empty: everywhere), or ban; a
    channel's limit of messages."""

    kind: CellKind
    account: str
    channel: str


class Level(Struct, frozen=True):
    """What is in force in a cell. ``until_ms`` 0: until lifted; ``rate``: messages a second; ``by``: whose it is."""

    until_ms: int = 0
    rate: int = 0
    reason: str = ""
    by: str = ""

    def in_force(self, ms: int) -> bool:
        """Whether its time is not over."""
        return self.until_ms == 0 or self.until_ms > ms


class Act(Struct, frozen=True, kw_only=True):
    """One thing that is done in a case. ``text`` is said to somebody, or the sanction's reason."""

    verb: ActVerb
    account: str = ""
    channel: str = ""
    rate: int = 0
    until_ms: int = 0
    text: str = ""

    @property
    def cell(self) -> Cell | None:
        """The cell that it changes, if it leaves something behind at the gateway."""
        match self.verb:
            case "mute":
                return Cell("mute", self.account, self.channel)
            case "ban":
                return Cell("ban", self.account, "")
            case "slow":
                return Cell("slow", "", self.channel)
            case _:
                return None

    @property
    def level(self) -> Level:
        """What it puts in force in its cell."""
        return Level(self.until_ms, self.rate, self.text)


class Draft(Struct, frozen=True, kw_only=True):
    """A case before it is written: who said what, what was found by which version of which rule.

    ``by`` is the bot, or the moderator who did it by hand. ``start`` to ``end`` of ``text`` is the evidence,
    ``matched`` the same as the rule saw it; ``also`` are other rules that found something; ``held``: it was judged
    before its delivery; ``marks``: what rules remember because of it, each a rule and what it counts by.
    """

    lane: Lane
    ms: int
    moderator: str
    by: str
    channel: str
    account: str
    rule: str
    version: str = ""
    kind: str = ""
    text: str = ""
    start: int = 0
    end: int = 0
    evidence: str = ""
    matched: str = ""
    detail: str = ""
    key: str = ""
    considered: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    held: bool = False


class Opened(Struct, frozen=True, kw_only=True):
    """What the audit log says of a new case."""

    draft: Draft
    strikes: int
    acts: tuple[Act, ...]


class Done(Struct, frozen=True, kw_only=True):
    """What became of an act: its place in the case, and why it failed."""

    seq: int
    outcome: Outcome
    problem: str = ""


class RecordedAct(Struct, frozen=True, kw_only=True):
    """An act as it stands in the table; ``counts``: it is in force as long as its time is not over."""

    seq: int
    act: Act
    outcome: Outcome
    problem: str
    counts: bool


class Case(Struct, frozen=True, kw_only=True):
    """A case as it stands."""

    id: int
    draft: Draft
    strikes: int
    state: State
    acts: tuple[RecordedAct, ...]
