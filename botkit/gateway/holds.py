"""Holds: a channel's messages go to a moderator first, who delivers, drops or replaces each.

The order of a channel is kept: a message waits for the verdicts on those before it. A moderator that stays silent for
longer than the hold's budget, or is offline, leaves it to the hold's policy: open delivers, closed refuses.

A message is dropped, whatever the policy, when its sender is muted, kicked or banned meanwhile, or its channel closed:
the sender is told at once (400, with the moderator's reason), and a verdict that comes later is told so. A sender that
has just left, logged out or lost its connection has said what it said.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from botkit.errors import ErrorCode, SendFailed, SignalingError
from botkit.gateway.channels import Channel, Channels
from botkit.gateway.counters import Counters
from botkit.gateway.journal import Journal
from botkit.gateway.later import Later
from botkit.gateway.session import Session
from botkit.gateway.timers import Timer, Timers
from botkit.stores.changes import HoldLifted, HoldSet
from botkit.types import Account, AppId, ChannelName
from botkit.wire.frames import HeldNotice, Notify, encode
from botkit.wire.replies import OK, failure

MAX_HELD = 1000
"""Messages of one channel that may wait for verdicts."""


class Verdict(NamedTuple):
    """What becomes of a message: ``text`` is delivered, or it is refused (None) for ``reason``."""

    text: str | None
    reason: str = ""


class Held:
    """One message that waits."""

    __slots__ = ("channel", "dropped", "later", "number", "sender", "text", "timer", "verdict")

    def __init__(self, number: int, sender: Session, channel: Channel, text: str) -> None:
        self.number, self.sender, self.channel, self.text = number, sender, channel, text
        self.later = Later()
        self.timer: Timer | None = None
        self.verdict: Verdict | None = None
        self.dropped = ""
        """Why it is not delivered any more, whatever the verdict."""


class Holds:
    """All holds of one app."""

    def __init__(
        self,
        app: AppId,
        channels: Channels,
        *,
        journal: Journal,
        counters: Counters,
        timers: Timers,
        session_of: Callable[[Account], Session | None],
    ) -> None:
        self._app, self._channels = app, channels
        self._journal, self._counters, self._timers = journal, counters, timers
        self._session_of = session_of
        self._holds: dict[ChannelName, HoldSet] = {}
        self._queues: dict[ChannelName, deque[Held]] = {}
        self._waiting: dict[int, Held] = {}
        self._numbers = itertools.count(1)

    def load(self, hold: HoldSet) -> None:
        """Take over what the store had."""
        self._holds[hold.channel] = hold

    def set(self, channel: ChannelName, moderator: Account, budget_ms: int, *, open_on_silence: bool) -> None:
        """Put a hold on a channel, in place of the one that it may have."""
        hold = HoldSet(
            app=self._app, channel=channel, moderator=moderator, budget_ms=budget_ms, open_on_silence=open_on_silence
        )
        self._journal.append(hold)
        self._holds[channel] = hold

    def lift(self, channel: ChannelName) -> None:
        """End a hold: what waits is delivered. Raises ``SignalingError`` when there is none."""
        if self._holds.pop(channel, None) is None:
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"no hold on {channel}")
        self._journal.append(HoldLifted(app=self._app, channel=channel))
        for held in list(self._queues.get(channel, ())):
            self._decide(held, Verdict(held.text))

    def in_force(self) -> Iterator[HoldSet]:
        """All holds."""
        yield from self._holds.values()

    def is_held(self, channel: ChannelName) -> bool:
        """Whether there is a hold on a channel."""
        return channel in self._holds

    def moderator_of(self, channel: ChannelName, sender: Session) -> HoldSet | None:
        """The hold that a message of ``sender`` meets; a moderator's own messages meet none."""
        hold = self._holds.get(channel)
        return hold if hold is not None and hold.moderator != sender.account else None

    def submit(self, hold: HoldSet, sender: Session, channel: Channel, text: str) -> Later:
        """Take a message for judgement. Raises ``SendFailed`` (400) when nobody can judge and the policy is closed."""
        queue = self._queues.setdefault(channel.name, deque())
        moderator = self._session_of(hold.moderator)
        if len(queue) >= MAX_HELD:
            raise SendFailed(ErrorCode.SENDMESSAGE_E_OTHER, f"{MAX_HELD} messages wait for a moderator")
        held = Held(next(self._numbers), sender, channel, text)
        queue.append(held)
        if moderator is None or moderator.connection is None:
            self._decide(held, _by_policy(hold, text))
            return held.later
        self._waiting[held.number] = held
        held.timer = self._timers.after(hold.budget_ms / 1000, lambda: self._silence(hold, held))
        notice = HeldNotice(held.number, channel.name, sender.account, sender.uid, text, hold.budget_ms)
        moderator.send(encode(Notify(notice)))
        return held.later

    def judge(self, moderator: Session, number: int, verdict: Verdict) -> None:
        """A moderator's verdict; None for the text means what the sender wrote is refused.

        Raises ``SignalingError`` when there is no such message any more: it came too late, or it is another's; also
        for one that was dropped meanwhile, unless that is the verdict.
        """
        held = self._waiting.get(number)
        hold = self._holds.get(held.channel.name) if held is not None else None
        if held is None or hold is None or hold.moderator != moderator.account:
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"no message {number} waits for {moderator.account}")
        if held.dropped and verdict.text is not None:
            why = f"message {number} of {held.sender.account} was dropped: {held.dropped}"
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, why)
        self._decide(held, verdict)

    def drop(self, why: str, *, sender: Account | None = None, channel: ChannelName | None = None) -> None:
        """Refuse, for ``why``, what waits of ``sender`` (None: of anybody) in ``channel`` (None: in any).

        What has its verdict and waits for its turn is among it.
        """
        names = list(self._queues) if channel is None else [channel]
        for name in names:
            queue = self._queues.get(name, deque())
            overtaken = [held for held in queue if sender is None or held.sender.account == sender]
            for held in overtaken:
                queue.remove(held)
                held.dropped = why
                self._counters.held_messages.add_for("dropped")
                held.later.resolve(failure(ErrorCode.SENDMESSAGE_E_OTHER, why))
            if overtaken:
                self._advance(name)

    def text_of(self, number: int) -> str:
        """What the sender of a waiting message wrote; empty when it does not wait any more."""
        held = self._waiting.get(number)
        return held.text if held is not None else ""

    def _silence(self, hold: HoldSet, held: Held) -> None:
        if held.dropped:
            del self._waiting[held.number]  # a verdict could have come until now
            return
        self._counters.silent_moderators.add()
        self._decide(held, _by_policy(hold, held.text))

    def _decide(self, held: Held, verdict: Verdict) -> None:
        if held.verdict is not None:
            return
        held.verdict = verdict
        self._waiting.pop(held.number, None)
        if held.timer is not None:
            held.timer.cancel()
        self._advance(held.channel.name)

    def _advance(self, name: ChannelName) -> None:
        """Carry out the verdicts that wait for none before them."""
        queue = self._queues.get(name)
        while queue and queue[0].verdict is not None:
            self._carry_out(queue.popleft())
        if not queue:
            self._queues.pop(name, None)

    def _carry_out(self, held: Held) -> None:
        assert held.verdict is not None
        text, reason = held.verdict
        if text is None:
            self._counters.held_messages.add_for("refused")
            held.later.resolve(failure(ErrorCode.SENDMESSAGE_E_OTHER, reason or "refused by a moderator"))
            return
        channel = self._channels.get(held.channel.name)
        if channel is not held.channel:
            self._counters.held_messages.add_for("too late")
            held.later.resolve(failure(ErrorCode.SENDMESSAGE_E_OTHER, "the channel was closed meanwhile"))
            return
        self._counters.held_messages.add_for("delivered" if text == held.text else "replaced")
        self._channels.deliver(held.sender, channel, text)
        held.later.resolve(OK)


def _by_policy(hold: HoldSet, text: str) -> Verdict:
    return Verdict(text) if hold.open_on_silence else Verdict(None, "no moderator answered in time")
