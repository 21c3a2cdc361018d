"""The session's side of its inbox: what was seen, what to fetch next. No I/O, no clock.

Versions count up per account, on the gateway. A fetch with ``ver_clear`` acknowledges all up to it; a gateway hands
out what was not acknowledged again, after a new login for instance, and what came before is not told twice.
"""

from botkit.wire.limits import INBOX_PAGE
from botkit.wire.replies import Messages
from botkit.wire.requests import GetMessages


class Inbox:
    """Where one account's session stands in its inbox.

    Messages that came but whose acknowledgement is not known to have arrived are remembered, by version and
    text: never more than about a page, because every page is acknowledged before the next.
    """

    def __init__(self) -> None:
        self._last = 0
        self._announced = 0
        self._asked = 0
        self._fetching = False
        self._unconfirmed: dict[int, str] = {}

    def restart(self) -> GetMessages:
        """The first fetch after a login. It starts from 0: the gateway knows what was acknowledged, and after
        losing its memory it may count anew.
        """
        self._last = self._announced = 0
        return self._fetch()

    @property
    def last(self) -> int:
        """The newest version that was seen."""
        return self._last

    def resume(self) -> GetMessages:
        """The first fetch of a session that was resumed: acknowledges what was seen, and goes on behind it."""
        self._announced = self._last
        return self._fetch()

    def announced(self, version: int) -> GetMessages | None:
        """The gateway says that there are messages up to ``version``; the fetch for them, if one is to go out now."""
        self._announced = max(self._announced, version)
        return None if self._fetching or self._announced <= self._last else self._fetch()

    def is_new(self, version: int, line: str) -> bool:
        """Whether a fetched message is one to tell; from now on it counts as seen."""
        repeated = version <= self._last or self._unconfirmed.get(version) == line
        self._last = max(self._last, version)
        self._unconfirmed[version] = line
        return not repeated

    def fetched(self, page: Messages) -> GetMessages | None:
        """After all messages of a page went through ``is_new``: the next fetch, if there is one.

        A page with messages is followed by another fetch at once, which acknowledges it.
        """
        self._fetching = False
        for version in [version for version in self._unconfirmed if version <= self._asked]:
            del self._unconfirmed[version]
        if page.msgs:
            return self._fetch()
        self._unconfirmed.clear()
        behind = self._announced > max(self._last, page.ver_clear)
        self._last = self._announced = max(self._last, page.ver_clear)
        return self._fetch() if behind else None

    def fetch_failed(self) -> None:
        """The gateway refused a fetch; the next announcement starts another."""
        self._fetching = False

    def _fetch(self) -> GetMessages:
        self._fetching = True
        self._asked = self._last
        return GetMessages(ver_clear=self._last, max=INBOX_PAGE)
