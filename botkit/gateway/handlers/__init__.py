"""What the gateway does for each request: plain functions of hub, session and typed request.

A handler returns the reply, or raises ``SignalingError`` to refuse with the vendor's number and a reason. It may queue
frames for any peer and may not wait.
"""

from botkit.errors import SignalingError
from botkit.wire.limits import Violation


def refuse_if(violation: Violation | None) -> None:
    """Raises ``SignalingError`` for a value outside of a limit."""
    if violation is not None:
        raise SignalingError(violation.code, violation.reason)
