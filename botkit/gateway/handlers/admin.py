"""Admin requests: what the vendor's API has no verb for and a moderator needs. Server accounts only."""

import math

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.handlers import refuse_if
from botkit.gateway.hub import Hub
from botkit.gateway.mutes import EVERYWHERE
from botkit.gateway.session import Session
from botkit.types import Account
from botkit.wire import requests as ask
from botkit.wire.limits import account_violation, channel_violation
from botkit.wire.replies import OK, Ok

MAX_REASON_BYTES = 256
MAX_SECONDS = 10 * 365 * 86400.0


def mute(hub: Hub, session: Session, request: ask.Mute) -> Ok:
    """Refuse an account's messages from now on."""
    _check(request.account, request.channel)
    if not (math.isfinite(request.seconds) and 0 <= request.seconds <= MAX_SECONDS):
        raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, f"seconds must be 0 to {MAX_SECONDS:.0f}")
    if len(request.reason.encode()) > MAX_REASON_BYTES:
        raise SignalingError(ErrorCode.GENERAL_E_LARGE_PARAM, f"reason too large: at most {MAX_REASON_BYTES} bytes")
    hub.mutes.mute(Account(request.account), request.channel, request.seconds, request.reason)
    return OK


def unmute(hub: Hub, session: Session, request: ask.Unmute) -> Ok:
    """Let an account speak again."""
    _check(request.account, request.channel)
    hub.mutes.lift(Account(request.account), request.channel)
    return OK


def _check(account: str, channel: str) -> None:
    refuse_if(account_violation(account))
    if channel != EVERYWHERE:
        refuse_if(channel_violation(channel))
