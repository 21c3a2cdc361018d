"""The gateway store that forgets: for tests, and for gateways whose state may go with the process."""

import bisect
from collections.abc import Sequence
from copy import deepcopy
from itertools import groupby
from operator import attrgetter
from typing import assert_never

import trio

from botkit.stores.changes import (
    LEDGER_BLOCK,
    AccountSeen,
    Change,
    ChannelAttributeDeleted,
    ChannelAttributesCleared,
    ChannelAttributeSet,
    ChannelDestroyed,
    ChannelEmptied,
    HoldLifted,
    HoldSet,
    InboxAdvanced,
    InboxSnapshot,
    LedgerAppended,
    LedgerBlock,
    LedgerSlice,
    LedgerSnapshot,
    LedgerStarted,
    LedgerTrimmed,
    MemberPutOut,
    MessagesAcknowledged,
    MessagesExpired,
    MessageStored,
    PutOutForgotten,
    SanctionLifted,
    SanctionSet,
    SessionClosed,
    SessionMoved,
    SessionOpened,
    SessionSnapshot,
    Snapshot,
    UserAttributeSet,
)
from botkit.types import AppId


class MemoryGatewayStore:
    """Keeps the state as a :class:`Snapshot`; handed to a second gateway it plays a restart."""

    durable = False

    def __init__(self) -> None:
        self._state = Snapshot()
        self._ledgers: dict[AppId, list[LedgerAppended]] = {}

    async def load(self) -> Snapshot:
        """A copy of all that was committed."""
        await trio.lowlevel.checkpoint()
        state = deepcopy(self._state)
        state.sanctions.sort(key=_sanction_key)
        for app, events in self._ledgers.items():
            state.ledgers[app].blocks = _blocks_of(events)
        return state

    async def commit(self, changes: Sequence[Change]) -> None:
        """Apply ``changes``. A cancel leaves nothing applied."""
        await trio.lowlevel.checkpoint()
        for change in changes:
            if isinstance(change, LedgerAppended | LedgerTrimmed):
                _write_ledger(self._ledgers.setdefault(change.app, []), change)
            _apply(self._state, change)

    async def read_ledger(self, app: AppId, after: int, limit: int, most_bytes: int) -> LedgerSlice:
        """See ``GatewayStore.read_ledger``."""
        await trio.lowlevel.checkpoint()
        ledger = self._ledgers.get(app, [])
        start = bisect.bisect_right(ledger, after, key=attrgetter("seq"))
        events: list[tuple[int, str]] = []
        for event in ledger[start : start + limit]:
            if most_bytes <= 0:
                break
            most_bytes -= len(event.text.encode())
            events.append((event.seq, event.text))
        return LedgerSlice(oldest=ledger[0].seq if ledger else 0, events=tuple(events))

    async def aclose(self) -> None:
        """Nothing to close; the state stays for the next gateway that gets this object."""
        await trio.lowlevel.checkpoint()


def _apply(state: Snapshot, change: Change) -> None:  # noqa: PLR0912 - one case for each change
    match change:  # those first that come most often
        case LedgerStarted() | LedgerAppended() | LedgerTrimmed():
            _apply_ledger(state, change)
        case MessageStored() | InboxAdvanced() | MessagesAcknowledged():
            _apply_message(state.inboxes.setdefault((change.app, change.account), InboxSnapshot()), change)
        case AccountSeen():
            state.accounts[change.app, change.account] = change.uid
        case UserAttributeSet():
            state.user_attributes.setdefault((change.app, change.account), {})[change.name] = change.value
        case ChannelAttributeSet() | ChannelAttributeDeleted() | ChannelAttributesCleared():
            _apply_channel_attribute(state, change)
        case ChannelEmptied() if change.ms:
            state.emptied[change.app, change.channel] = change.ms
        case ChannelEmptied():
            state.emptied.pop((change.app, change.channel), None)
        case ChannelDestroyed():
            for of_channels in (state.channel_attributes, state.emptied, state.put_out):
                of_channels.pop((change.app, change.channel), None)
        case MemberPutOut() | PutOutForgotten():
            _apply_put_out(state, change)
        case MessagesExpired():
            _expire_messages(state, change.ms)
        case SessionOpened() | SessionMoved() | SessionClosed():
            _apply_session(state, change)
        case HoldSet():
            state.holds[change.app, change.channel] = change
        case HoldLifted():
            state.holds.pop((change.app, change.channel), None)
        case SanctionSet() | SanctionLifted():
            key = _sanction_key(change)
            state.sanctions = [other for other in state.sanctions if _sanction_key(other) != key]
            if isinstance(change, SanctionSet):
                state.sanctions.append(change)
        case _:
            assert_never(change)


def _apply_put_out(state: Snapshot, change: MemberPutOut | PutOutForgotten) -> None:
    key = (change.app, change.channel)
    accounts = [account for account in state.put_out.pop(key, ()) if account != change.account]
    if isinstance(change, MemberPutOut):
        accounts.append(change.account)
    if accounts:
        state.put_out[key] = accounts


def _apply_channel_attribute(
    state: Snapshot, change: ChannelAttributeSet | ChannelAttributeDeleted | ChannelAttributesCleared
) -> None:
    key = (change.app, change.channel)
    if isinstance(change, ChannelAttributeSet):
        state.channel_attributes.setdefault(key, {})[change.name] = change.value
        return
    attributes = state.channel_attributes.get(key, {})
    if isinstance(change, ChannelAttributeDeleted):
        attributes.pop(change.name, None)
    else:
        attributes.clear()
    if not attributes:
        state.channel_attributes.pop(key, None)


def _apply_message(inbox: InboxSnapshot, change: MessageStored | InboxAdvanced | MessagesAcknowledged) -> None:
    if isinstance(change, InboxAdvanced):
        inbox.last = max(inbox.last, change.version)
        return
    if isinstance(change, MessagesAcknowledged):
        inbox.messages = [message for message in inbox.messages if message[0] > change.version]
        inbox.acknowledged = max(inbox.acknowledged, change.version)
        return
    message = (change.version, change.line, change.expires_ms)
    if change.version <= inbox.last:  # written before, or out of order
        inbox.messages = sorted([other for other in inbox.messages if other[0] != change.version] + [message])
    else:
        inbox.messages.append(message)
        inbox.last = change.version


def _sanction_key(sanction: SanctionSet | SanctionLifted) -> tuple[str, str, str, str]:
    return sanction.app, sanction.kind, sanction.account, sanction.channel


def _apply_ledger(state: Snapshot, change: LedgerStarted | LedgerAppended | LedgerTrimmed) -> None:
    if isinstance(change, LedgerStarted):
        state.ledgers.setdefault(change.app, LedgerSnapshot(epoch=change.epoch))
    elif isinstance(change, LedgerAppended):
        ledger = state.ledgers[change.app]
        ledger.last = max(ledger.last, change.seq)
        ledger.last_of[change.stream] = max(ledger.last_of.get(change.stream, 0), change.seq)


def _expire_messages(state: Snapshot, ms: int) -> None:
    for inbox in state.inboxes.values():
        inbox.messages = [message for message in inbox.messages if message[2] > ms]
    state.inboxes = {key: inbox for key, inbox in state.inboxes.items() if inbox.messages or key in state.accounts}


def _apply_session(state: Snapshot, change: SessionOpened | SessionMoved | SessionClosed) -> None:
    key = (change.app, change.account)
    if isinstance(change, SessionOpened):
        state.sessions[key] = SessionSnapshot(
            line=change.line,
            server=change.server,
            resumable=change.resumable,
            expires_ms=change.expires_ms,
            proof=change.proof,
        )
    elif isinstance(change, SessionClosed):
        state.sessions.pop(key, None)
    elif key in state.sessions:
        state.sessions[key].channel = change.channel


def _blocks_of(events: list[LedgerAppended]) -> list[LedgerBlock]:
    blocks: list[LedgerBlock] = []
    for _, group in groupby(events, key=lambda event: event.seq // LEDGER_BLOCK):
        some = list(group)
        size = sum(len(event.text.encode()) for event in some)
        newest = max(event.ms for event in some)
        blocks.append(LedgerBlock(first=some[0].seq, last=some[-1].seq, ms=newest, size=size))
    return blocks


def _write_ledger(ledger: list[LedgerAppended], change: LedgerAppended | LedgerTrimmed) -> None:
    if isinstance(change, LedgerTrimmed):
        ledger[:-1] = [event for event in ledger[:-1] if event.seq > change.seq and event.ms >= change.before_ms]
        return
    start = bisect.bisect_left(ledger, change.seq, key=attrgetter("seq"))
    ledger[start : start + (start < len(ledger) and ledger[start].seq == change.seq)] = [change]
