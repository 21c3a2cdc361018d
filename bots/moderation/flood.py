"""The flood rule: too many messages of one account in too short a time."""

from collections import OrderedDict, deque

MAX_ACCOUNTS = 10_000
"""How many accounts are watched at once; past that, who was silent longest is forgotten."""


class FloodMeter:
    """Counts each account's messages over a sliding window of ``seconds``: ``messages`` are allowed in it."""

    def __init__(self, messages: int, seconds: float, *, max_accounts: int = MAX_ACCOUNTS) -> None:
        self._messages = messages
        self._seconds = seconds
        self._max_accounts = max_accounts
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, account: str, now: float) -> float | None:
        """Counts one message at ``now`` seconds (any clock, but always the same one; out of order by a little is fine).

        Returns None while the account is within its allowance, else how many seconds the messages took; the
        count then starts afresh, so that a flood of many messages is not a verdict for each of them.
        """
        times = self._times.setdefault(account, deque())
        self._times.move_to_end(account)
        if len(self._times) > self._max_accounts:
            self._times.popitem(last=False)
        times.append(now)
        while times[0] <= now - self._seconds:
            times.popleft()
        if len(times) <= self._messages:
            return None
        took = max(0.0, now - times[0])
        del self._times[account]
        return took
