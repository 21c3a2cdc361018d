"""Messages that were judged before their delivery: when they come as messages of the channel, they are old news."""

from collections import OrderedDict, deque

MAX_WAITING = 1_000
"""Messages of one channel that are remembered; the gateway holds no more."""

MAX_CHANNELS = 10_000


class Echoes:
    """What was let through, and is still to be heard, by channel."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[tuple[str, str]]] = OrderedDict()

    def expect(self, channel: str, account: str, text: str) -> None:
        """This message was judged and will be delivered."""
        waiting = self._waiting.setdefault(channel, deque(maxlen=MAX_WAITING))
        waiting.append((account, text))
        if len(self._waiting) > MAX_CHANNELS:
            self._waiting.popitem(last=False)

    def take(self, channel: str, account: str, text: str) -> bool:
        """Whether this message was judged before; once for each time that it was expected."""
        waiting = self._waiting.get(channel)
        if waiting is None or (account, text) not in waiting:
            return False
        waiting.remove((account, text))
        return True

    def forget(self, channel: str) -> None:
        """Nothing that was expected in a channel comes any more: its session was away."""
        self._waiting.pop(channel, None)
