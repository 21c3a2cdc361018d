"""Events as lines of text."""

from collections.abc import Mapping

from botkit.errors import ErrorCode
from botkit.events import (
    CallAccepted,
    CallEnded,
    CallFailed,
    CallInvited,
    CallMessageReceived,
    CallRefused,
    CallRinging,
    ChannelAttributeUpdated,
    ChannelJoined,
    ChannelLeft,
    ChannelMessage,
    DigitsPressed,
    Event,
    EventsLost,
    InstantMessage,
    LoggedIn,
    LoggedOut,
    MemberJoined,
    MemberLeft,
    MessageHeld,
    Reconnected,
    Reconnecting,
    UserJoined,
    UserLeft,
    UserOffline,
    UserOnline,
)
from botkit.observability.visible import visible

NEXT_LINE = "    | "
"""Begins each further line of a message, so that nobody can write one that looks like somebody else's."""

MOST_LINES = 40
"""A message has at most so many; what is left stands escaped in the last, so that nobody can scroll all else away."""


def show(event: Event) -> str:
    """What tells ``event``: a line, and one more for each further line of a message's text."""
    line = _session_line(event) or _channel_line(event) or _call_line(event) or _feed_line(event)
    if isinstance(event, (ChannelMessage, InstantMessage)):
        return f"\n{NEXT_LINE}".join(visible(part) for part in line.split("\n", MOST_LINES - 1))
    return visible(line or repr(event))


def member_lines(members: Mapping[str, int]) -> list[str]:
    """Who is there."""
    return [visible(f"  {account} (uid {uid})") for account, uid in sorted(members.items())]


def attribute_line(name: str, value: str | None) -> str:
    """One attribute; ``value`` is None when there is none of that name."""
    return visible(f"  no attribute {name}" if value is None else f"  {name} = {value}")


def message_line(account: str, text: str) -> str:
    """An instant message of our own, which nobody tells us about."""
    return visible(f"-> [{account}] {text}")


def waiting_line(account: str, seconds: int) -> str:
    """What becomes of a message to somebody who is offline."""
    return visible(f"* {account} is offline: the message waits for up to {seconds // 60} min")


def calling_line(account: str, channel: str, *, online: bool) -> str:
    """An invitation of our own, before anybody has answered."""
    offline = "" if online else f"; {account} is offline, so nobody may ever answer: /end gives up"
    return visible(f"* calling {account}, channel {channel}{offline}")


def attribute_lines(attributes: Mapping[str, str]) -> list[str]:
    """The channel's attributes."""
    return [attribute_line(name, value) for name, value in sorted(attributes.items())] or ["  no attributes"]


def _session_line(event: Event) -> str:
    match event:
        case LoggedIn(account=account, uid=uid):
            return f"* logged in as {account} (uid {uid})"
        case LoggedOut(code=code):
            return f"* {_reason(code)}"
        case Reconnecting(attempt=attempt):
            return f"* connection lost; reconnecting, attempt {attempt}"
        case Reconnected(rejoined=rejoined):
            return f"* reconnected{f', in {rejoined} again' if rejoined else ''}"
        case EventsLost(cause=cause, count=count):
            return f"* {'some' if count is None else count} events are missing: {cause}"
        case InstantMessage(account=account, text=text):
            return f"[{account}] {text}"
    return ""


def _channel_line(event: Event) -> str:
    match event:
        case ChannelMessage(account=account, text=text):
            return f"<{account}> {text}"
        case ChannelJoined(channel=channel, members=members):
            return f"* in {channel}, with {', '.join(account for account, _ in members) or 'nobody'}"
        case ChannelLeft(channel=channel, code=code):
            return f"* out of {channel}: {_reason(code)}"
        case UserJoined(account=account):
            return f"* {account} joined"
        case UserLeft(account=account):
            return f"* {account} left"
        case ChannelAttributeUpdated(account=account, kind="update", name=name, value=value):
            return f"* {account} set {name} = {value}"
        case ChannelAttributeUpdated(account=account, kind="del", name=name):
            return f"* {account} removed {name}"
        case ChannelAttributeUpdated(account=account):
            return f"* {account} removed all attributes"
        case MessageHeld(account=account, text=text, budget_ms=budget):
            return f"* held for {budget / 1000:g} s: <{account}> {text}"
    return ""


def _call_line(event: Event) -> str:
    match event:
        case CallInvited(peer=peer, channel=channel, extra=extra):
            return f"* {peer} calls, channel {channel}{_with(extra)}: /accept or /refuse"
        case CallRinging(peer=peer):
            return f"* it rings at {peer}"
        case CallAccepted(peer=peer, extra=extra):
            return f"* {peer} accepted the call{_with(extra)}"
        case CallRefused(peer=peer, extra=extra):
            return f"* {peer} refused the call{_with(extra)}"
        case CallFailed(peer=peer, code=code):
            return f"* the call to {peer} failed: {_reason(code)}"
        case CallEnded(peer=peer, by_peer=by_peer, extra=extra):
            return f"* {peer if by_peer else 'you'} ended the call{_with(extra)}"
        case DigitsPressed(peer=peer, digits=digits):
            return f"* {peer} pressed {digits}"
        case CallMessageReceived(peer=peer, extra=extra):
            return f"* {peer} sent in the call: {extra}"
    return ""


def _feed_line(event: Event) -> str:
    match event:
        case UserOnline(account=account):
            return f"* {account} is online"
        case UserOffline(account=account, reason=reason):
            return f"* {account} is offline ({reason})"
        case MemberJoined(account=account, channel=channel):
            return f"* {account} joined {channel}"
        case MemberLeft(account=account, channel=channel, reason=reason):
            return f"* {account} left {channel} ({reason})"
    return ""


def _with(extra: str) -> str:
    return f" with {extra}" if extra else ""


def _reason(code: ErrorCode) -> str:
    return f"{code.text} ({int(code)})"
