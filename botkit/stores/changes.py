"""What a gateway commits (changes), and what it starts from (a snapshot).

Changes are facts with all ids in them, so that every store can write them without asking back, and the same
change twice leaves the same state as once. Times are milliseconds since 1970; a store has no clock.
"""

from typing import Literal, TypeAlias

from msgspec import Struct, field

from botkit.types import Account, AppId, ChannelName, Line, Uid


class AccountSeen(Struct, frozen=True, kw_only=True):
    """``account`` logged in for the first time and got ``uid``: it is the same number for ever."""

    app: AppId
    account: Account
    uid: Uid


class UserAttributeSet(Struct, frozen=True, kw_only=True):
    """``user_set_attr``: outlives the session (the vendor keeps user attributes with the account)."""

    app: AppId
    account: Account
    name: str
    value: str


class ChannelAttributeSet(Struct, frozen=True, kw_only=True):
    """``channel_set_attr``."""

    app: AppId
    channel: ChannelName
    name: str
    value: str


class ChannelAttributeDeleted(Struct, frozen=True, kw_only=True):
    """``channel_del_attr``."""

    app: AppId
    channel: ChannelName
    name: str


class ChannelAttributesCleared(Struct, frozen=True, kw_only=True):
    """``channel_clear_attr``."""

    app: AppId
    channel: ChannelName


class ChannelEmptied(Struct, frozen=True, kw_only=True):
    """The last member left at ``ms``, so that ``_channel_ttl`` runs from then; 0 when somebody is in again."""

    app: AppId
    channel: ChannelName
    ms: int


class ChannelDestroyed(Struct, frozen=True, kw_only=True):
    """The channel's ``_channel_ttl`` ran out: attributes, who was put out, all is gone. Sanctions stay:
    they have their own time."""

    app: AppId
    channel: ChannelName


class MemberPutOut(Struct, frozen=True, kw_only=True):
    """A moderator put ``account`` out of ``channel``: that is remembered until it joins again."""

    app: AppId
    channel: ChannelName
    account: Account


class PutOutForgotten(Struct, frozen=True, kw_only=True):
    """``account`` has joined ``channel`` again, or was put out longer ago than a channel remembers."""

    app: AppId
    channel: ChannelName
    account: Account


class MessageStored(Struct, frozen=True, kw_only=True):
    """The inbox of ``account`` got ``line`` as its message ``version``; worthless from ``expires_ms`` on."""

    app: AppId
    account: Account
    version: int
    line: str
    expires_ms: int


class InboxAdvanced(Struct, frozen=True, kw_only=True):
    """Numbers up to ``version`` of the inbox of ``account`` are used up, by messages that are not kept."""

    app: AppId
    account: Account
    version: int


class MessagesAcknowledged(Struct, frozen=True, kw_only=True):
    """``ver_clear`` of ``account``: messages up to ``version`` are deleted and never handed out again."""

    app: AppId
    account: Account
    version: int


class MessagesExpired(Struct, frozen=True, kw_only=True):
    """Every waiting message, of any app and account, with ``expires_ms`` at or before ``ms`` is deleted.

    So is the inbox of an account that never logged in, once nothing waits in it: nobody has seen its numbers.
    """

    ms: int


class SessionOpened(Struct, frozen=True, kw_only=True):
    """``account`` logged in: its session is ``line``, and survives a restart if it is ``resumable``.

    ``server`` is its role; ``expires_ms`` when its token runs out, 0 for never; ``proof`` what shows that a token let
    it in, empty when it needed none.
    """

    app: AppId
    account: Account
    line: Line
    server: bool
    resumable: bool
    expires_ms: int
    proof: str = ""


class SessionMoved(Struct, frozen=True, kw_only=True):
    """The session of ``account`` is now in ``channel`` (empty: in none)."""

    app: AppId
    account: Account
    channel: str


class SessionClosed(Struct, frozen=True, kw_only=True):
    """``account`` has no session any more."""

    app: AppId
    account: Account


class LedgerStarted(Struct, frozen=True, kw_only=True):
    """The ledger of ``app`` begins, as ``epoch``; one that is there already keeps its epoch."""

    app: AppId
    epoch: str


class LedgerAppended(Struct, frozen=True, kw_only=True):
    """Event ``seq`` of ``app``, as its JSON ``text``; ``stream`` is the kind of events that it belongs to."""

    app: AppId
    seq: int
    stream: str
    ms: int
    text: str


class LedgerTrimmed(Struct, frozen=True, kw_only=True):
    """The ledger of ``app`` forgets its oldest events: all up to ``seq``, and all from before ``before_ms``.

    The newest event of all stays, so that no number is used again.
    """

    app: AppId
    seq: int
    before_ms: int


SanctionKind: TypeAlias = Literal["mute", "ban"]


class SanctionSet(Struct, frozen=True, kw_only=True):
    """A moderator's measure against ``account``, in force until ``until_ms`` (0: until lifted).

    A ``mute`` refuses its messages in ``channel`` (empty: anywhere); a ``ban`` refuses its logins. ``moderator`` is the
    server account that asked for it.
    """

    app: AppId
    kind: SanctionKind
    account: Account
    channel: str
    until_ms: int
    reason: str
    moderator: Account


class SanctionLifted(Struct, frozen=True, kw_only=True):
    """The sanction of this kind against ``account`` in ``channel`` is over."""

    app: AppId
    kind: SanctionKind
    account: Account
    channel: str


class HoldSet(Struct, frozen=True, kw_only=True):
    """Messages of ``channel`` go to ``moderator`` first; after ``budget_ms`` of silence the policy decides."""

    app: AppId
    channel: ChannelName
    moderator: Account
    budget_ms: int
    open_on_silence: bool


class HoldLifted(Struct, frozen=True, kw_only=True):
    """The hold on ``channel`` is over."""

    app: AppId
    channel: ChannelName


Change: TypeAlias = (
    AccountSeen
    | UserAttributeSet
    | ChannelAttributeSet
    | ChannelAttributeDeleted
    | ChannelAttributesCleared
    | ChannelEmptied
    | ChannelDestroyed
    | MemberPutOut
    | PutOutForgotten
    | MessageStored
    | InboxAdvanced
    | MessagesAcknowledged
    | MessagesExpired
    | SessionOpened
    | SessionMoved
    | SessionClosed
    | LedgerStarted
    | LedgerAppended
    | LedgerTrimmed
    | HoldSet
    | HoldLifted
    | SanctionSet
    | SanctionLifted
)


_CHANGE_BYTES = 200


def size_of(change: Change) -> int:
    """About how many bytes a change takes while it waits to be written."""
    if isinstance(change, LedgerAppended):
        return _CHANGE_BYTES + len(change.text)
    if isinstance(change, MessageStored):
        return _CHANGE_BYTES + len(change.line)
    if isinstance(change, UserAttributeSet | ChannelAttributeSet):
        return _CHANGE_BYTES + len(change.value)
    return _CHANGE_BYTES


class InboxSnapshot(Struct, kw_only=True):
    """One account's inbox: the version acknowledged, the newest version ever, and what waits, oldest first."""

    acknowledged: int = 0
    last: int = 0
    messages: list[tuple[int, str, int]] = field(default_factory=list)
    """``(version, line, expires_ms)``, by rising version."""


class SessionSnapshot(Struct, kw_only=True):
    """One session that was open when the gateway ended."""

    line: Line
    server: bool
    resumable: bool
    expires_ms: int
    channel: str = ""
    proof: str = ""


LEDGER_BLOCK = 256
"""How many numbers a block of a snapshot spans."""


class LedgerBlock(Struct, kw_only=True):
    """Neighbours in a ledger: events from ``first`` to ``last``, none younger than ``ms``, ``size`` bytes of text."""

    first: int
    last: int
    ms: int
    size: int


class LedgerSnapshot(Struct, kw_only=True):
    """Where one app's ledger stands: its epoch, its newest number, and the newest of each stream; how large it is."""

    epoch: str
    last: int = 0
    last_of: dict[str, int] = field(default_factory=dict)
    blocks: list[LedgerBlock] = field(default_factory=list)
    """Oldest first; the events whose numbers are the same when divided by ``LEDGER_BLOCK``."""


class LedgerSlice(Struct, frozen=True, kw_only=True):
    """Some events, oldest first, as ``(seq, text)``; ``oldest`` is the first that is kept, 0 when none is."""

    oldest: int
    events: tuple[tuple[int, str], ...]


class Snapshot(Struct, kw_only=True):
    """All that a store holds. Whoever loads it owns it and may change it."""

    accounts: dict[tuple[AppId, Account], Uid] = field(default_factory=dict)
    user_attributes: dict[tuple[AppId, Account], dict[str, str]] = field(default_factory=dict)
    channel_attributes: dict[tuple[AppId, ChannelName], dict[str, str]] = field(default_factory=dict)
    emptied: dict[tuple[AppId, ChannelName], int] = field(default_factory=dict)
    """Since when channels have been empty; a channel with members is not in here."""
    put_out: dict[tuple[AppId, ChannelName], list[Account]] = field(default_factory=dict)
    """Who was put out of a channel and has not joined again, oldest first."""
    inboxes: dict[tuple[AppId, Account], InboxSnapshot] = field(default_factory=dict)
    sessions: dict[tuple[AppId, Account], SessionSnapshot] = field(default_factory=dict)
    ledgers: dict[AppId, LedgerSnapshot] = field(default_factory=dict)
    holds: dict[tuple[AppId, ChannelName], HoldSet] = field(default_factory=dict)
    sanctions: list[SanctionSet] = field(default_factory=list)
    """By app, account, channel."""
