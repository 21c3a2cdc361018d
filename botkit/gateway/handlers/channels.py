"""Requests about channels: joining, leaving, messages, attributes, and who is in."""

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.channels import Channel
from botkit.gateway.handlers import refuse_if
from botkit.gateway.hub import Hub
from botkit.gateway.later import Later
from botkit.gateway.session import Session
from botkit.types import Account, ChannelName
from botkit.wire import requests as ask
from botkit.wire.limits import (
    MAX_ACCOUNT_BYTES,
    MAX_CHANNEL_MEMBERS,
    SPECIAL_CHANNELS,
    USER_LIST_SIZE,
    attribute_name_violation,
    channel_attribute_violation,
    channel_violation,
    message_violation,
)
from botkit.wire.replies import OK, Count, IsIn, Joined, Member, Ok, Users, fitting, nested_size
from botkit.wire.request import Request

MOST_MEMBER_BYTES = nested_size('"' * MAX_ACCOUNT_BYTES) + nested_size(str(2**63)) + len("[,],")
"""What a member takes in an answer, at most."""


def join(hub: Hub, session: Session, request: ask.JoinChannel) -> Joined:
    """Enter a channel: the answer has the latest 200 members and the attributes."""
    violation = channel_violation(request.channel)
    if violation is not None:
        raise SignalingError(ErrorCode.JOINCHANNEL_E_OTHER, violation.reason)
    channel = hub.join(session, ChannelName(request.channel))
    if channel.attributes.crowded:
        hub.counters.cut_answers.add_for(request.function)
    members = _fitting(hub, request, channel.latest_members(), hub.settings.answer_bytes // 2)
    return Joined(members=members, attributes=channel.attributes.fitting())


def leave(hub: Hub, session: Session, request: ask.LeaveChannel) -> Ok:
    """Leave the channel; leaving one that the session is not in is no error."""
    if session.channel == request.channel:
        hub.leave(session, "leave")
    return OK


def send_message(hub: Hub, session: Session, request: ask.SendChannelMessage) -> Ok | Later:
    """A message to all members. Refused with 400: not a member, muted, too fast, or a special channel."""
    refuse_if(channel_violation(request.channel))
    refuse_if(message_violation(request.text))
    if request.channel in SPECIAL_CHANNELS:
        raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, "nobody writes into a special channel")
    hub.sanctions.check_mute(session.account, request.channel, ErrorCode.SENDMESSAGE_E_OTHER)
    if session.channel != request.channel:
        _check_outsider(hub, session, request)
    channel = hub.channels.open(ChannelName(request.channel))
    hub.channels.take_rates(session, channel)
    hold = hub.holds.moderator_of(channel.name, session)
    if hold is not None:
        return hub.holds.submit(hold, session, channel, request.text)
    hub.channels.deliver(session, channel, request.text)
    return OK


def _check_outsider(hub: Hub, session: Session, request: ask.SendChannelMessage) -> None:
    """Whether one that is not in the channel may write there: the Python SDK's ``send_channel_msg``, with ``force``.

    Servers may, and everybody where the app allows it; but not who was put out and has not joined again, and users not
    where a moderator holds the channel or nobody is in. Raises ``SignalingError`` (400).
    """
    name = ChannelName(request.channel)
    channel = hub.channels.get(name)
    if not request.force or not (session.server or hub.app.allow_force):
        why = f"not a member of {name}"
    elif channel is not None and session.account in channel.put_out:
        why = f"put out of {name}: join it again"
    elif session.server:
        return
    elif channel is None or not channel.members:
        why = f"nobody is in {name}"
    elif hub.holds.is_held(name):
        why = f"{name} is held by a moderator: join it"
    else:
        return
    raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, why)


def set_attribute(hub: Hub, session: Session, request: ask.SetChannelAttribute) -> Ok:
    """Set an attribute; all members are told."""
    refuse_if(attribute_name_violation(request.name))
    refuse_if(channel_attribute_violation(request.value))
    hub.attributes.set(session, _writable(hub, session, request.channel), request.name, request.value)
    return OK


def delete_attribute(hub: Hub, session: Session, request: ask.DeleteChannelAttribute) -> Ok:
    """Remove an attribute; all members are told."""
    refuse_if(attribute_name_violation(request.name))
    hub.attributes.delete(session, _writable(hub, session, request.channel), request.name)
    return OK


def clear_attributes(hub: Hub, session: Session, request: ask.ClearChannelAttributes) -> Ok:
    """Remove all attributes; all members are told once."""
    hub.attributes.clear(session, _writable(hub, session, request.channel))
    return OK


def query_count(hub: Hub, session: Session, request: ask.QueryChannelCount) -> Count:
    """How many are in; 0 for a channel that nobody knows."""
    channel = _visible(hub, session, request.channel)
    return Count(num=len(channel.members) if channel else 0)


def query_is_in(hub: Hub, session: Session, request: ask.QueryIsInChannel) -> IsIn:
    """Whether an account is in."""
    channel = _visible(hub, session, request.channel)
    return IsIn(isin=int(channel is not None and Account(request.account) in channel.members))


def query_users(hub: Hub, session: Session, request: ask.QueryChannelUsers) -> Users:
    """The latest 200 members."""
    return _users(hub, request, _visible(hub, session, request.channel), USER_LIST_SIZE)


def query_all_users(hub: Hub, session: Session, request: ask.QueryAllChannelUsers) -> Users:
    """All members, or the latest ``num``; of names that are too long for one answer, the latest that fit."""
    most = request.num if request.num > 0 else MAX_CHANNEL_MEMBERS
    return _users(hub, request, _visible(hub, session, request.channel), most)


def _users(hub: Hub, request: Request, channel: Channel | None, most: int) -> Users:
    if channel is None:
        return Users(num=0, members=())
    members = _fitting(hub, request, channel.latest_members(most), hub.settings.answer_bytes)
    return Users(num=len(channel.members), members=members)


def _fitting(hub: Hub, request: Request, members: tuple[Member, ...], most_bytes: int) -> tuple[Member, ...]:
    """The latest of ``members``, for as many as there is room in the answer."""
    if len(members) * MOST_MEMBER_BYTES <= most_bytes:
        return members
    latest = fitting(members[::-1], most_bytes)
    if len(latest) < len(members):
        hub.counters.cut_answers.add_for(request.function)
    return latest[::-1]


def _writable(hub: Hub, session: Session, name: str) -> Channel:
    refuse_if(channel_violation(name))
    if name in SPECIAL_CHANNELS:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, "special channels have no attributes")
    if session.channel != name and not session.server:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"not a member of {name}")
    channel = hub.channels.open(ChannelName(name))
    if session.account in channel.put_out:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"put out of {name}: join it again")
    hub.sanctions.check_mute(session.account, name, ErrorCode.GENERAL_E_FAILED)
    return channel


def _visible(hub: Hub, session: Session, name: str) -> Channel | None:
    refuse_if(channel_violation(name))
    if name in SPECIAL_CHANNELS and not session.server:
        return None
    return hub.channels.get(name)
