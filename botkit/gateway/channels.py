"""Channels of an app: members, messages, attributes, and when an empty one is destroyed."""

from collections.abc import Iterable
from itertools import islice

import trio

from botkit.clock import WallClock
from botkit.errors import ErrorCode, SignalingError
from botkit.gateway import attributes as built_in
from botkit.gateway.attribute_set import AttributeRoom, AttributeSet
from botkit.gateway.counters import Counters
from botkit.gateway.fanout import Fanout, Marks
from botkit.gateway.history import History, HistoryRoom
from botkit.gateway.journal import Journal
from botkit.gateway.kept_channels import KeptChannels
from botkit.gateway.limits import RateWindow
from botkit.gateway.session import Session
from botkit.gateway.timers import Timer, Timers
from botkit.stores.changes import ChannelDestroyed, ChannelEmptied, MemberPutOut, PutOutForgotten
from botkit.types import Account, AppId, ChannelName
from botkit.wire.frames import encode
from botkit.wire.limits import (
    ATTRIBUTE_EVENTS_PER_SECOND,
    CHANNEL_MESSAGES_PER_SECOND,
    MAX_CHANNEL_MEMBERS,
    SPECIAL_CHANNELS,
    USER_LIST_SIZE,
    rate_reason,
)
from botkit.wire.messages import (
    AttributeUpdated,
    ChannelEvent,
    ChannelText,
    MemberJoined,
    MemberLeft,
    channel_notice,
)
from botkit.wire.replies import Member

MAX_PUT_OUT = 1000
"""Kicked accounts that a channel remembers until they join again."""


class Channel:
    """One channel: its members in the order of joining, its attributes, and its allowances."""

    __slots__ = (
        "attribute_rates",
        "attributes",
        "destruction",
        "event_rate",
        "fanout",
        "held_back",
        "held_back_timer",
        "history",
        "last_message_id",
        "members",
        "name",
        "num_changed",
        "num_timer",
        "put_out",
        "rate",
        "resumable_members",
        "stored",
        "total_joins",
    )

    def __init__(
        self, name: ChannelName, attributes: AttributeSet, history: History, fanout: Fanout, *, stored: bool = False
    ) -> None:
        self.name, self.fanout = name, fanout
        self.members: dict[Account, Session] = {}
        self.attributes = attributes
        self.stored = stored  # the store knows of it
        self.last_message_id = 0
        self.rate = RateWindow(CHANNEL_MESSAGES_PER_SECOND)
        self.event_rate = RateWindow(ATTRIBUTE_EVENTS_PER_SECOND)
        self.attribute_rates: dict[str, RateWindow] = {}
        self.held_back: dict[str, AttributeUpdated] = {}
        self.held_back_timer: Timer | None = None
        self.destruction: Timer | None = None
        self.total_joins = 0
        self.history = history
        self.resumable_members = 0
        self.num_changed = False
        self.num_timer: Timer | None = None
        self.put_out: dict[Account, None] = {}
        """Who was kicked and has not joined again since, oldest first."""

    @property
    def special(self) -> bool:
        """True for the two channels that carry presence and channel events."""
        return self.name in SPECIAL_CHANNELS

    def latest_members(self, most: int = USER_LIST_SIZE) -> tuple[Member, ...]:
        """The members that joined last, in the order of joining."""
        latest = list(islice(reversed(self.members.values()), most))
        return tuple((member.account, member.uid) for member in reversed(latest))


class Channels:
    """All channels of one app."""

    def __init__(
        self,
        app: AppId,
        *,
        room: AttributeRoom,
        kept: KeptChannels,
        longest_ttl: int,
        histories: HistoryRoom,
        journal: Journal,
        counters: Counters,
        timers: Timers,
        clock: WallClock,
        marks: Marks,
    ) -> None:
        self._marks = marks
        self._app, self._journal, self._counters = app, journal, counters
        self._timers, self._clock = timers, clock
        self._room, self._histories = room, histories
        self.kept, self.longest_ttl = kept, longest_ttl
        self._channels: dict[ChannelName, Channel] = {}
        self.quiet = False
        """True once the gateway stops: all members leave, and none is told of each of the others."""

    def load(self, name: ChannelName, attributes: dict[str, str], emptied_ms: int) -> Channel:
        """Take over a channel that the store had; ``emptied_ms`` is when its last member left, 0 if in a crash."""
        kept = AttributeSet(self._room, attributes)
        channel = self._channels[name] = Channel(name, kept, History(self._histories), Fanout(self._marks), stored=True)
        empty_for = (self._clock.ms() - emptied_ms) / 1000 if emptied_ms else 0.0
        self.kept.add(name)
        self.destroy_later(channel, empty_for)
        return channel

    def get(self, name: str) -> Channel | None:
        """The channel, if it exists (it may be empty)."""
        return self._channels.get(ChannelName(name))

    def open(self, name: ChannelName) -> Channel:
        """The channel, made if need be; one that nobody joins is destroyed like one that everybody left."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(
                name, AttributeSet(self._room), History(self._histories), Fanout(self._marks)
            )
            self.destroy_later(channel)
        return channel

    def check_room(self, name: ChannelName) -> None:
        """Raises ``SignalingError`` (300) when the channel is full."""
        channel = self._channels.get(name)
        if channel is not None and len(channel.members) >= MAX_CHANNEL_MEMBERS:
            raise SignalingError(ErrorCode.JOINCHANNEL_E_OTHER, f"channel full: {MAX_CHANNEL_MEMBERS} members")

    def join(self, session: Session, name: ChannelName) -> Channel:
        """Add ``session``, for which there is room, and tell the other members."""
        channel = self.open(name)
        if self._notifies(channel):
            self.tell(channel, MemberJoined(channel=name, account=session.account, uid=session.uid))
        self.restore(session, channel)
        if session.account in channel.put_out:
            self._forget_put_out(channel, session.account)
        channel.total_joins += 1
        channel.num_changed = True
        return channel

    def restore(self, session: Session, channel: Channel) -> None:
        """Make ``session`` a member without telling anybody."""
        if channel.destruction is not None:
            channel.destruction.cancel()
            channel.destruction = None
            if channel.stored:
                self._journal.append(ChannelEmptied(app=self._app, channel=channel.name, ms=0), promise=False)
        channel.members[session.account] = session
        channel.resumable_members += session.resumable
        session.enter(channel.name, channel.fanout, channel.last_message_id)

    def leave(self, session: Session) -> ChannelName | None:
        """Take ``session`` out of its channel, tell the others, and return the channel's name."""
        name = session.leave()
        if name is None:
            return None
        channel = self._channels[name]
        del channel.members[session.account]
        channel.resumable_members -= session.resumable
        if not channel.resumable_members:
            channel.history.clear()
        channel.num_changed = True
        if self._notifies(channel):
            self.tell(channel, MemberLeft(channel=name, account=session.account, uid=session.uid))
        if not channel.members:
            self.start_ttl(channel)
        return name

    def shut_out(self, session: Session) -> None:
        """Remember, until it joins again, that ``session`` does not leave its channel by its own will."""
        if session.channel is None:
            return
        channel = self._channels[session.channel]
        while len(channel.put_out) >= MAX_PUT_OUT:
            self._forget_put_out(channel, next(iter(channel.put_out)))
            self._counters.forgotten_kicks.add()
        channel.put_out[session.account] = None
        self._journal.append(MemberPutOut(app=self._app, channel=channel.name, account=session.account))

    def load_put_out(self, name: ChannelName, accounts: Iterable[Account]) -> None:
        """Take over who was put out of a channel; of one that did not outlive the restart nobody can be."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.put_out = dict.fromkeys(accounts)
        else:
            self._journal.append(ChannelDestroyed(app=self._app, channel=name), promise=False)

    def _forget_put_out(self, channel: Channel, account: Account) -> None:
        del channel.put_out[account]
        forgotten = PutOutForgotten(app=self._app, channel=channel.name, account=account)
        self._journal.append(forgotten, promise=False)

    def take_rates(self, sender: Session, channel: Channel) -> None:
        """Count a message against the rates of its sender and its channel. Raises ``SignalingError`` (400) over one."""
        now = trio.current_time()
        if not sender.rate.would_allow(now):
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, rate_reason("user", sender.rate.limit))
        limit = built_in.number(channel.attributes, built_in.SENDMSG_LIMIT)
        channel.rate.limit = CHANNEL_MESSAGES_PER_SECOND if limit is None else min(limit, CHANNEL_MESSAGES_PER_SECOND)
        if not channel.rate.would_allow(now):
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, rate_reason("channel", channel.rate.limit))
        sender.rate.take(now)
        channel.rate.take(now)

    def deliver(self, sender: Session, channel: Channel, text: str) -> None:
        """Give a message to all members, the sender included."""
        self._counters.channel_messages.add()
        self.tell(channel, ChannelText(channel=channel.name, account=sender.account, uid=sender.uid, msg=text))

    def tell(self, channel: Channel, event: ChannelEvent) -> None:
        """Queue one event for every member: encoded, framed and deflated once, the same bytes for all."""
        channel.last_message_id += 1
        if not channel.members or self.quiet:
            return
        payload = encode(channel_notice(event, channel.last_message_id, self._clock.ms()))
        frame = channel.fanout.tell(payload)
        self._counters.frames_out.add(len(channel.fanout))
        if channel.resumable_members:
            channel.history.add(channel.last_message_id, trio.current_time(), frame)

    def _notifies(self, channel: Channel) -> bool:
        return not channel.special and built_in.number(channel.attributes, built_in.USER_NOTIFICATION) == 1

    def start_ttl(self, channel: Channel) -> None:
        """Let the time of an empty channel run from now: the last member left, or its attributes changed."""
        if channel.stored:
            change = ChannelEmptied(app=self._app, channel=channel.name, ms=self._clock.ms())
            self._journal.append(change, promise=False)
        self.destroy_later(channel)

    def destroy_later(self, channel: Channel, empty_for: float = 0.0) -> None:
        """Destroy an empty channel when its ``_channel_ttl`` has passed, ``empty_for`` seconds of it being over."""
        if channel.destruction is not None:
            channel.destruction.cancel()
        if channel.special:
            return
        ttl = min(built_in.number(channel.attributes, built_in.CHANNEL_TTL) or 0, self.longest_ttl)
        remaining = max(0.0, ttl - empty_for) if channel.attributes else 0.0
        channel.destruction = self._timers.after(remaining, lambda: self.destroy(channel))

    def destroy(self, channel: Channel) -> None:
        """Forget an empty channel and its attributes."""
        if channel.members or self._channels.get(channel.name) is not channel:
            return
        for timer in (channel.destruction, channel.held_back_timer, channel.num_timer):
            if timer is not None:
                timer.cancel()
        channel.attributes.clear()
        self.kept.remove(channel.name)
        del self._channels[channel.name]
        if channel.stored or channel.put_out:
            self._journal.append(ChannelDestroyed(app=self._app, channel=channel.name), promise=False)
