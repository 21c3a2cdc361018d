"""Which error a failed request raises: each kind of request has its range of the vendor's codes."""

from typing import NamedTuple

from botkit.errors import (
    ErrorCode,
    InviteFailed,
    JoinFailed,
    LeaveFailed,
    QueryFailed,
    RequestFailed,
    SendFailed,
    SignalingError,
)
from botkit.wire import requests
from botkit.wire.replies import Failure
from botkit.wire.request import Request
from botkit.wire.requests import CallRequest


class _Kind(NamedTuple):
    error: type[SignalingError]
    refused: ErrorCode
    unanswered: ErrorCode


_CODES = {int(code): code for code in ErrorCode}

_SEND = _Kind(SendFailed, ErrorCode.SENDMESSAGE_E_OTHER, ErrorCode.SENDMESSAGE_E_TIMEOUT)
_QUERY = _Kind(QueryFailed, ErrorCode.QUERYUSERNUM_E_OTHER, ErrorCode.QUERYUSERNUM_E_TIMEOUT)
_JOIN = _Kind(JoinFailed, ErrorCode.JOINCHANNEL_E_OTHER, ErrorCode.JOINCHANNEL_E_OTHER)
_LEAVE = _Kind(LeaveFailed, ErrorCode.LEAVECHANNEL_E_OTHER, ErrorCode.LEAVECHANNEL_E_OTHER)
_CALL = _Kind(InviteFailed, ErrorCode.INVITE_E_OTHER, ErrorCode.INVITE_E_NET)
_ANY = _Kind(RequestFailed, ErrorCode.GENERAL_E_FAILED, ErrorCode.GENERAL_E_UNKNOWN)

_KINDS: dict[type[Request], _Kind] = {
    requests.SendMessage: _SEND,
    requests.SendChannelMessage: _SEND,
    requests.QueryChannelCount: _QUERY,
    requests.QueryIsInChannel: _QUERY,
    requests.QueryChannelUsers: _QUERY,
    requests.QueryAllChannelUsers: _QUERY,
    requests.QueryUserStatus: _QUERY,
    requests.JoinChannel: _JOIN,
    requests.LeaveChannel: _LEAVE,
}


def refused(request: Request, failure: Failure) -> SignalingError:
    """The gateway said no: its code when it is one of the kind's range, else the kind's own."""
    kind = _kind(request)
    code = _CODES.get(failure.code, kind.refused)
    if code // 100 != kind.refused // 100:
        code = kind.refused
    return kind.error(code, failure.reason)


def unanswered(request: Request, why: str) -> SignalingError:
    """The request went out and no answer came: it may have been carried out."""
    kind = _kind(request)
    return kind.error(kind.unanswered, f"{why}; the request may have been carried out")


def not_sent(request: Request, why: str) -> SignalingError:
    """The request never went out."""
    kind = _kind(request)
    return kind.error(kind.refused, f"{why}; nothing was sent")


def _kind(request: Request) -> _Kind:
    return _CALL if isinstance(request, CallRequest) else _KINDS.get(type(request), _ANY)
