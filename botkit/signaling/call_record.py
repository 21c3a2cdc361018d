"""The state of one call, as both its handle and the messages about it see it."""

from collections import deque

import trio

from botkit.errors import ErrorCode, InviteFailed, InviteRefused
from botkit.signaling.statistics import Counters
from botkit.types import Account, ChannelName
from botkit.wire.requests import OWN_CALL
from botkit.wire.states import CALLEE_ACTIONS, CallAction, CallState, next_call_state


class CallRecord:
    """One call of a session: who, where, in which state, and who waits for a change of it."""

    def __init__(
        self, number: int, channel: ChannelName, peer: Account, extra: str, *, incoming: bool, digit_buffer: int
    ) -> None:
        self.number = number
        self.channel = channel
        self.peer = peer
        self.extra = extra
        self.incoming = incoming
        self.state = CallState.INVITED
        self.at_gateway = 0 if incoming else OWN_CALL
        """The gateway's number of the call: ``OWN_CALL`` until it has answered the invitation, 0 if it gives none."""
        self.scopes: set[trio.CancelScope] = set()
        self._answered = trio.Event()
        self._ended = trio.Event()
        self._answer_extra = ""
        self._failure: InviteFailed | None = None
        self._digits: deque[str] = deque()
        self._digit_buffer = digit_buffer
        self._digit_waiters = trio.lowlevel.ParkingLot()

    def is_over(self) -> bool:
        """True when nothing can happen to the call any more."""
        return self.state.terminal

    def is_meant(self, at_gateway: int) -> bool:
        """Whether a message about the gateway's call of this number, or about one without, is about this call."""
        return at_gateway in (0, self.at_gateway)

    def may(self, action: CallAction, *, by_peer: bool) -> bool:
        """Whether ``action`` is legal now. Only the invited side acknowledges, accepts or refuses."""
        by_callee = by_peer is not self.incoming
        if action in CALLEE_ACTIONS and not by_callee:
            return False
        return next_call_state(self.state, action) is not None

    def move(self, action: CallAction, extra: str = "", code: ErrorCode = ErrorCode.INVITE_E_OTHER) -> None:
        """Take the state after ``action``, which must be legal, and wake those who wait for it."""
        state = next_call_state(self.state, action)
        if state is None:
            raise ValueError(f"{action} is illegal for a call that is {self.state.value}")
        self.state = state
        if state is CallState.CONNECTED:
            self._answer(extra)
        elif state.terminal:
            self._answer(extra, _failure(state, extra, code))
            self._finish()

    async def wait_answer(self) -> str:
        """The extra of the acceptance. Raises ``InviteFailed``, ``InviteRefused``. Safe to cancel."""
        await self._answered.wait()
        match self._failure:
            case None:
                return self._answer_extra
            case InviteRefused(extra=extra):
                raise InviteRefused(extra)
            case failure:
                raise InviteFailed(failure.code, failure.reason)

    async def wait_ended(self) -> None:
        """Return when the state is terminal. Safe to cancel."""
        await self._ended.wait()

    def press(self, digits: str, counters: Counters) -> None:
        """Digits came; what the buffer does not take is dropped and counted."""
        room = max(0, self._digit_buffer - len(self._digits))
        counters.digits_dropped += max(0, len(digits) - room)
        self._digits.extend(digits[:room])
        self._digit_waiters.unpark_all()

    async def next_digit(self, timeout: float) -> str | None:
        """The next digit; None when none came in ``timeout`` seconds or the call ended. Safe to cancel."""
        await trio.lowlevel.checkpoint()
        if not self._digits:
            with trio.move_on_after(timeout):
                while not (self._digits or self.state.terminal):
                    await self._digit_waiters.park()
        return self._digits.popleft() if self._digits else None

    def give_back(self, digits: list[str]) -> None:
        """Put digits back to be next; for a reader that was cancelled."""
        self._digits.extendleft(reversed(digits))

    def _answer(self, extra: str, failure: InviteFailed | None = None) -> None:
        if not self._answered.is_set():
            self._answer_extra, self._failure = extra, failure
            self._answered.set()

    def _finish(self) -> None:
        self._ended.set()
        self._digit_waiters.unpark_all()
        for scope in self.scopes:
            scope.cancel()


def _failure(state: CallState, extra: str, code: ErrorCode) -> InviteFailed:
    if state is CallState.REFUSED:
        return InviteRefused(extra)
    if state is CallState.FAILED:
        return InviteFailed(code, extra)
    return InviteFailed(ErrorCode.INVITE_E_OTHER, "the call ended before it was answered")
