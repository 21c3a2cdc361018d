"""State tables of a session, its channel and a call: every legal move, in one place.

Gateway and client read the same tables, so both ends of a race come to the same result.
"""

from enum import Enum, IntEnum


class LoginStatus(IntEnum):
    """The vendor's ``getStatus`` numbers."""

    LOGGED_OUT = 0
    CONNECTING = 1
    LOGGED_IN = 2
    LOGIN_FAILED = 3
    INITIAL = 4


class CallState(Enum):
    """Where a call is. The last three are terminal."""

    INVITED = "invited"
    RINGING = "ringing"
    CONNECTED = "connected"
    REFUSED = "refused"
    FAILED = "failed"
    ENDED = "ended"

    @property
    def terminal(self) -> bool:
        """True when nothing can happen to the call any more."""
        return self in _TERMINAL


_TERMINAL = frozenset({CallState.REFUSED, CallState.FAILED, CallState.ENDED})


class CallAction(Enum):
    """What can happen to a call, and by whom. The values are the wire's names."""

    ACKNOWLEDGE = "voip_invite_ack"
    ACCEPT = "voip_invite_accept"
    REFUSE = "voip_invite_refuse"
    END = "voip_invite_bye"
    MESSAGE = "voip_invite_msg"
    FAIL = "voip_invite_failed"


CALLEE_ACTIONS = frozenset({CallAction.ACKNOWLEDGE, CallAction.ACCEPT, CallAction.REFUSE})
"""Only the invited side may do these; ``FAIL`` is the gateway's, the rest belongs to both."""

CALL_MOVES: dict[CallState, dict[CallAction, CallState]] = {
    CallState.INVITED: {
        CallAction.ACKNOWLEDGE: CallState.RINGING,
        CallAction.ACCEPT: CallState.CONNECTED,
        CallAction.REFUSE: CallState.REFUSED,
        CallAction.END: CallState.ENDED,
        CallAction.FAIL: CallState.FAILED,
        CallAction.MESSAGE: CallState.INVITED,
    },
    CallState.RINGING: {
        CallAction.ACCEPT: CallState.CONNECTED,
        CallAction.REFUSE: CallState.REFUSED,
        CallAction.END: CallState.ENDED,
        CallAction.FAIL: CallState.FAILED,
        CallAction.MESSAGE: CallState.RINGING,
    },
    CallState.CONNECTED: {
        CallAction.END: CallState.ENDED,
        CallAction.MESSAGE: CallState.CONNECTED,
    },
    CallState.REFUSED: {},
    CallState.FAILED: {},
    CallState.ENDED: {},
}


def next_call_state(state: CallState, action: CallAction) -> CallState | None:
    """The state after ``action``, or None when the action is illegal in ``state``."""
    return CALL_MOVES[state].get(action)
