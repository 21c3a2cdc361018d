"""The link rule: which domains a message points to, and whether they are allowed.

A link is ``scheme://host…``, ``www.host…``, or a bare domain whose last label is one of ``bare_endings``. The
host is what a browser would open: what stands before an ``@`` is no host, a backslash ends it like a slash, and
an international name is compared in its ASCII form. A mail address is no link.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from bots.moderation.normalise import Normalised

MAX_HOST_LENGTH = 253
"""Characters in the longest name that DNS can hold."""

_AUTHORITY = re.compile(r"[^\s/\\?#]*")
_HOST = re.compile(r"\[[^\]]*\]|[^\[\]<>\"'`(){},;:!|*~]*")
_DOTS = str.maketrans("。．｡", "...")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class LinkMatch(Struct, frozen=True):
    """A link to ``host`` at ``start`` to ``end`` of the normalised text."""

    host: str
    start: int
    end: int


class LinkFinder:
    """Finds the links of a text, and the first that leads anywhere else than to the ``allowed`` domains."""

    def __init__(self, allowed: Iterable[str], bare_endings: Iterable[str]) -> None:
        self._allowed = frozenset(ascii_host(domain) for domain in allowed)
        # Every repeat is bounded and a try starts only where a word does: no text can make the search slow.
        forms = [r"[a-z][a-z0-9+.\-]{0,31}://", r"www\d?\.(?=[^\s.])"]
        endings = "|".join(re.escape(ending) for ending in sorted(bare_endings))
        if endings:
            forms.append(rf"(?<!@)(?<![^\W_]\-)(?P<bare>(?:[^\W_][\w\-]{{0,62}}\.){{1,8}}(?:{endings})(?![\w\-]))")
        self._pattern = re.compile(r"(?<![^\W_])(?:" + "|".join(forms) + ")")

    def links(self, message: Normalised) -> Iterator[LinkMatch]:
        """Every link of the message, in order."""
        text = message.text.translate(_DOTS)
        end = 0
        for match in self._pattern.finditer(text):
            if match.start() < end:
                continue
            if match.lastgroup == "bare":
                host, end = match[0], match.end()
            else:
                host, end = _host_at(text, match.start() if match[0].startswith("www") else match.end())
            if host:
                yield LinkMatch(ascii_host(host), match.start(), end)

    def find_forbidden(self, message: Normalised) -> LinkMatch | None:
        """The first link that is not allowed, or None. An allowed domain allows its subdomains."""
        return next((link for link in self.links(message) if not self._is_allowed(link.host)), None)

    def _is_allowed(self, host: str) -> bool:
        if len(host) > MAX_HOST_LENGTH:
            return False
        labels = host.split(".")
        return any(".".join(labels[start:]) in self._allowed for start in range(len(labels)))


def ascii_host(host: str) -> str:
    """A host as DNS knows it: lower case, international labels as ``xn--…``, no dot at the end.

    A name that cannot be written so comes back as it is, and so equals no allowed domain.
    """
    host = host.lower().strip(".")
    if host.isascii() or len(host) > MAX_HOST_LENGTH:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def is_domain(text: str) -> bool:
    """True for a domain's name alone: letters, digits, hyphens and dots, at most 253 characters."""
    host = ascii_host(text)
    return len(host) <= MAX_HOST_LENGTH and _DOMAIN.fullmatch(host) is not None


def _host_at(text: str, begin: int) -> tuple[str, int]:
    """The host of the link whose ``user@host:port`` begins here, and where it ends; punctuation is not of it."""
    authority = _AUTHORITY.match(text, begin)
    begin += authority[0].rfind("@") + 1 if authority else 0
    end_of_authority = authority.end() if authority else begin
    host = _HOST.match(text, begin, end_of_authority)
    return (host[0], host.end()) if host else ("", begin)
