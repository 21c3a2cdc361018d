"""Tokens: an app's proof that it lets an account in.

Version 1 is the vendor's SignalingToken, ``1:<app id>:<expiry, seconds since 1970>:<MD5 hex of account + app id +
certificate + expiry>``. The Chinese documentation's example and the vendor's unit tests agree with this; the digest in
the English page's example does not.

Version 2 is ours, because version 1 rests on MD5 and knows no roles: ``2:<app id>:<expiry>:<role>:<HMAC-SHA256 hex>``,
keyed with the certificate, over everything before the digest and the account. The vendor's clients hand on whatever
token they are given, so they can use either.
"""

import hashlib
import hmac
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Role(Enum):
    """What a token makes of its account."""

    USER = "user"
    SERVER = "server"
    """Special channels and admin calls."""


class TokenVerdict(Enum):
    """What a token is worth. The values are the texts on which the vendor's SDKs decide their error code."""

    VALID = ""
    EXPIRED = "TokenErrorExpired"
    WRONG = "TokenErrorWrong"


def make_token(app_id: str, certificate: str, account: str, expires: int) -> str:
    """A version 1 token for ``account`` that holds until ``expires`` (seconds since 1970)."""
    digest = hashlib.md5(  # the vendor's format, not our choice
        f"{account}{app_id}{certificate}{expires}".encode(), usedforsecurity=False
    ).hexdigest()
    return f"1:{app_id}:{expires}:{digest}"


def check_token(token: str, app_id: str, certificate: str, account: str, now: float) -> TokenVerdict:
    """Whether ``token`` lets ``account`` into the app at ``now`` (seconds since 1970).

    Digests are compared in constant time, and a wrong token never says which part of it was wrong.
    """
    expires = token_expiry(token)
    if expires is None:
        return TokenVerdict.WRONG
    try:
        expected = make_token(app_id, certificate, account, expires)
    except UnicodeEncodeError:  # half of a surrogate pair in the account: nobody has a token for that
        return TokenVerdict.WRONG
    if not hmac.compare_digest(expected.encode(), token.encode(errors="surrogatepass")):
        return TokenVerdict.WRONG
    return TokenVerdict.EXPIRED if expires <= now else TokenVerdict.VALID


def token_expiry(token: str) -> int | None:
    """The second at which a version 1 token expires, whether or not it is valid; None for another text."""
    version, _, rest = token.partition(":")
    _, _, rest = rest.partition(":")
    expires, separator, _ = rest.partition(":")
    if version != "1" or not separator or not (expires.isascii() and expires.isdecimal()) or len(expires) > 12:
        return None
    return int(expires)


def make_role_token(app_id: str, certificate: str, account: str, expires: int, role: Role = Role.USER) -> str:
    """A version 2 token for ``account`` that holds until ``expires`` (seconds since 1970) and gives it ``role``."""
    head = f"2:{app_id}:{expires}:{role.value}"
    digest = hmac.new(certificate.encode(), f"{head}:{account}".encode(), hashlib.sha256).hexdigest()
    return f"{head}:{digest}"


class TokenGrant(NamedTuple):
    """What a token gives: nothing unless ``verdict`` is ``VALID``. ``signer`` is which of the certificates made it."""

    verdict: TokenVerdict
    role: Role = Role.USER
    expires: int = 0
    signer: int = 0


_NOTHING = TokenGrant(TokenVerdict.WRONG)


def judge_token(
    token: str, app_id: str, certificates: Sequence[str], account: str, now: float, *, accept_v1: bool = True
) -> TokenGrant:
    """What ``token``, of either version, gives ``account`` at ``now`` (seconds since 1970).

    ``certificates`` are all that the app accepts: during a rotation the old one and the new. Each is tried, and digests
    are compared in constant time, so that the time taken tells nothing.
    """
    best = _NOTHING
    for signer, certificate in enumerate(certificates):
        grant = _judge_with(token, app_id, certificate, account, now, accept_v1=accept_v1)
        if best.verdict is TokenVerdict.WRONG:
            best = grant._replace(signer=signer)
    return best


def _judge_with(token: str, app_id: str, certificate: str, account: str, now: float, *, accept_v1: bool) -> TokenGrant:
    if token.startswith("1:") and accept_v1:
        verdict = check_token(token, app_id, certificate, account, now)
        return TokenGrant(verdict, Role.USER, token_expiry(token) or 0)
    if not token.startswith("2:"):
        return _NOTHING
    parts = token.split(":")
    if len(parts) != 5 or not (parts[2].isascii() and parts[2].isdecimal() and len(parts[2]) <= 12):
        return _NOTHING
    expires = int(parts[2])
    role = Role.SERVER if parts[3] == Role.SERVER.value else Role.USER
    try:
        expected = make_role_token(app_id, certificate, account, expires, role)
    except UnicodeEncodeError:
        return _NOTHING
    if not hmac.compare_digest(expected.encode(), token.encode(errors="surrogatepass")):
        return _NOTHING
    return TokenGrant(TokenVerdict.EXPIRED if expires <= now else TokenVerdict.VALID, role, expires)
