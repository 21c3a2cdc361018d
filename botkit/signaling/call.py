"""A call: an invitation to a channel, its answer, its digits, its end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import trio

from botkit.errors import ErrorCode, InviteFailed, ParameterError, SessionEnded
from botkit.signaling import checks
from botkit.signaling.call_record import CallRecord
from botkit.signaling.effects import AcceptInvite, EndCall, Lane, RefuseInvite, SendInCall, SendInstant
from botkit.signaling.outgoing import Outgoing
from botkit.types import Account, ChannelName, JsonObject
from botkit.wire.messages import dtmf_extra
from botkit.wire.replies import Failure, Ok
from botkit.wire.states import CallAction, CallState

Finish: TypeAlias = Callable[[CallRecord, CallAction, str], None]
"""Brings a call to its end on this side: record, what ended it, extra."""

END_SECONDS = 2.0
"""How long leaving ``Call.accepted`` waits for the answer to the end that it sends."""


class Call:
    """One call of a session, incoming or outgoing. Inviting and joining a channel are independent of each other.

    ``LoginSession.invite`` makes outgoing ones; incoming ones are found by the number in their events:
    ``session.call(event.call)``.
    """

    def __init__(
        self,
        record: CallRecord,
        outgoing: Outgoing,
        *,
        finish: Finish,
        message_ttl: int,
    ) -> None:
        self._record = record
        self._outgoing = outgoing
        self._finish = finish
        self._message_ttl = message_ttl

    def __repr__(self) -> str:
        direction = "from" if self.incoming else "to"
        return f"<Call {self.id} {direction} {self.peer!r} in {self.channel!r}, {self.state.value}>"

    @property
    def id(self) -> int:
        """The session's number for the call; events carry it as ``call``."""
        return self._record.number

    @property
    def channel(self) -> ChannelName:
        """The channel that the invitation is to."""
        return self._record.channel

    @property
    def peer(self) -> Account:
        """The other side."""
        return self._record.peer

    @property
    def extra(self) -> str:
        """What the invitation carries: JSON, or empty."""
        return self._record.extra

    @property
    def incoming(self) -> bool:
        """True when the other side invites."""
        return self._record.incoming

    @property
    def state(self) -> CallState:
        """Where the call is."""
        return self._record.state

    async def accept(self, extra: str | JsonObject = "") -> None:
        """Take an incoming call (``channelInviteAccept``); ``extra`` is JSON of at most 8192 bytes, or empty.

        Raises ``ParameterError``; ``InviteFailed`` (700) when the call is not there to be accepted, (702) when no
        answer came: then it may be accepted. A cancel leaves the request under way; ``end`` the call then.
        """
        text = checks.extra_text(extra)
        self._require(CallAction.ACCEPT)

        def on_answer(answer: Ok | Failure | None) -> None:
            if isinstance(answer, Ok) and self._record.may(CallAction.ACCEPT, by_peer=False):
                self._record.move(CallAction.ACCEPT, text)

        effect = AcceptInvite(channel=self.channel, account=self.peer, extra=text, call=self._record.at_gateway)
        await self._outgoing.act(effect, Ok, on_answer)

    async def refuse(self, extra: str | JsonObject = "") -> None:
        """Decline an incoming call (``channelInviteRefuse``). Nothing happens when it is over already.

        Raises ``ParameterError``; ``InviteFailed`` (700) for an outgoing or accepted call, (702) when no answer
        came. A cancel leaves the request under way.
        """
        text = checks.extra_text(extra)
        if self.state.terminal:
            return
        self._require(CallAction.REFUSE)

        def on_answer(answer: Ok | Failure | None) -> None:
            if isinstance(answer, Ok) and self._record.may(CallAction.REFUSE, by_peer=False):
                self._finish(self._record, CallAction.REFUSE, text)

        effect = RefuseInvite(channel=self.channel, account=self.peer, extra=text, call=self._record.at_gateway)
        await self._outgoing.act(effect, Ok, on_answer)

    async def end(self, extra: str | JsonObject = "") -> None:
        """End the call, or withdraw the invitation (``channelInviteEnd``). Nothing happens when it is over already.

        It is over here at once, told as ``CallEnded`` and cancelling the body of ``accepted``; then this waits
        until the gateway has it. Raises ``ParameterError``; ``InviteFailed`` (702) when no answer came: then the
        peer may not know yet, and is told if the session is resumed. A cancel leaves the call ended and the message
        to the peer on its way.
        """
        text = checks.extra_text(extra)
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.state.terminal:
            return
        effect = EndCall(channel=self.channel, account=self.peer, extra=text, call=self._record.at_gateway)
        posted = self._outgoing.post(effect)
        self._finish(self._record, CallAction.END, text)
        if posted is None:  # reconnecting: it goes out once the connection is back
            return
        try:
            await self._outgoing.finish(posted)
        except InviteFailed as error:
            if error.code is ErrorCode.INVITE_E_NET:
                raise
            # Any other refusal says that there is no such call any more: the peer was first.

    async def press(self, digits: str) -> None:
        """Send DTMF digits (``channelInviteDTMF``): 1 to 128 of 0-9, ``*`` and ``#``.

        Raises ``ParameterError``, ``InviteFailed`` (700 when the call is over, 702 when no answer came). A cancel
        leaves the digits under way.
        """
        checks.check_digits(digits)
        await self._send(dtmf_extra(digits))

    async def send_message(self, extra: str | JsonObject) -> None:
        """Send JSON of at most 8192 bytes to the peer within the call; raises and cancels like ``press``."""
        await self._send(checks.extra_text(extra))

    async def say(self, text: str, *, lane: Lane = Lane.CHAT) -> None:
        """Send the peer an instant message, which needs no call; see ``LoginSession.send_instant``."""
        checks.check_message(text)
        await self._outgoing.act(SendInstant(account=self.peer, text=text, ttl=self._message_ttl), Ok, lane=lane)

    async def wait_answer(self) -> str:
        """Wait until an outgoing call is accepted, and return the extra that the peer accepted with.

        Raises ``InviteRefused``, or ``InviteFailed`` with the code. Safe to cancel; the invitation stays open.
        """
        return await self._record.wait_answer()

    async def wait_ended(self) -> None:
        """Wait until the call is over; ``state`` says how. Safe to cancel; the call goes on."""
        await self._record.wait_ended()

    async def gather_dtmf(self, count: int = 1, timeout: float = 10.0, finish: str = "") -> str:
        """Up to ``count`` digits that the peer presses, those pressed before included.

        It ends early when no digit comes for ``timeout`` seconds, at one of the digits in ``finish`` (which is not
        returned), or with the call; so the result may be short, or empty. Raises ``ParameterError``. A cancel
        puts the digits back.
        """
        if count < 1 or timeout < 0:
            raise ParameterError("count" if count < 1 else "timeout", "must be positive")
        if finish:
            checks.check_digits(finish)
        gathered: list[str] = []
        try:
            while len(gathered) < count:
                digit = await self._record.next_digit(timeout)
                if digit is None or digit in finish:
                    break
                gathered.append(digit)
        except trio.Cancelled:
            self._record.give_back(gathered)
            raise
        return "".join(gathered)

    @asynccontextmanager
    async def accepted(self, extra: str | JsonObject = "") -> AsyncIterator["Call"]:
        """Accept, and stay in the call for the body: when the call ends the body is cancelled, and when the body
        ends the call is ended.

        Raises what ``accept`` raises; the call is ended then too. A cancel, also while accepting, ends the call,
        which takes up to 2 s.
        """
        scope = trio.CancelScope()
        self._record.scopes.add(scope)
        try:
            await self.accept(extra)
            with scope:
                yield self
        finally:
            self._record.scopes.discard(scope)
            with trio.move_on_after(END_SECONDS, shield=True), suppress(InviteFailed, SessionEnded):
                await self.end()  # without an answer there is no connection; the next one tells it

    async def _send(self, extra: str) -> None:
        self._require(CallAction.MESSAGE)
        effect = SendInCall(channel=self.channel, account=self.peer, extra=extra, call=self._record.at_gateway)
        await self._outgoing.act(effect, Ok)

    def _require(self, action: CallAction) -> None:
        if not self._record.may(action, by_peer=False):
            direction = "incoming" if self.incoming else "outgoing"
            reason = f"{action.name.lower()} is not possible for an {direction} call that is {self.state.value}"
            raise InviteFailed(ErrorCode.INVITE_E_OTHER, reason)
