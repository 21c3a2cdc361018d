"""The vendor's built-in channel attributes: which there are and what they may be set to."""

from collections.abc import Mapping

from botkit.errors import ErrorCode, SignalingError
from botkit.wire import limits

USER_NOTIFICATION = "_userNotification"
CHANNEL_TTL = "_channel_ttl"
MEMBER_NUM = "_member_num"
AUTO_UPDATE_NUM = "_auto_update_num"
TOTAL_MEMBER_NUM = "_total_member_num"
AUTO_UPDATE_TOTAL_NUM = "_auto_update_total_num"
SENDMSG_LIMIT = limits.SENDMSG_LIMIT
SETATTR_LIMIT = limits.SETATTR_LIMIT

COUNTING = frozenset({AUTO_UPDATE_NUM, AUTO_UPDATE_TOTAL_NUM})
KEPT_BY_THE_GATEWAY = frozenset({MEMBER_NUM, TOTAL_MEMBER_NUM})
DEFAULTS = {
    USER_NOTIFICATION: 1,
    CHANNEL_TTL: limits.DEFAULT_CHANNEL_TTL,
    AUTO_UPDATE_NUM: 0,
    AUTO_UPDATE_TOTAL_NUM: 0,
}
_NUMERIC = frozenset({*DEFAULTS, SENDMSG_LIMIT, SETATTR_LIMIT})
_MOST = 10**9


def check_built_in(name: str, value: str | None) -> None:
    """Refuse a value that a built-in attribute cannot have. ``value`` None means deleting it.

    Raises ``SignalingError``: ``_member_num`` and ``_total_member_num`` are the gateway's, the others whole numbers.
    """
    if name in KEPT_BY_THE_GATEWAY:
        raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, f"{name} is kept by the gateway")
    if name in _NUMERIC and value is not None:
        whole = value.isascii() and value.isdecimal() and len(value) <= 10 and int(value) <= _MOST
        if not whole or (name == USER_NOTIFICATION and value not in ("0", "1")):
            raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, f"{name} must be a whole number, not {value[:20]!r}")


def check_ttl(name: str, value: str, longest: int) -> None:
    """Raises ``SignalingError`` when ``name`` is ``_channel_ttl`` and its value, already checked, above ``longest``."""
    if name == CHANNEL_TTL and int(value) > longest:
        raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, f"{name} is at most {longest} seconds here")


def number(attributes: Mapping[str, str], name: str) -> int | None:
    """A built-in's value, its default when it is not set, None when it has no default."""
    return int(attributes[name]) if name in attributes else DEFAULTS.get(name)
