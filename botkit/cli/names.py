"""Names on the command line, checked before anything is started."""

from botkit.errors import ConfigError
from botkit.types import Account, ChannelName
from botkit.wire.limits import account_violation, channel_violation


def checked_account(text: str, option: str = "--account") -> Account:
    """The account. Raises ``ConfigError`` naming ``option``."""
    violation = account_violation(text)
    if violation is not None:
        raise ConfigError(violation.reason, key=option)
    return Account(text)


def checked_channel(text: str, option: str = "--channel") -> ChannelName:
    """The channel. Raises ``ConfigError`` naming ``option``."""
    violation = channel_violation(text)
    if violation is not None:
        raise ConfigError(violation.reason, key=option)
    return ChannelName(text)
