"""Admin requests and their replies: ours, over the same socket, for accounts with the server role.

The vendor's API has no verb for what a moderator needs. These functions carry the prefix ``botkit_``; a vendor client
never sees anything of them that it cannot read: a banned or muted one meets codes that it knows (202, 400).
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta, Struct

from botkit.wire.frames import Number
from botkit.wire.ledger import LedgerEvent
from botkit.wire.replies import Ok
from botkit.wire.request import Request

ADMIN_PREFIX = "botkit_"

MAX_REASON_BYTES = 256
MAX_SANCTION_SECONDS = 10 * 366 * 86_400
"""Ten years; longer is "until lifted"."""

SNAPSHOT_PAGE = 5000

BANNED = "banned"
"""How the reason of a refused login (202), and of the ``close`` of a live session, begins when it is for a ban.

The vendor has no number for it, and 202 may also pass with time: this text is what a botkit client takes as final.
"""
SANCTION_PAGE = 1000

Duration: TypeAlias = Annotated[float, Meta(ge=0, le=MAX_SANCTION_SECONDS)]


def ban_text(reason: str) -> str:
    """What a banned account is told."""
    return f"{BANNED}: {reason}" if reason else BANNED


def is_ban(text: str) -> bool:
    """Whether a gateway's reason says that the account is banned, so that another login would only be refused."""
    return text == BANNED or text.startswith(f"{BANNED}: ")


class Mute(Request, frozen=True, kw_only=True):
    """Refuse an account's words for ``seconds`` (0: until lifted), in one channel or (``""``) everywhere.

    In a channel: its messages there (400), forced or not, and what it does to the attributes there (1001). Everywhere:
    these in every channel, instant messages (400), attributes of its own (1001), invitations and messages in calls
    (700); it can still take, refuse and end a call, but its ``extra`` is left out. The reason that the vendor's clients
    get is ``muted`` or ``muted: reason``. It stays in, hears and asks. What it said before stays said, except what a
    moderator holds of it: that is dropped.
    """

    function: ClassVar[str] = "botkit_mute"
    account: str
    channel: str = ""
    seconds: Duration = 0
    reason: str = ""


class Unmute(Request, frozen=True, kw_only=True):
    """Lift a mute."""

    function: ClassVar[str] = "botkit_unmute"
    account: str
    channel: str = ""


class Ban(Request, frozen=True, kw_only=True):
    """End an account's session and refuse its logins (202) for ``seconds`` (0: until lifted).

    The session hears ``["close", "banned: reason"]``, which the vendor's web SDK reports as 102 and a botkit session as
    100 with the reason; what the account has in a moderator's hands (``Hold``) is not delivered.
    """

    function: ClassVar[str] = "botkit_ban"
    account: str
    seconds: Duration = 0
    reason: str = ""


class Unban(Request, frozen=True, kw_only=True):
    """Lift a ban."""

    function: ClassVar[str] = "botkit_unban"
    account: str


class Kick(Request, frozen=True, kw_only=True):
    """Put an account out of a channel (601); it may join again, and writes nothing there (400, 1001) before it has.

    What a moderator holds of it there is dropped. A gateway forgets who was put out when the channel is destroyed; then
    only who may write from outside anyway (``force``) is no longer refused.
    """

    function: ClassVar[str] = "botkit_kick"
    account: str
    channel: str
    reason: str = ""


class CloseChannel(Request, frozen=True, kw_only=True):
    """Put everybody out of a channel (601) and destroy it with its attributes; what is held there is dropped (400)."""

    function: ClassVar[str] = "botkit_close_channel"
    channel: str
    reason: str = ""


class ListSanctions(Request, frozen=True, kw_only=True):
    """Mutes, bans and holds in force, or those of one account: a page in the order of account, channel and kind.

    A hold is nobody's: it has no account, and its moderator is who judges. ``after`` is these three of the last one
    that the asker has seen.
    """

    function: ClassVar[str] = "botkit_list_sanctions"
    account: str = ""
    after: tuple[str, str, str] = ("", "", "")


class Snapshot(Request, frozen=True, kw_only=True):
    """Who is online and where: a page of accounts in alphabetical order, from the one after ``after``."""

    function: ClassVar[str] = "botkit_snapshot"
    after: str = ""


class ReadLedger(Request, frozen=True, kw_only=True):
    """Events of the ledger after the cursor (``epoch``, ``after``): at most ``limit``, 1 to 1,000."""

    function: ClassVar[str] = "botkit_read_ledger"
    epoch: str = ""
    after: Number = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500


class Hold(Request, frozen=True, kw_only=True):
    """Send a channel's messages to this session first, and wait ``budget_ms`` for its verdict on each.

    On silence ``open`` delivers them, otherwise they are refused (400). It is for messages: attributes are told at
    once. Who is not in the channel cannot write there meanwhile, except servers, whose messages are held, too.
    """

    function: ClassVar[str] = "botkit_hold"
    channel: str
    budget_ms: Annotated[int, Meta(ge=10, le=10_000)] = 1000
    open: bool = True


class Release(Request, frozen=True, kw_only=True):
    """Lift the hold on a channel; what waits is delivered."""

    function: ClassVar[str] = "botkit_release"
    channel: str


class Judge(Request, frozen=True, kw_only=True):
    """The verdict on a held message: ``deliver`` it, ``replace`` its text, or ``drop`` it with a reason (400).

    Refused (1001) when it comes too late, with the reason when the message was dropped meanwhile, since its sender was
    muted, kicked or banned, or its channel closed; to drop it then, too, is no error.
    """

    function: ClassVar[str] = "botkit_judge"
    number: Number
    action: Literal["deliver", "replace", "drop"]
    text: str = ""
    reason: str = ""


class Sanction(Struct, frozen=True, kw_only=True):
    """One measure in force, a ``mute``, a ``ban`` or a ``hold``; ``until_ms`` 0: until lifted."""

    kind: str
    account: str
    channel: str
    until_ms: int
    reason: str
    moderator: str


class SanctionList(Ok, frozen=True, kw_only=True):
    """Up to 1,000 sanctions, fewer with long reasons; ``more`` says that there are others after the last one."""

    sanctions: tuple[Sanction, ...]
    more: bool


class OnlineAccount(Struct, frozen=True, kw_only=True):
    """One session: its account, its channel (``""``: none)."""

    account: str
    uid: int
    channel: str = ""


class SnapshotPage(Ok, frozen=True, kw_only=True):
    """Up to 5,000 sessions; ``more`` says that there are others after the last one.

    ``epoch`` and ``seq`` tell up to which event of the ledger the page is true, ``seqs`` the newest event of each
    stream, so that a reader knows from where to go on; ``ms`` is when that was, in milliseconds since 1970.
    """

    sessions: tuple[OnlineAccount, ...]
    more: bool
    ms: int
    epoch: str
    seq: int
    seqs: dict[str, int]


class Kicked(Ok, frozen=True, kw_only=True):
    """How many members were put out."""

    count: int


class LedgerGap(Struct, frozen=True, kw_only=True):
    """Events that are gone: those after ``after`` and before ``before``; with another epoch, nobody knows how many."""

    epoch: str
    after: int
    before: int


class LedgerPage(Ok, frozen=True, kw_only=True):
    """The answer to ``ReadLedger``: events in their order, behind the ``gap`` if what was asked for is gone.

    ``last`` is the newest number that there is: the reader has caught up when it has seen that one, and then knows all
    that happened before ``ms``, in milliseconds since 1970 (0: the gateway does not say).
    """

    epoch: str
    last: int
    events: tuple[LedgerEvent, ...]
    gap: LedgerGap | None = None
    ms: int = 0


ADMIN_REQUESTS: tuple[type[Request], ...] = (
    Mute,
    Unmute,
    Ban,
    Unban,
    Kick,
    CloseChannel,
    ListSanctions,
    Snapshot,
    ReadLedger,
    Hold,
    Release,
    Judge,
)
