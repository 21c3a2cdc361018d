"""All calls of a session, and what the messages in its inbox do to them."""

import itertools
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from msgspec import Struct

from botkit.errors import ErrorCode, InviteFailed
from botkit.events import (
    CallAccepted,
    CallEnded,
    CallFailed,
    CallInvited,
    CallMessageReceived,
    CallRefused,
    CallRinging,
    DigitsPressed,
    Event,
)
from botkit.signaling.call import Call
from botkit.signaling.call_record import CallRecord
from botkit.signaling.effects import AcknowledgeInvite, EndCall, Invite, RefuseInvite
from botkit.signaling.outgoing import Outgoing
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.types import Account, ChannelName, Uid
from botkit.wire.messages import CallContent, dtmf_digits
from botkit.wire.replies import Ok
from botkit.wire.states import CallAction, CallState

Emit = Callable[[Event], None]
Key = tuple[ChannelName, Account]
"""The wire has no id for a call: channel and peer name it, so there is one open call at most for each."""

INVITE = "voip_invite"

DRY_INVITE = "dry run: nobody was invited"


class Calls:
    """The open calls of a session by channel and peer, and the latest ones that are over, by number."""

    def __init__(self, outgoing: Outgoing, emit: Emit, settings: SignalSettings, counters: Counters) -> None:
        self._outgoing = outgoing
        self._emit = emit
        self._settings = settings
        self._counters = counters
        self._numbers = itertools.count(1)
        self._open: dict[Key, CallRecord] = {}
        self._calls: dict[int, Call] = {}
        self._over: OrderedDict[int, Call] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def get(self, number: int) -> Call | None:
        """See ``LoginSession.call``."""
        return self._calls.get(number) or self._over.get(number)

    async def invite(self, channel: ChannelName, peer: Account, extra: str) -> Call:
        """See ``LoginSession.invite``; the parameters are checked."""
        if (channel, peer) in self._open:
            raise InviteFailed(ErrorCode.INVITE_E_REINVITE, f"there is an open call with {peer} in {channel}")
        if len(self._open) >= self._settings.max_calls:
            raise InviteFailed(ErrorCode.INVITE_E_OTHER, f"{self._settings.max_calls} calls are open")
        record, call = self._add(channel, peer, extra, incoming=False)
        try:
            await self._outgoing.act(Invite(channel=channel, account=peer, extra=extra), Ok)
        except InviteFailed as error:
            if error.code is ErrorCode.INVITE_E_NET:
                self._withdraw(record)
            self._move(record, CallAction.FAIL, error.reason, error.code)
            raise
        except BaseException:
            self._withdraw(record)
            self._move(record, CallAction.END)
            raise
        if self._outgoing.dry_run:
            self._move(record, CallAction.FAIL, DRY_INVITE, ErrorCode.INVITE_E_TIMEOUT)
            self._emit(_peer_event(record, CallAction.FAIL, "", ErrorCode.INVITE_E_TIMEOUT))
        return call

    def on_message(self, kind: str, content: CallContent, ms: int) -> None:
        """A message about a call came; late and illegal ones are ignored and counted."""
        if kind == INVITE:
            self._invited(content, ms)
            return
        action = CallAction(kind)
        record = self._open.get((ChannelName(content.channel), Account(content.peer)))
        if record is None or not record.may(action, by_peer=True):
            self._counters.call_messages_ignored += 1
            return
        code = failure_code(content) if action is CallAction.FAIL else ErrorCode.INVITE_E_OTHER
        digits = dtmf_digits(content.extra) if action is CallAction.MESSAGE else None
        self._move(record, action, content.extra, code)
        if digits is not None:
            record.press(digits, self._counters)
        self._emit(_peer_event(record, action, content.extra, code, digits))

    def lose_all(self) -> None:
        """The connection is gone, and with it every open call."""
        for record in list(self._open.values()):
            self._lose(record)

    def end_all(self) -> None:
        """This session logs out: the gateway ends its calls."""
        for record in list(self._open.values()):
            self._finish(record, CallAction.END, "")

    def _invited(self, content: CallContent, ms: int) -> None:
        channel, peer = ChannelName(content.channel), Account(content.peer)
        before = self._open.get((channel, peer))
        if before is not None and not before.incoming:
            # Both sides invited each other. The gateway lets only one through, so this one is late.
            self._counters.call_messages_ignored += 1
            return
        if before is not None:
            self._move(before, CallAction.END)
            self._emit(_peer_event(before, CallAction.END, ""))
        if len(self._open) >= self._settings.max_calls:
            self._counters.calls_refused += 1
            self._outgoing.post(RefuseInvite(channel=channel, account=peer))
            return
        record, _ = self._add(channel, peer, content.extra, incoming=True)
        record.move(CallAction.ACKNOWLEDGE)
        self._outgoing.post(AcknowledgeInvite(channel=channel, account=peer))
        self._emit(
            CallInvited(
                call=record.number,
                channel=channel,
                peer=peer,
                uid=Uid(content.peeruid),
                extra=content.extra,
                ms=ms,
            )
        )

    def _add(self, channel: ChannelName, peer: Account, extra: str, *, incoming: bool) -> tuple[CallRecord, Call]:
        number, digits = next(self._numbers), self._settings.digit_buffer
        record = CallRecord(number, channel, peer, extra, incoming=incoming, digit_buffer=digits)
        call = Call(record, self._outgoing, finish=self._finish, message_ttl=self._settings.message_ttl)
        self._open[channel, peer] = record
        self._calls[number] = call
        return record, call

    def _move(
        self, record: CallRecord, action: CallAction, extra: str = "", code: ErrorCode = ErrorCode.INVITE_E_OTHER
    ) -> None:
        """Move a record, unless it is over. One that is over now can still be found by number for a while."""
        if record.is_over():
            return
        record.move(action, extra, code)
        if record.is_over():
            del self._open[record.channel, record.peer]
            self._over[record.number] = self._calls.pop(record.number)
            if len(self._over) > self._settings.ended_calls:
                self._over.popitem(last=False)

    def _finish(self, record: CallRecord, action: CallAction, extra: str) -> None:
        self._move(record, action, extra)
        if action is CallAction.END:
            self._emit(
                CallEnded(call=record.number, channel=record.channel, peer=record.peer, by_peer=False, extra=extra)
            )

    def _lose(self, record: CallRecord) -> None:
        if record.state is CallState.CONNECTED:
            self._finish(record, CallAction.END, "")
            return
        self._move(record, CallAction.FAIL, "the connection was lost", ErrorCode.INVITE_E_NET)
        self._emit(_peer_event(record, CallAction.FAIL, "", ErrorCode.INVITE_E_NET))

    def _withdraw(self, record: CallRecord) -> None:
        self._outgoing.post(EndCall(channel=record.channel, account=record.peer))


def _peer_event(
    record: CallRecord,
    action: CallAction,
    extra: str,
    code: ErrorCode = ErrorCode.INVITE_E_OTHER,
    digits: str | None = None,
) -> Event:
    call, channel, peer = record.number, record.channel, record.peer
    match action:
        case CallAction.ACKNOWLEDGE:
            return CallRinging(call=call, channel=channel, peer=peer)
        case CallAction.ACCEPT:
            return CallAccepted(call=call, channel=channel, peer=peer, extra=extra)
        case CallAction.REFUSE:
            return CallRefused(call=call, channel=channel, peer=peer, extra=extra)
        case CallAction.FAIL:
            return CallFailed(call=call, channel=channel, peer=peer, code=code, extra=extra)
        case CallAction.END:
            return CallEnded(call=call, channel=channel, peer=peer, by_peer=True, extra=extra)
        case CallAction.MESSAGE:
            if digits is not None:
                return DigitsPressed(call=call, channel=channel, peer=peer, digits=digits)
            return CallMessageReceived(call=call, channel=channel, peer=peer, extra=extra)


class _FailureExtra(Struct, frozen=True):
    code: int = 0


def failure_code(content: CallContent) -> ErrorCode:
    """The code of a ``voip_invite_failed``: its own, or a number or an object with ``code`` in its extra, or 700."""
    code = content.code
    if not code:
        try:
            parsed = msgspec.json.decode(content.extra, type=int | _FailureExtra)
        except (msgspec.MsgspecError, RecursionError):
            return ErrorCode.INVITE_E_OTHER
        code = parsed if isinstance(parsed, int) else parsed.code
    return ErrorCode(code) if 700 <= code <= 705 else ErrorCode.INVITE_E_OTHER
