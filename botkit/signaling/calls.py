"""All calls of a session, and what the messages in its inbox do to them."""

import itertools
from collections import OrderedDict
from collections.abc import Callable

from botkit.errors import ErrorCode, InviteFailed
from botkit.events import CallEnded, CallInvited, Event
from botkit.signaling.call import Call
from botkit.signaling.call_events import failure_code, peer_event
from botkit.signaling.call_record import CallRecord
from botkit.signaling.effects import AcknowledgeInvite, EndCall, Invite, RefuseInvite
from botkit.signaling.outgoing import Outgoing
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.types import Account, ChannelName, Uid
from botkit.wire.messages import CallContent, dtmf_digits
from botkit.wire.replies import Failure, Invited
from botkit.wire.requests import OWN_CALL
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
        self._rivals: dict[Key, tuple[CallContent, int]] = {}
        """Invitations by peers whom this session has just invited, too: the gateway's answer tells who was first."""

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

        def on_answer(answer: Invited | Failure | None) -> None:
            if isinstance(answer, Invited):
                record.at_gateway = answer.call
                self._rivals.pop((channel, peer), None)

        try:
            await self._outgoing.act(Invite(channel=channel, account=peer, extra=extra), Invited, on_answer)
        except InviteFailed as error:
            if error.code is ErrorCode.INVITE_E_NET:
                self._withdraw(record)
            self._move(record, CallAction.FAIL, error.reason, error.code)
            raise
        except BaseException:
            self._withdraw(record)
            self._move(record, CallAction.END)
            raise
        finally:
            if rival := self._rivals.pop((channel, peer), None):
                self._invited(*rival)
        if self._outgoing.dry_run:
            self._move(record, CallAction.FAIL, DRY_INVITE, ErrorCode.INVITE_E_TIMEOUT)
            self._emit(peer_event(record, CallAction.FAIL, "", ErrorCode.INVITE_E_TIMEOUT))
        return call

    def on_message(self, kind: str, content: CallContent, ms: int) -> None:
        """A message about a call came; late and illegal ones are ignored and counted."""
        if kind == INVITE:
            self._invited(content, ms)
            return
        action, key = CallAction(kind), (ChannelName(content.channel), Account(content.peer))
        if action is CallAction.END:
            self._forget_rival(key, content.call)
        record = self._open.get(key)
        if record is None or not record.is_meant(content.call) or not record.may(action, by_peer=True):
            self._counters.call_messages_ignored += 1
            return
        code = failure_code(content) if action is CallAction.FAIL else ErrorCode.INVITE_E_OTHER
        digits = dtmf_digits(content.extra) if action is CallAction.MESSAGE else None
        self._move(record, action, content.extra, code)
        if digits is not None:
            record.press(digits, self._counters)
        self._emit(peer_event(record, action, content.extra, code, digits))

    def lose_all(self) -> None:
        """The connection is gone, and with it every open call."""
        self._rivals.clear()
        for record in list(self._open.values()):
            self._lose(record)

    def end_all(self) -> None:
        """This session logs out: the gateway ends its calls."""
        self._rivals.clear()
        for record in list(self._open.values()):
            self._finish(record, CallAction.END, "")

    def _invited(self, content: CallContent, ms: int) -> None:
        channel, peer = ChannelName(content.channel), Account(content.peer)
        before = self._open.get((channel, peer))
        if before is not None and not before.incoming:
            # Both sides invited each other, and the gateway lets only one through.
            if before.at_gateway == OWN_CALL:
                self._rivals[channel, peer] = content, ms
            else:
                self._counters.call_messages_ignored += 1
            return
        if before is not None:
            self._move(before, CallAction.END)
            self._emit(peer_event(before, CallAction.END, ""))
        if len(self._open) >= self._settings.max_calls:
            self._counters.calls_refused += 1
            self._outgoing.post(RefuseInvite(channel=channel, account=peer, call=content.call))
            return
        record, _ = self._add(channel, peer, content.extra, incoming=True)
        record.at_gateway = content.call
        record.move(CallAction.ACKNOWLEDGE)
        self._outgoing.post(AcknowledgeInvite(channel=channel, account=peer, call=content.call))
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
        self._emit(peer_event(record, CallAction.FAIL, "", ErrorCode.INVITE_E_NET))

    def _forget_rival(self, key: Key, at_gateway: int) -> None:
        if key in self._rivals and self._rivals[key][0].call == at_gateway:
            del self._rivals[key]

    def _withdraw(self, record: CallRecord) -> None:
        self._outgoing.post(EndCall(channel=record.channel, account=record.peer, call=record.at_gateway))
