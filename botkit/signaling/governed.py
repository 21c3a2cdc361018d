"""One session under a governor: which limits its effects meet, and what it hears about them."""

from typing import NamedTuple

import trio

from botkit.errors import OutgoingQueueFull, SessionEnded, SignalingError
from botkit.events import ChannelAttributeUpdated, ChannelJoined, ChannelLeft, ChannelMessage, Event
from botkit.signaling.effects import (
    DeleteChannelAttribute,
    Effect,
    Lane,
    SendInstant,
    SendToChannel,
    SetChannelAttribute,
)
from botkit.signaling.failures import not_sent
from botkit.signaling.governor import ChannelLimits, Governor
from botkit.signaling.governor_flow import Flow, FlowKey, Job, Send
from botkit.signaling.governor_window import Scope, Window
from botkit.signaling.pending import OnAnswer, ReplyT
from botkit.signaling.requests import Requests
from botkit.types import Account, ChannelName
from botkit.wire.limits import CHANNEL_MESSAGES_PER_SECOND, SENDMSG_LIMIT, SETATTR_LIMIT
from botkit.wire.request import Request

MAX_ATTRIBUTE_WINDOWS = 128
"""Attributes of one channel whose changes are counted; more than a channel may have."""


class Limits(NamedTuple):
    """The limits that an effect meets, and what its order is kept with."""

    target: tuple[str, ...]
    windows: tuple[Window[Flow], ...]


class Governed:
    """What a session's gate asks."""

    def __init__(self, governor: Governor, account: Account, requests: Requests) -> None:
        self._governor, self._account, self._requests = governor, account, requests
        self._user = governor.user(account)
        self._flows: dict[FlowKey, Flow] = {}
        self._waiting = dict.fromkeys(Lane, 0)
        self._ended = False
        governor.accounts[account] += 1

    def limits_of(self, effect: Effect) -> Limits | None:
        """The limits that an effect meets; None for one that may go out at once."""
        match effect:
            case SendToChannel(channel=channel):
                return Limits(("channel", channel), (self._user, self._governor.channel(ChannelName(channel)).window))
            case SendInstant(account=account):
                return Limits(("account", account), (self._user,))
            case SetChannelAttribute(channel=channel, name=name) | DeleteChannelAttribute(channel=channel, name=name):
                window = self._attribute_window(self._governor.channel(ChannelName(channel)), name)
                return None if window is None else Limits(("attribute", channel, name), (window,))
            case _:
                return None

    async def ask(
        self,
        request: Request,
        limits: Limits,
        lane: Lane,
        *,
        reply_type: type[ReplyT],
        on_answer: OnAnswer[ReplyT] | None,
    ) -> ReplyT:
        """The answer to a request that goes out when it has its turn.

        Raises like ``Requests.ask``, and ``OutgoingQueueFull``. A cancel takes it back while it waits.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._requests.check_open()
        self._check(request, limits, lane)
        now = trio.current_time()
        job = Send(
            self._governor.next_number(),
            request,
            self._requests,
            reply_type=reply_type,
            on_answer=on_answer,
            since=now,
        )
        key = FlowKey(limits.target, lane)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = Flow(key, limits.windows)
        self._waiting[lane] += 1
        try:
            self._governor.put(flow, job)
            return await job.wait()
        finally:
            job.given_up = True
            self._waiting[lane] -= 1
            self._governor.remove(flow, job)
            if flow.over and self._flows.get(key) is flow:
                del self._flows[key]

    def heard(self, event: Event) -> None:
        """Something happened in the session's channel."""
        match event:
            case ChannelMessage(channel=channel, account=account, message_id=number):
                limits = self._governor.channel(channel)
                if not self._governor.accounts[account] and number > limits.last_seen:
                    limits.last_seen = number
                    limits.window.see(trio.current_time())
            case ChannelAttributeUpdated(kind="clear", channel=channel):
                self._set_limits(channel, _NO_LIMITS)
            case ChannelAttributeUpdated(channel=channel, name=name, value=value):
                self._set_limits(channel, {name: value})
            case ChannelJoined(channel=channel, attributes=attributes):
                limits = self._governor.channel(channel)
                limits.sessions.add(self._account)
                limits.last_seen = 0
                self._set_limits(channel, {**_NO_LIMITS, **attributes})
            case ChannelLeft(channel=channel):
                self._governor.channel(channel).sessions.discard(self._account)
                for scope in ("channel", "attribute"):
                    self._fail((scope, channel), f"this session has left {channel!r}")
            case _:
                pass

    def end(self) -> None:
        """The session is over: what waits fails."""
        if self._ended:
            return
        self._ended = True
        self._governor.accounts[self._account] -= 1
        for flow in list(self._flows.values()):
            self._governor.fail_all(flow, self._session_ended)

    def _session_ended(self, job: Job) -> SignalingError:
        try:
            self._requests.check_open()
        except SessionEnded as error:
            return error
        return not_sent(job.request, "the session ends")

    def _check(self, request: Request, limits: Limits, lane: Lane) -> None:
        for window in limits.windows:
            if window.limit == 0:
                raise not_sent(request, _closed(window.scope))
        if self._waiting[lane] >= self._governor.settings.queue:
            self._governor.watch.refused(lane)
            raise OutgoingQueueFull(self._account, lane.name.lower(), self._waiting[lane])

    def _attribute_window(self, channel: ChannelLimits, name: str) -> Window[Flow] | None:
        if channel.attribute_limit is None or name == SETATTR_LIMIT:
            return None
        if len(channel.attributes) >= MAX_ATTRIBUTE_WINDOWS:
            now = trio.current_time()
            channel.attributes = {key: one for key, one in channel.attributes.items() if not one.idle(now)}
        window = channel.attributes.get(name)
        if window is None:
            window = channel.attributes[name] = Window("attribute", channel.attribute_limit)
        return window

    def _set_limits(self, channel: ChannelName, attributes: dict[str, str]) -> None:
        """What some attributes say now; an empty value says that there is none."""
        limits = self._governor.channel(channel)
        if SENDMSG_LIMIT in attributes:
            limit = _number(attributes[SENDMSG_LIMIT])
            most = CHANNEL_MESSAGES_PER_SECOND
            self._governor.set_limit(limits.window, most if limit is None else min(limit, most))
            if limit == 0:
                self._fail(("channel", channel), _closed("channel"))
        if SETATTR_LIMIT in attributes:
            limits.attribute_limit = limit = _number(attributes[SETATTR_LIMIT])
            for window in limits.attributes.values():
                self._governor.set_limit(window, _UNLIMITED if limit is None else limit)
            if limit == 0:
                self._fail(("attribute", channel), _closed("attribute"))

    def _fail(self, target: tuple[str, str], why: str) -> None:
        for key, flow in list(self._flows.items()):
            if key.target[:2] == target:
                self._governor.fail_all(flow, lambda job: not_sent(job.request, why))


_NO_LIMITS = {SENDMSG_LIMIT: "", SETATTR_LIMIT: ""}
_UNLIMITED = 1_000_000


def _closed(scope: Scope) -> str:
    return f"the channel's {SENDMSG_LIMIT if scope == 'channel' else SETATTR_LIMIT} is 0"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None
