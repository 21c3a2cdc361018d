"""The vendor's limits, in bytes of UTF-8, per second, or in members, and the checks for them.

The sources disagree by a few bytes between SDKs (8 K, 8192, 8196); botkit counts bytes of UTF-8 and takes
8192 for messages and extras and the documented 8096 for attribute values.
"""

import re
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from botkit.errors import ErrorCode

MAX_ACCOUNT_BYTES = 128
MAX_CHANNEL_BYTES = 128
MAX_MESSAGE_BYTES = 8192
MAX_EXTRA_BYTES = 8192
MAX_ATTRIBUTE_NAME_BYTES = 128
MAX_CHANNEL_ATTRIBUTE_BYTES = 8096
MAX_USER_ATTRIBUTE_BYTES = 1024
MAX_DTMF_DIGITS = 128

MAX_CLIENT_FRAME_BYTES = 64 * 1024
"""What a gateway takes from a client: the largest message, every byte of it escaped, fits."""

MAX_GATEWAY_FRAME_BYTES = 4 * 1024 * 1024
"""What a client takes from a gateway: a page of 30 messages of 8 KiB, or a list of 10,000 members."""

USER_MESSAGES_PER_SECOND = 60
CHANNEL_MESSAGES_PER_SECOND = 200
ATTRIBUTE_EVENTS_PER_SECOND = 10
MAX_CHANNEL_MEMBERS = 10_000
USER_LIST_SIZE = 200
INBOX_PAGE = 30

DEFAULT_CHANNEL_TTL = 7200
"""Seconds that an empty channel keeps its attributes (``_channel_ttl``)."""

OFFLINE_CALL_SECONDS = 20
"""How long an invitation waits for a peer that is offline (``_require_peer_online: 0``)."""

MIN_CALL_TIMEOUT, MAX_CALL_TIMEOUT = 1, 30

PING_SECONDS = 10
RESUME_SECONDS = 30

USER_ONLINE_CHANNEL = "__agora_user_online"
CHANNEL_EVENT_CHANNEL = "__agora_channel_event"
SPECIAL_CHANNELS = frozenset({USER_ONLINE_CHANNEL, CHANNEL_EVENT_CHANNEL})

SENDMSG_LIMIT = "_sendmsg_limit"
"""The channel's attribute that says how many messages a second it takes, if fewer than 200."""

SETATTR_LIMIT = "_setattr_limit"
"""The channel's attribute that says how often a second each of its attributes may change."""

NO_TOKEN = "_no_need_token"

DTMF_DIGITS = frozenset("0123456789*#")


RateScope: TypeAlias = Literal["user", "channel", "attribute"]
"""What a rate is of."""

_RATE_REFUSALS: dict[RateScope, re.Pattern[str]] = {
    "user": re.compile(r"too fast: at most [0-9]+ messages per second and user"),
    "channel": re.compile(r"too fast: at most [0-9]+ messages per second in this channel"),
    "attribute": re.compile(r"too fast: .+ may change [0-9]+ times per second"),
}


def rate_reason(scope: RateScope, limit: int, name: str = "") -> str:
    """The words of a refusal for being too fast, which a client can tell from others; ``name`` of an attribute."""
    if scope == "attribute":
        return f"too fast: {name} may change {limit} times per second"
    return f"too fast: at most {limit} messages per second {'and user' if scope == 'user' else 'in this channel'}"


def rate_refusal(reason: str) -> RateScope | None:
    """Which rate the words of a refusal are about; None for another reason. A moment later it may be let through."""
    return next((scope for scope, words in _RATE_REFUSALS.items() if words.fullmatch(reason)), None)


class Violation(NamedTuple):
    """A value outside a limit: the vendor's code and what to change."""

    code: ErrorCode
    reason: str


def _size_violation(what: str, text: object, most: int) -> Violation | None:
    if not isinstance(text, str):  # a program without a type checker: bytes would go out as base64
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, f"{what} is no text, but of type {type(text).__name__}")
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, f"{what} is not valid UTF-8")
    if size > most:
        return Violation(ErrorCode.GENERAL_E_LARGE_PARAM, f"{what} too large: {size} bytes of UTF-8, at most {most}")
    return None


def _name_violation(what: str, text: str, most: int) -> Violation | None:
    if not text:
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, f"{what} is empty")
    if not text.isprintable():
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, f"{what} has an invisible character")
    return _size_violation(what, text, most)


def account_violation(account: str) -> Violation | None:
    """An account is 1 to 128 bytes of visible characters, without a blank."""
    violation = _name_violation("account", account, MAX_ACCOUNT_BYTES)
    if violation is None and " " in account:  # the only blank that is printable
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, "account has a blank")
    return violation


def channel_violation(channel: str) -> Violation | None:
    """A channel name is 1 to 128 bytes of visible characters."""
    return _name_violation("channel name", channel, MAX_CHANNEL_BYTES)


def attribute_name_violation(name: str) -> Violation | None:
    """An attribute's name, of a user or a channel, is 1 to 128 bytes of visible characters."""
    return _name_violation("attribute name", name, MAX_ATTRIBUTE_NAME_BYTES)


def channel_attribute_violation(value: str) -> Violation | None:
    """A channel attribute's value is at most 8096 bytes."""
    return _size_violation("attribute value", value, MAX_CHANNEL_ATTRIBUTE_BYTES)


def user_attribute_violation(value: str) -> Violation | None:
    """A user attribute's value is at most 1024 bytes."""
    return _size_violation("attribute value", value, MAX_USER_ATTRIBUTE_BYTES)


def message_violation(text: str) -> Violation | None:
    """A message, instant or in a channel, is at most 8192 bytes."""
    return _size_violation("message", text, MAX_MESSAGE_BYTES)


def extra_violation(extra: str) -> Violation | None:
    """A call's ``extra`` is empty, or JSON of at most 8192 bytes."""
    if not extra:
        return None
    violation = _size_violation("extra", extra, MAX_EXTRA_BYTES)
    if violation is not None:
        return violation
    try:
        msgspec.json.decode(extra, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, "extra is not JSON")
    return None


def digits_violation(digits: str) -> Violation | None:
    """DTMF is 1 to 128 of the digits 0-9, ``*`` and ``#``."""
    if not digits or len(digits) > MAX_DTMF_DIGITS:
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, f"digits: 1 to {MAX_DTMF_DIGITS} of them")
    if not DTMF_DIGITS.issuperset(digits):
        return Violation(ErrorCode.GENERAL_E_WRONG_PARAM, "digits: only 0-9, * and #")
    return None
