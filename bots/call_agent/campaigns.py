"""Campaigns: calling people by a list, each at the right time and as often as is allowed. Pure."""

from collections.abc import Mapping
from datetime import datetime
from heapq import heappop, heappush
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import force_setattr, replace

from botkit import ConfigError
from bots.call_agent.accounts import check_account
from bots.call_agent.hours import ALL_DAY, Hours, parse_hours, time_zone

DialOutcome: TypeAlias = Literal["answered", "offline", "no_answer", "refused", "failed"]
"""``offline`` is the service's 703, ``no_answer`` 704; ``failed`` is anything else but the peer's refusal."""

Accounts: TypeAlias = tuple[str, ...] | str


class Retry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Try again ``times`` times, each ``after_seconds`` after the last attempt."""

    times: Annotated[int, Meta(ge=0, le=100)] = 0
    after_seconds: Annotated[float, Meta(gt=0, le=30 * 86_400)] = 600


class Retries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether to try again, by what became of the last attempt; each reason has a count of its own.

    Who is ``offline`` (703) was not disturbed, and is tried more often than who did not answer (704). A refusal is an
    answer.
    """

    offline: Retry = Retry(times=5, after_seconds=300)
    no_answer: Retry = Retry(times=2, after_seconds=1_800)
    failed: Retry = Retry(times=3, after_seconds=60)
    refused: Retry = Retry()


class CampaignSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to call, when and how often.

    ``accounts`` and ``do_not_call`` are lists, or the path of a file with an account in each line. At most
    ``per_minute`` calls are begun in a minute, and at most ``at_once`` go on; they also need places of the agent's
    ``max_calls``. Calls are made on ``days`` in ``hours``, local to ``timezone``; ``ring_seconds`` (at most 30) is how
    long it rings. ``name`` tells campaigns apart: who was called in one is not called in it again.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    accounts: Accounts
    do_not_call: Accounts = ()
    channel: Annotated[str, Meta(min_length=1, max_length=128)] = "campaign"
    per_minute: Annotated[float, Meta(gt=0, le=600)] = 10
    at_once: Annotated[int, Meta(ge=1, le=1_000)] = 2
    ring_seconds: Annotated[int, Meta(ge=1, le=30)] = 20
    hours: str = ""
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        *("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    )
    timezone: str = "UTC"
    retries: Retries = Retries()

    def __post_init__(self) -> None:
        if self.hours:
            parse_hours(self.hours)
        time_zone(self.timezone)
        for name in ("accounts", "do_not_call"):
            if isinstance(value := getattr(self, name), str):
                force_setattr(self, name, _read_list(value, name))
            else:
                for index, account in enumerate(value):
                    check_account(account, f"{name}[{index}]")


def _read_list(path: str, key: str) -> tuple[str, ...]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", key=key, hint="name a text file") from None
    found = [(number, line.strip()) for number, line in enumerate(lines, 1) if not line.startswith("#")]
    for number, account in found:
        if account:
            check_account(account, key, file=f"{path}:{number}")
    return tuple(account for _, account in found if account)


class Dial(Struct, frozen=True, kw_only=True):
    """Where one account is in a campaign. ``due`` is when to call next (seconds since 1970); None: not any more."""

    account: str
    due: float | None
    attempts: int = 0
    last: str = ""
    tried: Mapping[str, int] = {}
    """How often each reason has had it tried again."""


class Campaign:
    """One campaign. Times are seconds since 1970; ``dials`` is where an earlier run has left it."""

    def __init__(self, settings: CampaignSettings, dials: Mapping[str, Dial], now: float) -> None:
        self._settings = settings
        self._hours: Hours = parse_hours(settings.hours) if settings.hours else ALL_DAY
        self._days = frozenset(_DAYS.index(day) for day in settings.days)
        self._zone = time_zone(settings.timezone)
        self._banned = frozenset(settings.do_not_call)
        self.dials = {
            account: dials.get(account) or Dial(account=account, due=now)
            for account in dict.fromkeys(settings.accounts)
        }
        self._places = {account: place for place, account in enumerate(self.dials)}
        self._row: list[tuple[float, int, str]] = []  # a heap: when somebody is due, the place in the list, who
        for dial in self.dials.values():
            self._put_in_row(dial)
        self._calling = set[str]()
        self._next_start = now

    @property
    def over(self) -> bool:
        """Whether nobody is to be called any more."""
        return not self._calling and all(dial.due is None or self._is_banned(dial) for dial in self.dials.values())

    @property
    def going_on(self) -> int:
        """Calls that were begun and are not over."""
        return len(self._calling)

    @property
    def next_start(self) -> float:
        """When the next call may begin, as far as the pace goes."""
        return self._next_start

    def take(self, now: float) -> str | None:
        """Whom to call now; None when it is nobody's time, or enough calls are going on."""
        if now < self._next_start or len(self._calling) >= self._settings.at_once or not self.is_open(now):
            return None
        if not self._row or self._row[0][0] > now:
            return None
        _, _, account = heappop(self._row)
        self._calling.add(account)
        self._next_start = now + 60 / self._settings.per_minute
        return account

    def give_back(self, account: str) -> None:
        """The call to ``account`` was not begun after all."""
        self._calling.discard(account)
        self._put_in_row(self.dials[account])

    def ended(self, account: str, outcome: DialOutcome, now: float) -> Dial:
        """What became of the attempt; where the account is now."""
        self._calling.discard(account)
        dial = self.dials[account]
        due, tried = None, dict(dial.tried)
        if outcome != "answered":
            retry: Retry = getattr(self._settings.retries, outcome)
            tried[outcome] = tried.get(outcome, 0) + 1
            due = now + retry.after_seconds if tried[outcome] <= retry.times else None
        dial = self.dials[account] = replace(dial, due=due, attempts=dial.attempts + 1, last=outcome, tried=tried)
        self._put_in_row(dial)
        return dial

    def is_open(self, now: float) -> bool:
        """Whether it is an hour for calls."""
        return self._hours.contain(datetime.fromtimestamp(now, self._zone), self._days, self._zone)

    def _put_in_row(self, dial: Dial) -> None:
        if dial.due is not None and not self._is_banned(dial):
            heappush(self._row, (dial.due, self._places[dial.account], dial.account))

    def _is_banned(self, dial: Dial) -> bool:
        return dial.account in self._banned


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
