"""SignalingToken, the vendor's proof that an app lets an account in.

Version 1 is ``1:<app id>:<expiry, seconds since 1970>:<MD5 hex of account + app id + certificate + expiry>``.
The Chinese documentation's example and the vendor's unit tests agree with this; the digest in the English
page's example does not.
"""

import hashlib
import hmac
from enum import Enum


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
