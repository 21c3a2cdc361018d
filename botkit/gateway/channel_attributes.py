"""Channel attributes: setting them, telling the members within the limits, and the built-ins that count members."""

import trio

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway import attributes as built_in
from botkit.gateway.attribute_set import MAX_ATTRIBUTES
from botkit.gateway.channels import Channel, Channels
from botkit.gateway.counters import Counters
from botkit.gateway.journal import Journal
from botkit.gateway.ledger import Ledger
from botkit.gateway.limits import RateWindow
from botkit.gateway.quota import NOBODY
from botkit.gateway.session import Session
from botkit.gateway.timers import Timers
from botkit.stores.changes import ChannelAttributeDeleted, ChannelAttributesCleared, ChannelAttributeSet
from botkit.types import AppId
from botkit.wire.limits import rate_reason
from botkit.wire.messages import AttributeUpdated

MAX_HELD_BACK = 2 * MAX_ATTRIBUTES
"""Attributes of one channel whose news may wait for the limit of notices; until they are told no other changes."""


class ChannelAttributes:
    """What may be done to the attributes of an app's channels."""

    def __init__(
        self, app: AppId, channels: Channels, ledger: Ledger, *, journal: Journal, counters: Counters, timers: Timers
    ) -> None:
        self._app, self._channels, self._ledger = app, channels, ledger
        self._journal, self._counters, self._timers = journal, counters, timers

    def set(self, session: Session, channel: Channel, name: str, value: str) -> None:
        """Set an attribute and tell all members. Raises ``SignalingError``."""
        built_in.check_built_in(name, value)
        built_in.check_ttl(name, value, self._channels.longest_ttl)
        setter = NOBODY if session.server else session.account
        self._channels.kept.check(channel.name, setter)
        channel.attributes.check_room(name, value, setter)
        self._check_rates(channel, name)
        self._journal.append(ChannelAttributeSet(app=self._app, channel=channel.name, name=name, value=value))
        channel.attributes.put(name, value, setter)
        self._channels.kept.add(channel.name, setter)
        channel.stored = True
        self._tell_change(channel, session, name, value, "update")
        self._apply(channel, name)

    def delete(self, session: Session, channel: Channel, name: str) -> None:
        """Remove an attribute and tell all members; removing what is not there is fine. Raises ``SignalingError``."""
        built_in.check_built_in(name, None)
        self._check_rates(channel, name)
        self._journal.append(ChannelAttributeDeleted(app=self._app, channel=channel.name, name=name))
        channel.attributes.remove(name)
        self._forget_if_empty(channel)
        self._tell_change(channel, session, name, "", "del")
        self._apply(channel, name)

    def clear(self, session: Session, channel: Channel) -> None:
        """Remove all attributes, built-ins back to their defaults, and tell all members once."""
        self._journal.append(ChannelAttributesCleared(app=self._app, channel=channel.name))
        channel.attributes.clear()
        self._forget_if_empty(channel)
        channel.held_back.clear()
        self._tell_change(channel, session, "", "", "clear")
        self._apply(channel, *built_in.COUNTING)

    def resume(self, channel: Channel) -> None:
        """Go on counting the members of a channel that the store had."""
        self._count_members_later(channel)

    def _forget_if_empty(self, channel: Channel) -> None:
        if not channel.attributes:
            self._channels.kept.remove(channel.name)

    def _check_rates(self, channel: Channel, name: str) -> None:
        if len(channel.held_back) >= MAX_HELD_BACK and name not in channel.held_back:
            reason = f"too fast: {MAX_HELD_BACK} changes wait to be told, {channel.event_rate.limit} per second"
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, reason)
        limit = built_in.number(channel.attributes, built_in.SETATTR_LIMIT)
        if limit is None or name == built_in.SETATTR_LIMIT:
            return
        now = trio.current_time()
        if len(channel.attribute_rates) > MAX_ATTRIBUTES:
            channel.attribute_rates = {key: rate for key, rate in channel.attribute_rates.items() if not rate.idle(now)}
        rate = channel.attribute_rates.setdefault(name, RateWindow(limit))
        rate.limit = limit
        if not rate.allow(now):
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, rate_reason("attribute", limit, name))

    def _tell_change(self, channel: Channel, session: Session, name: str, value: str, kind: str) -> None:
        data = {"name": name, "value": value}
        self._ledger.append(
            "channel_attribute", session.account, session.uid, channel=channel.name, reason=kind, data=data
        )
        event = AttributeUpdated(
            channel=channel.name, account=session.account, uid=session.uid, name=name, value=value, type=kind
        )
        self._tell(channel, event)

    def _tell(self, channel: Channel, event: AttributeUpdated) -> None:
        if not channel.held_back and channel.event_rate.allow(trio.current_time()):
            self._channels.tell(channel, event)
            return
        # Over 10 a second: the last value of each attribute is told as soon as the window has room.
        channel.held_back.pop(event.name, None)
        channel.held_back[event.name] = event
        self._counters.delayed_attributes.add()
        if channel.held_back_timer is None:
            self._release_later(channel)

    def _release_later(self, channel: Channel) -> None:
        def release() -> None:
            channel.held_back_timer = None
            while channel.held_back and channel.event_rate.allow(trio.current_time()):
                self._channels.tell(channel, channel.held_back.pop(next(iter(channel.held_back))))
            if channel.held_back:
                self._release_later(channel)

        channel.held_back_timer = self._timers.at(channel.event_rate.free_at(trio.current_time()), release)

    def _apply(self, channel: Channel, *names: str) -> None:
        if not channel.members:
            self._channels.start_ttl(channel)
        if not built_in.COUNTING.isdisjoint(names):
            self._count_members_later(channel)

    def _count_members_later(self, channel: Channel) -> None:
        if channel.num_timer is not None:
            channel.num_timer.cancel()
        period = built_in.number(channel.attributes, built_in.AUTO_UPDATE_NUM)
        if period:
            channel.num_timer = self._timers.after(period, lambda: self._count_members(channel))

    def _count_members(self, channel: Channel) -> None:
        self._count_members_later(channel)
        if not channel.num_changed:
            return
        channel.num_changed = False
        counts = {built_in.MEMBER_NUM: len(channel.members)}
        if built_in.number(channel.attributes, built_in.AUTO_UPDATE_TOTAL_NUM):
            counts[built_in.TOTAL_MEMBER_NUM] = channel.total_joins
        for name, count in counts.items():
            channel.attributes.put(name, str(count))
            self._tell(channel, AttributeUpdated(channel=channel.name, account="", uid=0, name=name, value=str(count)))
