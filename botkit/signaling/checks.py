"""Parameters are checked here, before anything is sent."""

import msgspec
from msgspec import Struct, field

from botkit.errors import ErrorCode, ParameterError
from botkit.types import JsonObject
from botkit.wire import limits
from botkit.wire.admin import MAX_REASON_BYTES, MAX_SANCTION_SECONDS

MAX_TTL = 999_999_999
"""Seconds; what the nine digits of a message's flag can say."""


def check_account(account: str, parameter: str = "account") -> None:
    """1 to 128 bytes of visible characters, no blank. Raises ``ParameterError``."""
    _raise(parameter, limits.account_violation(account))


def check_channel(name: str) -> None:
    """1 to 128 bytes of visible characters. Raises ``ParameterError``."""
    _raise("channel", limits.channel_violation(name))


def check_message(text: str) -> None:
    """At most 8192 bytes. Raises ``ParameterError``."""
    _raise("text", limits.message_violation(text))


def check_channel_attribute(name: str, value: str = "") -> None:
    """A name of 1 to 128 bytes, a value of at most 8096. Raises ``ParameterError``."""
    _raise("name", limits.attribute_name_violation(name))
    _raise("value", limits.channel_attribute_violation(value))


def check_user_attribute(name: str, value: str = "") -> None:
    """A name of 1 to 128 bytes, a value of at most 1024. Raises ``ParameterError``."""
    _raise("name", limits.attribute_name_violation(name))
    _raise("value", limits.user_attribute_violation(value))


def check_digits(digits: str) -> None:
    """1 to 128 of 0-9, ``*`` and ``#``. Raises ``ParameterError``."""
    _raise("digits", limits.digits_violation(digits))


def check_ttl(ttl: int) -> None:
    """0 to 999,999,999 seconds. Raises ``ParameterError``."""
    if not 0 <= ttl <= MAX_TTL:
        raise ParameterError("ttl", f"0 to {MAX_TTL} seconds, not {ttl}")


def check_sanction(seconds: float, reason: str) -> None:
    """0 seconds to ten years, a reason of at most 256 bytes. Raises ``ParameterError``."""
    if not 0 <= seconds <= MAX_SANCTION_SECONDS:
        raise ParameterError("seconds", f"0 (until lifted) to {MAX_SANCTION_SECONDS}, not {seconds}")
    check_reason(reason)


def check_reason(reason: str) -> None:
    """At most 256 bytes. Raises ``ParameterError``."""
    _raise("reason", limits.message_violation(reason))
    size = len(reason.encode())
    if size > MAX_REASON_BYTES:
        text = f"too large: {size} bytes of UTF-8, at most {MAX_REASON_BYTES}"
        raise ParameterError("reason", text, ErrorCode.GENERAL_E_LARGE_PARAM)


def check_budget(seconds: float) -> None:
    """0.01 to 10 seconds. Raises ``ParameterError``."""
    if not 0.01 <= seconds <= 10:
        raise ParameterError("budget", f"0.01 to 10 seconds, not {seconds}")


def check_limit(limit: int) -> None:
    """1 to 1,000 events. Raises ``ParameterError``."""
    if not 1 <= limit <= 1000:
        raise ParameterError("limit", f"1 to 1000, not {limit}")


def extra_text(extra: str | JsonObject) -> str:
    """A call's extra as it travels: JSON of at most 8192 bytes, or empty. Raises ``ParameterError``."""
    if not isinstance(extra, str):
        try:
            extra = msgspec.json.encode(extra).decode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ParameterError("extra", f"is not JSON: {error}") from None
    _raise("extra", limits.extra_violation(extra))
    return extra


class _InviteOptions(Struct, frozen=True):
    require_peer_online: int = field(name="_require_peer_online", default=0)
    timeout: int = field(name="_timeout", default=0)


def check_invite_options(extra: str) -> None:
    """The two keys of an invitation's extra that the gateway reads: ``_require_peer_online`` is 0 or 1,
    ``_timeout`` 0 to 30 seconds. Whatever else it holds is the peer's. Raises ``ParameterError``.
    """
    if not extra.lstrip().startswith("{"):
        return
    try:
        options = msgspec.json.decode(extra, type=_InviteOptions)
    except msgspec.ValidationError as error:
        raise ParameterError("extra", str(error)) from None
    if options.require_peer_online not in {0, 1}:
        raise ParameterError("extra", f"_require_peer_online is 0 or 1, not {options.require_peer_online}")
    if not 0 <= options.timeout <= limits.MAX_CALL_TIMEOUT:
        raise ParameterError("extra", f"_timeout is 0 to {limits.MAX_CALL_TIMEOUT} seconds, not {options.timeout}")


def _raise(parameter: str, violation: limits.Violation | None) -> None:
    if violation is None:
        return
    # The error names the parameter; most reasons begin with its name, too, as the gateway's answers need it.
    reason = violation.reason.removeprefix(f"{parameter}: ").removeprefix(f"{parameter} ")
    raise ParameterError(parameter, reason, ErrorCode(violation.code))
