"""What was sent against what arrived, one by one."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from botkit.errors import ErrorCode
from botkit.types import Account


class Sent(Struct, frozen=True):
    """One item of a sender. ``certain`` is false when no answer said that it got there."""

    item: str
    certain: bool = True


class Comparison(Struct, frozen=True, kw_only=True):
    """``lost``: certainly sent and never arrived. ``disordered``: arrived, out of turn. ``extra``: never sent."""

    arrived: int = 0
    lost: int = 0
    disordered: int = 0
    extra: int = 0

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(
            arrived=self.arrived + other.arrived,
            lost=self.lost + other.lost,
            disordered=self.disordered + other.disordered,
            extra=self.extra + other.extra,
        )

    @property
    def clean(self) -> bool:
        """True when everything arrived once and in order."""
        return not (self.lost or self.disordered or self.extra)


def compare(sent: Sequence[Sent], arrived: Sequence[str]) -> Comparison:
    """One sender's items against what arrived of them, in order."""
    items = [one.item for one in sent]
    missing = Counter(one.item for one in sent if one.certain) - Counter(arrived)
    extra = Counter(arrived) - Counter(items)
    turns = zip(_common(items, arrived), _common(arrived, items), strict=True)
    return Comparison(
        arrived=len(arrived),
        lost=missing.total(),
        disordered=sum(one != other for one, other in turns),
        extra=extra.total(),
    )


def _common(items: Sequence[str], others: Sequence[str]) -> list[str]:
    """The items that ``others`` has as well, each as often as both have it, in order."""
    left = Counter(others)
    common = []
    for item in items:
        if left[item]:
            left[item] -= 1
            common.append(item)
    return common


class Flow:
    """Everything of one kind that goes from many senders to one observer.

    ``expected`` counts what was sent and not refused, ``arrived`` what the observer was told.
    """

    def __init__(self) -> None:
        self._sent: defaultdict[Account, list[Sent]] = defaultdict(list)
        self._arrived: defaultdict[Account, list[str]] = defaultdict(list)
        self.expected = 0
        self.arrived = 0

    def send(self, account: Account, item: str) -> None:
        """Note what ``account`` sends, before it can arrive."""
        self._sent[account].append(Sent(item))
        self.expected += 1

    def withdraw(self, account: Account, *, uncertain: bool) -> None:
        """The last item of ``account`` was refused, or (``uncertain``) nobody knows whether it got there."""
        last = self._sent[account].pop()
        if uncertain:
            self._sent[account].append(Sent(last.item, certain=False))
        else:
            self.expected -= 1

    def arrive(self, account: Account, item: str) -> None:
        """Note what the observer was told of ``account``."""
        self._arrived[account].append(item)
        self.arrived += 1

    def sent_of(self, item: str) -> int:
        """How often ``item`` was sent."""
        return sum(one.item == item for items in self._sent.values() for one in items)

    def arrived_of(self, item: str) -> int:
        """How often ``item`` arrived."""
        return sum(items.count(item) for items in self._arrived.values())

    def compared(self) -> Comparison:
        """All senders together."""
        accounts = self._sent.keys() | self._arrived.keys()
        return sum((compare(self._sent[one], self._arrived[one]) for one in accounts), Comparison())


class Move(Enum):
    """What ``__agora_channel_event`` tells of an account and the channel."""

    JOIN = "join"
    LEAVE = "leave"


class Tally:
    """The whole count of a replay."""

    def __init__(self) -> None:
        self.messages = Flow()
        self.moves = Flow()
        self.attempted = 0
        self.refused: Counter[ErrorCode] = Counter()
        self.unanswered = 0
        self.sessions = 0
        self.events_lost: list[str] = []
        self.stopped = ""
        """Why the replay ended before its time. What was under way then is neither lost nor delivered."""

    @property
    def nothing_lost(self) -> bool:
        """True when every accepted message, join and leave was told once and in order, and no gap was announced.

        Of a replay that was stopped nobody can say that.
        """
        return (
            not self.stopped and self.messages.compared().clean and self.moves.compared().clean and not self.events_lost
        )
