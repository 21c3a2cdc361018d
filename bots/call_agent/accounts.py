"""Accounts that are named in a configuration."""

from botkit import ConfigError

MAX_BYTES = 128


def check_account(name: str, key: str, *, file: str = "") -> None:
    """Raise ``ConfigError``, at ``key`` and ``file``, for what cannot be an account."""
    if name and len(name.encode()) <= MAX_BYTES and not any(character.isspace() for character in name):
        return
    place = f"{file}: " if file else ""
    hint = f"1 to {MAX_BYTES} bytes without a space"
    raise ConfigError(f"{place}{name!r} is no account", key=key, hint=hint)
