"""All that rules remember from one fact to the next: a plain value, which can be compared, copied and bounded."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_KEYS = 10_000
"""How many accounts (channels, texts) one rule remembers; past that, who was silent longest is forgotten."""


class Window:
    """For each key what was seen of late: a time and a word each, oldest first."""

    __slots__ = ("_seen", "forgotten", "max_keys")

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self.max_keys = max_keys
        self.forgotten = 0
        """Keys that were dropped since there were too many."""
        self._seen: OrderedDict[str, deque[tuple[int, str]]] = OrderedDict()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and self._seen == other._seen

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, key: str, ms: int, word: str, since: int, most: int) -> deque[tuple[int, str]]:
        """Remember ``word`` for ``key``; gives all of this key that came after ``since``, the last ``most`` of them."""
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = deque()
            if len(self._seen) > self.max_keys:
                self._seen.popitem(last=False)
                self.forgotten += 1
        else:
            self._seen.move_to_end(key)
        seen.append((ms, word))
        while len(seen) > most or seen[0][0] <= since:
            seen.popleft()
        return seen

    def last(self, key: str) -> tuple[int, str] | None:
        """The latest that was noted for ``key``."""
        seen = self._seen.get(key)
        return seen[-1] if seen else None


@dataclass
class RuleState:
    """What the rules of one set remember: a window for each rule, and what was found of late.

    ``quiet`` holds for each rule and key until when (milliseconds) the same finding is no new offence. It is the one
    part that a verdict changes, and so the one that an undo takes back, by :meth:`forgive`.
    """

    windows: dict[str, Window] = field(default_factory=dict)
    quiet: OrderedDict[tuple[str, str], int] = field(default_factory=OrderedDict)

    def window(self, rule: str) -> Window:
        """The window of a rule, a new one at first."""
        window = self.windows.get(rule)
        if window is None:
            window = self.windows[rule] = Window()
        return window

    def found(self, rule: str, key: str, ms: int, until: int) -> bool:
        """Note a finding at ``ms``; whether it goes on with one before. ``until`` this one is the same offence."""
        if self.is_quiet(rule, key, ms):
            return True
        self.keep_quiet(rule, key, until)
        return False

    def is_quiet(self, rule: str, key: str, ms: int) -> bool:
        """Whether what is found at ``ms`` goes on with what was found before."""
        return ms < self.quiet.get((rule, key), 0)

    def keep_quiet(self, rule: str, key: str, until: int) -> None:
        """What is found before ``until`` goes on with what was found now."""
        self.quiet[rule, key] = until
        self.quiet.move_to_end((rule, key))
        if len(self.quiet) > MAX_KEYS:
            self.quiet.popitem(last=False)

    def forgive(self, rule: str, key: str) -> None:
        """Forget that ``rule`` found something for ``key``; what was said stays said."""
        self.quiet.pop((rule, key), None)

    def keep_only(self, rules: Iterable[str]) -> None:
        """Forget what other rules than these remember."""
        kept = set(rules)
        self.windows = {rule: window for rule, window in self.windows.items() if rule in kept}
        self.quiet = OrderedDict((place, until) for place, until in self.quiet.items() if place[0] in kept)
