"""Calls: invitations between two accounts, their states, their deadlines.

A call belongs to the two sessions that take part in it: the vendor's SDKs find it by channel and peer, and break when
told of a call that they do not know, so a message about a call goes only to a session that has it.
"""

from itertools import count
from typing import Protocol

from msgspec import UNSET, MsgspecError, Struct, UnsetType, field
from msgspec.json import decode, encode

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.counters import Counters
from botkit.gateway.ledger import Ledger
from botkit.gateway.session import Session
from botkit.gateway.timers import Timer, Timers
from botkit.types import Account, ChannelName
from botkit.wire.limits import MAX_CALL_TIMEOUT, OFFLINE_CALL_SECONDS
from botkit.wire.messages import CallContent
from botkit.wire.requests import OWN_CALL
from botkit.wire.states import CALLEE_ACTIONS, CallAction, CallState, next_call_state

MAX_OPEN_CALLS = 1000
"""Open calls of one account, in either role."""


class InviteOptions(Struct, frozen=True):
    """What ``extra`` may ask of the gateway; everything else in it passes through untouched."""

    require_peer_online: int = field(name="_require_peer_online", default=0)
    timeout: int | None = field(name="_timeout", default=None)


def invite_options(extra: str) -> InviteOptions:
    """The options in an invitation's extra. Raises ``SignalingError`` (1004) for a ``_timeout`` outside of 0 to 30."""
    try:
        options = decode(extra, type=InviteOptions) if extra.lstrip().startswith("{") else InviteOptions()
    except MsgspecError as error:
        raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, f"extra: {error}") from None
    if options.timeout is not None and not 0 <= options.timeout <= MAX_CALL_TIMEOUT:
        reason = f"_timeout must be 0 to {MAX_CALL_TIMEOUT} seconds, not {options.timeout}"
        raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, reason)
    return options


class FailureExtra(Struct, frozen=True):
    """The ``extra`` of ``voip_invite_failed``: what web clients hand to their application."""

    code: int
    reason: str


class Call:
    """One call.

    ``callee`` is the session that has it, None while the invited account is offline. ``invite_version`` is the
    invitation's number in its inbox.
    """

    __slots__ = ("callee", "callee_account", "caller", "channel", "extra", "invite_version", "number", "state", "timer")

    def __init__(self, number: int, caller: Session, callee_account: Account, channel: ChannelName, extra: str) -> None:
        self.number = number
        self.caller, self.callee_account = caller, callee_account
        self.callee: Session | None = None
        self.channel, self.extra = channel, extra
        self.state = CallState.INVITED
        self.invite_version = 0
        self.timer: Timer | None = None

    def other(self, session: Session) -> Session | None:
        """The other side's session."""
        return self.callee if session is self.caller else self.caller


class CallDelivery(Protocol):
    """How calls reach peers; the hub does it through their inboxes."""

    def session_of(self, account: Account) -> Session | None:
        """The session of an account that is online."""
        ...

    def uid_of(self, account: Account) -> int:
        """The account's number, 0 when it never logged in."""
        ...

    def deliver_call(self, to: Session, call: object, kind: str, content: CallContent) -> int:
        """Put a message about ``call`` into the session's inbox, full or not; returns its version there."""
        ...

    def was_fetched(self, account: Account, version: int) -> bool:
        """Whether the account's session has fetched a message."""
        ...

    def withdraw_call(self, account: Account, call: object) -> None:
        """Take back what the account's session has not fetched about ``call``."""
        ...

    def has_room(self, account: Account) -> bool:
        """Whether the account's inbox is not full."""
        ...


class Calls:
    """All open calls of one app. A pair of accounts has at most one open call by channel."""

    def __init__(
        self, delivery: CallDelivery, ledger: Ledger, timers: Timers, counters: Counters, ring_timeout: float
    ) -> None:
        self._delivery, self._ledger, self._timers, self._counters = delivery, ledger, timers, counters
        self._ring_timeout = ring_timeout
        self._numbers = count(1)
        self._calls: dict[tuple[Account, ChannelName, Account], Call] = {}
        self._by_account: dict[Account, list[Call]] = {}

    def invite(self, caller: Session, channel: ChannelName, peer: Account, extra: str) -> int:
        """Start a call, and return its number.

        Raises ``SignalingError``: 701 for an open one, 703 for an offline peer that must be online, 700 for a bound.
        """
        options = invite_options(extra)
        if caller.account == peer:
            raise SignalingError(ErrorCode.INVITE_E_OTHER, "nobody calls themselves")
        if (caller.account, channel, peer) in self._calls:
            raise SignalingError(ErrorCode.INVITE_E_REINVITE, f"there is an open call with {peer} in {channel}")
        for account in (caller.account, peer):
            if len(self._by_account.get(account, ())) >= MAX_OPEN_CALLS:
                raise SignalingError(ErrorCode.INVITE_E_OTHER, f"{account} has {MAX_OPEN_CALLS} open calls already")
            self._check_room(account)
        callee = self._delivery.session_of(peer)
        if callee is None and (options.require_peer_online == 1 or options.timeout == 0):
            self._counters.invitations.add_for("offline")
            raise SignalingError(ErrorCode.INVITE_E_PEEROFFLINE, f"{peer} is offline")
        call = Call(next(self._numbers), caller, peer, channel, extra)
        self._remember(call)
        self._note(call, CallState.INVITED)
        if callee is not None:
            self._ring(call, callee)
        self._set_deadline(call, options.timeout or 0)
        return call.number

    def act(
        self,
        session: Session,
        action: CallAction,
        channel: ChannelName,
        peer: Account,
        extra: str,
        *,
        number: int | UnsetType = UNSET,
    ) -> None:
        """What one side does to a call: its state moves and the other side is told.

        Raises ``SignalingError`` (700) when there is no such call, or the call is not in a state for it: then nothing
        happens, so that of two sides that act at once the first wins and both end up the same. For ``number`` see
        ``CallRequest``.
        """
        call = self._calls.get((session.account, channel, peer))
        if call is None or not _is_meant(call, session, number) or not self._has(session, call):
            raise SignalingError(ErrorCode.INVITE_E_OTHER, f"no open call with {peer} in {channel}")
        if action in CALLEE_ACTIONS and session is not call.callee:
            raise SignalingError(ErrorCode.INVITE_E_OTHER, "only the invited side may do that")
        state = next_call_state(call.state, action)
        if state is None:
            raise SignalingError(ErrorCode.INVITE_E_OTHER, f"not possible while the call is {call.state.value}")
        if action is CallAction.MESSAGE:
            if call.callee is None:
                raise SignalingError(ErrorCode.INVITE_E_OTHER, f"{peer} is offline and has not got the invitation")
            self._check_room(peer)
        self._move(call, state)
        if state.terminal:
            self._delivery.withdraw_call(session.account, call)
        self._tell_other(call, session, action, extra)

    def session_started(self, session: Session) -> None:
        """Deliver the invitations that waited for this account."""
        for call in list(self._by_account.get(session.account, ())):
            if call.callee is None and call.callee_account == session.account and not call.state.terminal:
                self._ring(call, session)

    def session_ended(self, session: Session) -> None:
        """End the calls of a session that is gone; their other sides are told."""
        for call in list(self._by_account.get(session.account, ())):
            if session not in (call.caller, call.callee):
                continue
            self._move(call, CallState.ENDED)
            self._tell_other(call, session, CallAction.END, "")

    def _ring(self, call: Call, callee: Session) -> None:
        call.callee = callee
        content = _content(call, call.caller, call.extra)
        call.invite_version = self._delivery.deliver_call(callee, call, "voip_invite", content)

    def _has(self, session: Session, call: Call) -> bool:
        """Whether the peer knows of this call: as the caller, or once it fetched the invitation."""
        if session is call.callee:
            return self._delivery.was_fetched(session.account, call.invite_version)
        return session is call.caller

    def _check_room(self, account: Account) -> None:
        if not self._delivery.has_room(account):
            raise SignalingError(ErrorCode.INVITE_E_OTHER, f"the inbox of {account} is full")

    def _set_deadline(self, call: Call, timeout: int) -> None:
        """A peer that stays offline is given up after 20 s, whatever else; one that rings, when its time is over."""
        seconds = timeout or self._ring_timeout
        if call.callee is None and not 0 < timeout <= OFFLINE_CALL_SECONDS:
            then = max(0.0, seconds - OFFLINE_CALL_SECONDS)
            call.timer = self._timers.after(OFFLINE_CALL_SECONDS, lambda: self._give_up_offline(call, then))
        else:
            call.timer = self._timers.after(seconds, lambda: self._fail(call, ErrorCode.INVITE_E_TIMEOUT))

    def _give_up_offline(self, call: Call, left: float) -> None:
        if call.callee is None:
            self._fail(call, ErrorCode.INVITE_E_PEEROFFLINE)
        else:
            call.timer = self._timers.after(left, lambda: self._fail(call, ErrorCode.INVITE_E_TIMEOUT))

    def _fail(self, call: Call, code: ErrorCode) -> None:
        self._move(call, CallState.FAILED)
        content = CallContent(
            channel=call.channel,
            peer=call.callee_account,
            extra=encode(FailureExtra(int(code), code.text)).decode(),
            peeruid=self._delivery.uid_of(call.callee_account),
            code=int(code),
            call=call.number,
        )
        self._delivery.deliver_call(call.caller, call, CallAction.FAIL.value, content)
        self._tell_other(call, call.caller, CallAction.END, "")

    def _tell_other(self, call: Call, session: Session, action: CallAction, extra: str) -> None:
        other = call.other(session)
        if other is None or self._delivery.session_of(other.account) is not other:
            return
        if action is CallAction.END and not self._has(other, call):
            self._delivery.withdraw_call(other.account, call)
            return
        self._delivery.deliver_call(other, call, action.value, _content(call, session, extra))

    def _move(self, call: Call, state: CallState) -> None:
        if state is call.state:
            return
        self._note(call, state)
        call.state = state
        if state is CallState.CONNECTED or state.terminal:
            if call.timer is not None:
                call.timer.cancel()
            self._counters.invitations.add_for(state.value)
        if state.terminal:
            self._forget(call)

    def _note(self, call: Call, state: CallState) -> None:
        caller = call.caller
        data: dict[str, str] = {"peer": call.callee_account}
        self._ledger.append("call", caller.account, caller.uid, channel=call.channel, reason=state.value, data=data)

    def _remember(self, call: Call) -> None:
        for mine, other in self._sides(call):
            self._calls[mine, call.channel, other] = call
            self._by_account.setdefault(mine, []).append(call)

    def _forget(self, call: Call) -> None:
        for mine, other in self._sides(call):
            del self._calls[mine, call.channel, other]
            calls = self._by_account[mine]
            calls.remove(call)
            if not calls:
                del self._by_account[mine]

    @staticmethod
    def _sides(call: Call) -> tuple[tuple[Account, Account], tuple[Account, Account]]:
        caller, callee = call.caller.account, call.callee_account
        return (caller, callee), (callee, caller)


def _content(call: Call, of: Session, extra: str) -> CallContent:
    """What the other side of ``of`` is told."""
    return CallContent(channel=call.channel, peer=of.account, extra=extra, peeruid=of.uid, call=call.number)


def _is_meant(call: Call, by: Session, number: int | UnsetType) -> bool:
    """Whether this call is the one that a side means with a number."""
    return number in (UNSET, call.number) or (number == OWN_CALL and by is call.caller)
