"""What the messages about a call become for the application."""

import msgspec
from msgspec import Struct

from botkit.errors import ErrorCode
from botkit.events import (
    CallAccepted,
    CallEnded,
    CallFailed,
    CallMessageReceived,
    CallRefused,
    CallRinging,
    DigitsPressed,
    Event,
)
from botkit.signaling.call_record import CallRecord
from botkit.wire.messages import CallContent
from botkit.wire.states import CallAction


def peer_event(
    record: CallRecord,
    action: CallAction,
    extra: str,
    code: ErrorCode = ErrorCode.INVITE_E_OTHER,
    digits: str | None = None,
) -> Event:
    """What the application is told of an act of the peer, or of the gateway, on a call."""
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
