"""The debug trace of frames, with what is secret left out."""

import re

import structlog
from msgspec import Raw
from structlog.typing import FilteringBoundLogger

from botkit.types import Account

_log: FilteringBoundLogger = structlog.get_logger("botkit.signaling")

# The values of these keys, however often the JSON around them was put into a string again.
_SECRET = re.compile(r'(\\*"(?:token|line|certificate|msgdata)\\*"\s*:\s*\\*")[^"\\]+')

_MAX_LOGGED = 2000


class Trace:
    """The vendor's ``setDoLog``: whether frames are logged at DEBUG. Can be switched while sessions run."""

    def __init__(self) -> None:
        self.enabled = False


class AccountTrace:
    """The trace of one account's frames."""

    def __init__(self, trace: Trace, account: Account) -> None:
        self._trace = trace
        self._account = account

    def sent(self, frame: bytes) -> None:
        """Log a frame that goes to the gateway."""
        if self._trace.enabled:
            _log.debug("frame sent", account=self._account, frame=redacted(frame.decode()))

    def received(self, frame: bytes | str | Raw) -> None:
        """Log a frame that came from the gateway."""
        if self._trace.enabled:
            text = frame if isinstance(frame, str) else bytes(frame).decode(errors="backslashreplace")
            _log.debug("frame received", account=self._account, frame=redacted(text))


def redacted(frame: str) -> str:
    """The frame's text without tokens, lines, certificates and digits (a PIN, maybe), cut at 2000 characters."""
    text = _SECRET.sub(r"\1***", frame)
    return text if len(text) <= _MAX_LOGGED else f"{text[:_MAX_LOGGED]}… ({len(text)} characters)"
