"""Signatures of webhooks: who gets one can tell that it is ours, and that it is not an old one sent again.

The header ``Botkit-Signature`` is ``t=SECONDS,v1=HEX``: seconds since 1970 at this delivery, and the HMAC-SHA256 with
the secret over ``SECONDS.BODY``. A receiver checks it with ``verify_signature``, or as this does: it recomputes the
HMAC, compares in constant time, and refuses a time that is more than five minutes off. Within these five minutes, and
for the retries that ours are, it keeps to the ``cursor`` of the last record that it took, and passes over the others.
"""

import hashlib
import hmac

HEADER = "Botkit-Signature"

TOLERANCE_SECONDS = 300


class WrongSignature(ValueError):
    """A webhook that is not to be believed; the text says why."""


def sign(secret: str, body: bytes, seconds: int) -> str:
    """The value of ``Botkit-Signature`` for ``body``, at ``seconds`` since 1970."""
    return f"t={seconds},v1={_digest(secret, body, seconds)}"


def verify_signature(secret: str, header: str, body: bytes, now: float) -> None:
    """Check what came in ``Botkit-Signature``, at ``now`` (seconds since 1970). Raises ``WrongSignature``."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    time, digest = parts.get("t", ""), parts.get("v1", "")
    if not time.isascii() or not time.isdigit() or not digest:
        raise WrongSignature(f"{HEADER} is {header!r}: t=SECONDS,v1=HEX expected")
    if not hmac.compare_digest(_digest(secret, body, int(time)).encode(), digest.encode()):
        raise WrongSignature("the signature is not that of this body with this secret")
    if abs(now - int(time)) > TOLERANCE_SECONDS:
        raise WrongSignature(f"it was signed {now - int(time):.0f} s ago: sent again by somebody, or a clock is wrong")


def _digest(secret: str, body: bytes, seconds: int) -> str:
    return hmac.new(secret.encode(), str(seconds).encode() + b"." + body, hashlib.sha256).hexdigest()
