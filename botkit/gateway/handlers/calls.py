"""Requests about calls: inviting, answering, ending, digits."""

from botkit.errors import ErrorCode
from botkit.gateway.handlers import refuse_if
from botkit.gateway.hub import Hub
from botkit.gateway.sanctions import EVERYWHERE
from botkit.gateway.session import Session
from botkit.types import Account, ChannelName
from botkit.wire import requests as ask
from botkit.wire.limits import account_violation, channel_violation, extra_violation
from botkit.wire.replies import OK, Invited, Ok
from botkit.wire.states import CallAction


def invite(hub: Hub, session: Session, request: ask.Invite) -> Invited:
    """Invite a peer; inviting and joining the channel are independent. Refused with 700 when muted everywhere."""
    _check(request)
    hub.sanctions.check_mute(session.account, EVERYWHERE, ErrorCode.INVITE_E_OTHER)
    number = hub.calls.invite(session, ChannelName(request.channel), Account(request.peer), request.extra)
    return Invited(call=number)


def act(hub: Hub, session: Session, request: ask.CallRequest) -> Ok:
    """Everything that happens to a call after the invitation: the function's name is the action.

    An account that is muted everywhere can take a call and end it, but say nothing by that.
    """
    _check(request)
    action, extra = CallAction(request.function), request.extra
    if action is CallAction.MESSAGE:
        hub.sanctions.check_mute(session.account, EVERYWHERE, ErrorCode.INVITE_E_OTHER)
    elif hub.sanctions.mute_text(session.account, EVERYWHERE):
        extra = ""
    channel, peer = ChannelName(request.channel), Account(request.peer)
    hub.calls.act(session, action, channel, peer, extra, number=request.call)
    return OK


def _check(request: ask.CallRequest) -> None:
    refuse_if(channel_violation(request.channel))
    refuse_if(account_violation(request.peer))
    refuse_if(extra_violation(request.extra))
