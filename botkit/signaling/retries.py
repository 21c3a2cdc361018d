"""How long a first login that does not reach the gateway is tried again."""

from typing import NamedTuple

from botkit.errors import ParameterError


class LoginRetries(NamedTuple):
    """The two limits of the vendor's ``login2``: whichever comes first ends it. None is no limit.

    ``seconds`` (``retry_time_in_s``) run from the first attempt and end one that is under way; ``again``
    (``retry_count``) is how many attempts there may be after the first.
    """

    seconds: float | None
    again: int | None


NO_RETRIES = LoginRetries(None, 0)


def login_retries(seconds: float | None, count: int | None) -> LoginRetries:
    """The limits that a caller asked for; without any there is one attempt. Raises ``ParameterError``."""
    if seconds is None and count is None:
        return NO_RETRIES
    if seconds is not None and not seconds > 0:
        raise ParameterError("retry_seconds", f"more than 0 expected, not {seconds:g}")
    if count is not None and count < 0:
        raise ParameterError("retry_count", f"0 or more expected, not {count}")
    return LoginRetries(seconds, count)
