"""Requests about users: the inbox, instant messages, attributes, status, logout."""

import trio

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.handlers import refuse_if
from botkit.gateway.hub import Hub
from botkit.gateway.sanctions import EVERYWHERE
from botkit.gateway.session import Session
from botkit.types import Account
from botkit.wire import requests as ask
from botkit.wire.limits import (
    account_violation,
    attribute_name_violation,
    message_violation,
    rate_reason,
    user_attribute_violation,
)
from botkit.wire.messages import INSTANT
from botkit.wire.replies import OK, Messages, Ok, Status, UserAttribute, UserAttributes, encode_attributes


def get_messages(hub: Hub, session: Session, request: ask.GetMessages) -> Messages:
    """A page of the inbox; the dispatcher announces what is left behind it."""
    return hub.mailboxes.fetch(session.account, request.ver_clear, request.max, hub.clock.ms())


def send_message(hub: Hub, session: Session, request: ask.SendMessage) -> Ok:
    """An instant message, refused with 400 when muted everywhere or too fast."""
    if request.kind != INSTANT:
        raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, f"t must be {INSTANT!r}")
    refuse_if(account_violation(request.peer))
    refuse_if(message_violation(request.content))
    hub.sanctions.check_mute(session.account, EVERYWHERE, ErrorCode.SENDMESSAGE_E_OTHER)
    if not session.rate.allow(trio.current_time()):
        raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, rate_reason("user", session.rate.limit))
    hub.post.send_instant(session, Account(request.peer), request.content, ask.ttl_of(request.flag))
    return OK


def logout(hub: Hub, session: Session, request: ask.Logout) -> Ok:
    """The end of the session; the peer closes the connection once it has the answer."""
    hub.end(session, "logout")
    return OK


def query_status(hub: Hub, session: Session, request: ask.QueryUserStatus) -> Status:
    """1 while the account has a session."""
    return Status(status=int(hub.session_of(Account(request.account)) is not None))


def set_attribute(hub: Hub, session: Session, request: ask.SetUserAttribute) -> Ok:
    """Set an attribute of one's own, which anybody may read: refused with 1001 when muted everywhere."""
    refuse_if(attribute_name_violation(request.name))
    refuse_if(user_attribute_violation(request.value))
    hub.sanctions.check_mute(session.account, EVERYWHERE, ErrorCode.GENERAL_E_FAILED)
    hub.accounts.set_attribute(session.account, request.name, request.value)
    data = {"name": request.name, "value": request.value}
    hub.ledger.append("user_attribute", session.account, session.uid, reason="update", data=data)
    return OK


def get_attribute(hub: Hub, session: Session, request: ask.GetUserAttribute) -> UserAttribute:
    """Read an attribute of anybody, online or not."""
    attributes = hub.accounts.attributes_of(Account(request.account))
    value = attributes.get(request.name)
    if value is None:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"{request.account} has no attribute {request.name}")
    return UserAttribute(account=request.account, name=request.name, value=value)


def get_attributes(hub: Hub, session: Session, request: ask.GetUserAttributes) -> UserAttributes:
    """Read all attributes of anybody; none is an empty object."""
    attributes = hub.accounts.attributes_of(Account(request.account))
    if attributes.crowded:
        hub.counters.cut_answers.add_for(request.function)
    return UserAttributes(account=request.account, json=encode_attributes(attributes.fitting()))
