"""The governor: lets messages wait, so that the service's limits never refuse one.

The service takes 60 messages a second of one user, 200 in one channel (or its ``_sendmsg_limit``), and a number of
changes of one channel attribute (``_setattr_limit``); what is more, it refuses. All sessions that share a governor keep
to these limits together: what they send waits for its turn, by lanes, and none is lost. Others that speak in the same
channel are counted in as far as they are seen; a message that is refused because of one that was not is sent again, in
its place. Everything else (kicks, mutes, calls) has no such limits, and goes out at once.
"""

import heapq
import itertools
import math
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

import trio

from botkit.errors import SignalingError
from botkit.signaling.governor_flow import Answer, Flow, Job
from botkit.signaling.governor_settings import GovernorSettings, GovernorStatistics, GovernorWatch, Unwatched
from botkit.signaling.governor_window import Window
from botkit.types import Account, ChannelName
from botkit.wire.limits import CHANNEL_MESSAGES_PER_SECOND, USER_MESSAGES_PER_SECOND, rate_refusal
from botkit.wire.replies import Failure

_TIDY_FROM = 64
"""Accounts and channels that are not worth looking at one by one."""


class ChannelLimits:
    """What is known of one channel: its limits, and which of our sessions are in it."""

    def __init__(self) -> None:
        self.window: Window[Flow] = Window("channel", CHANNEL_MESSAGES_PER_SECOND)
        self.attributes: dict[str, Window[Flow]] = {}
        self.attribute_limit: int | None = None
        self.sessions: set[Account] = set()
        self.last_seen = 0

    def idle(self, now: float) -> bool:
        """Whether nobody needs it."""
        return not self.sessions and all(window.idle(now) for window in (self.window, *self.attributes.values()))


class _Wake(NamedTuple):
    at: float
    number: int
    window: Window[Flow]


class Governor:
    """Shared by the sessions of one app in one process. ``run`` is the task that gives turns to those that wait."""

    def __init__(self, settings: GovernorSettings | None = None, watch: GovernorWatch | None = None) -> None:
        self.settings = settings or GovernorSettings()
        self.watch: GovernorWatch = watch or Unwatched()
        self.accounts: Counter[Account] = Counter()
        """Whose sessions share this governor: what they say is counted when it is sent, and not when it is heard."""
        self.waiting = 0
        """Messages that wait for their turn, now."""
        self._users: dict[Account, Window[Flow]] = {}
        self._channels: dict[ChannelName, ChannelLimits] = {}
        self._numbers = itertools.count(1)
        self._wakes: list[_Wake] = []
        self._sooner = trio.Event()
        self._freed: deque[Window[Flow]] = deque()
        self._giving_turns = False
        self._tidy_at = _TIDY_FROM
        self._running = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Give turns until cancelled; then what waits goes on waiting, until its session ends."""
        self._running = True
        task_status.started()
        try:
            while True:
                self._sooner = trio.Event()
                with trio.move_on_at(self._wakes[0].at if self._wakes else math.inf):
                    await self._sooner.wait()
                self._wake_due(trio.current_time())
        finally:
            self._running = False

    def statistics(self) -> GovernorStatistics:
        """How much there is of what, now."""
        return GovernorStatistics(waiting=self.waiting, accounts=len(self._users), channels=len(self._channels))

    def user(self, account: Account) -> Window[Flow]:
        """The limit of an account's messages, over all of its sessions."""
        window = self._users.get(account)
        if window is None:
            self._tidy()
            window = self._users[account] = Window("user", USER_MESSAGES_PER_SECOND)
        return window

    def channel(self, name: ChannelName) -> ChannelLimits:
        """What is known of a channel."""
        limits = self._channels.get(name)
        if limits is None:
            self._tidy()
            limits = self._channels[name] = ChannelLimits()
        return limits

    def next_number(self) -> int:
        """The number of another job: they rise in the order of sending."""
        return next(self._numbers)

    def put(self, flow: Flow, job: Job) -> None:
        """Send a job, or let it wait for its turn. Raises ``RuntimeError`` when it has to and nobody gives turns."""
        flow.put(job)
        self.waiting += 1
        now = trio.current_time()
        if not flow.parked:
            self._advance(flow, now)
        if self._running:
            return
        self._give_turns(now, *flow.windows)
        if flow.remove(job):
            self.waiting -= 1
            raise RuntimeError("a message has to wait, but the governor does not run: start Governor.run in a nursery")

    def remove(self, flow: Flow, job: Job) -> None:
        """Take a job back, if it waits. What its flow had taken for it others may have."""
        if not flow.remove(job):
            return
        self.waiting -= 1
        if not flow.waiting:
            self._put_back(flow, flow.taken, trio.current_time())

    def fail_all(self, flow: Flow, error: Callable[[Job], SignalingError]) -> None:
        """None of what waits in this flow will have its turn."""
        for job in list(flow.waiting):
            self.remove(flow, job)
            job.fail(error(job))

    def set_limit(self, window: Window[Flow], limit: int) -> None:
        """The service's limit has changed."""
        window.limit = limit
        self._give_turns(trio.current_time(), window)

    def _advance(self, flow: Flow, now: float, front: Window[Flow] | None = None) -> None:
        """Send what may go out, and park the flow where it has to wait; at ``front`` it has waited already."""
        while flow.waiting:
            if flow.under_way and any(window.crowded(now) for window in flow.windows):
                return  # one at a time, or one that is refused would be overtaken; its answer goes on here
            while flow.taken < len(flow.windows):
                window = flow.windows[flow.taken]
                if (window.has_parked and window is not front) or not window.fits(flow.lane, now):
                    flow.parked = True
                    window.park(flow, flow.lane)
                    self._give_turns(now, window)
                    return
                window.take(flow.lane, now)
                flow.taken += 1
            front = None
            self._send(flow, flow.waiting.pop(0), now)

    def _send(self, flow: Flow, job: Job, now: float) -> None:
        self.waiting -= 1
        flow.taken, flow.under_way = 0, flow.under_way + 1
        if now > job.since:
            self.watch.waited(flow.lane, now - job.since)
        try:
            job.send(flow, self._answered)
        except SignalingError as error:  # the session is over, or has too many requests under way
            flow.under_way -= 1
            self._put_back(flow, len(flow.windows), now)
            job.fail(error)

    def _answered(self, flow: Flow, job: Job, answer: Answer) -> bool:
        """Called by the reader. False when the job is to be sent again."""
        now = trio.current_time()
        flow.under_way -= 1
        scope = rate_refusal(answer.reason) if isinstance(answer, Failure) else None
        for window in flow.windows:
            window.give_back(now, counts=scope is None)
            if window.scope == scope:
                window.refuse(now)
        again = scope is not None and self._may_retry(flow, job, now)
        if again and scope is not None:
            self.watch.retried(scope)
            job.since = now
            flow.put(job)
            self.waiting += 1
        if not flow.parked:
            self._advance(flow, now)
        self._give_turns(now, *flow.windows)
        return not again

    def _may_retry(self, flow: Flow, job: Job, now: float) -> bool:
        if job.given_up or not self._running or not all(window.limit for window in flow.windows):
            return False
        if job.refused_at is None:
            job.refused_at = now
        return now - job.refused_at < self.settings.retry_seconds

    def _put_back(self, flow: Flow, taken: int, now: float) -> None:
        """Give back what was taken for a message that did not go out."""
        flow.taken = 0
        for window in flow.windows[:taken]:
            window.give_back(now, counts=False)
        self._give_turns(now, *flow.windows[:taken])

    def _give_turns(self, now: float, *windows: Window[Flow]) -> None:
        """Let those go on who wait for these, one message each by turns. What that frees is seen to in the same go."""
        self._freed.extend(windows)
        if self._giving_turns:
            return
        self._giving_turns = True
        while self._freed:
            window = self._freed.popleft()
            while (flow := window.next(now)) is not None:
                flow.parked = False
                self._advance(flow, now, window)
            self._wake_for(window, now)
        self._giving_turns = False

    def _wake_for(self, window: Window[Flow], now: float) -> None:
        at = window.opens_at(now)
        if at < window.wake_at:
            window.wake_at = at
            heapq.heappush(self._wakes, _Wake(at, next(self._numbers), window))
            self._sooner.set()

    def _wake_due(self, now: float) -> None:
        while self._wakes and self._wakes[0].at <= now:
            wake = heapq.heappop(self._wakes)
            if wake.at == wake.window.wake_at:  # else it was to be woken sooner, and has been
                wake.window.wake_at = math.inf
                self._give_turns(now, wake.window)

    def _tidy(self) -> None:
        """Forget accounts and channels that nobody uses any more, once there are twice as many as there were."""
        if len(self._users) + len(self._channels) < self._tidy_at:
            return
        now = trio.current_time()
        self._users = {
            account: window
            for account, window in self._users.items()
            if self.accounts[account] > 0 or not window.idle(now)
        }
        self._channels = {name: limits for name, limits in self._channels.items() if not limits.idle(now)}
        self._tidy_at = max(_TIDY_FROM, 2 * (len(self._users) + len(self._channels)))
