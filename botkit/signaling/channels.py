"""The one channel that a session is in, and how it changes."""

from collections.abc import Callable

from botkit.errors import ErrorCode, ProtocolError
from botkit.events import ChannelLeft, Event, EventsLost
from botkit.signaling.channel import Channel
from botkit.signaling.connection import Connection
from botkit.signaling.effects import Join
from botkit.signaling.feed import Feed
from botkit.signaling.membership import Membership
from botkit.signaling.outgoing import Outgoing
from botkit.signaling.statistics import Counters
from botkit.types import ChannelName
from botkit.wire.frames import ChannelNotice, ExpelledNotice
from botkit.wire.ledger import decode_event
from botkit.wire.limits import SPECIAL_CHANNELS
from botkit.wire.messages import ChannelText, channel_event, parse_line
from botkit.wire.replies import Failure, Joined
from botkit.wire.requests import JoinChannel

Emit = Callable[[Event], None]

_LEAVE_CODES = {int(code): code for code in ErrorCode if 600 <= code <= 604}


class Channels:
    """Joins, leaves and follows the session's channel: one at a time, as with the vendor."""

    def __init__(self, outgoing: Outgoing, emit: Emit, counters: Counters, *, feed_events: bool = True) -> None:
        self._special = SPECIAL_CHANNELS if feed_events else frozenset[str]()
        self._outgoing = outgoing
        self._emit = emit
        self._counters = counters
        self._membership: Membership | None = None
        self._feeds: dict[ChannelName, Feed] = {}
        self.current: Channel | None = None

    async def join(self, name: ChannelName) -> Channel:
        """See ``LoginSession.join``."""
        if self.current is not None and self.current.name == name:
            return self.current
        entered: list[Channel] = []

        def on_answer(answer: Joined | Failure | None) -> None:
            if isinstance(answer, Joined):
                entered.append(self._enter(name, answer))

        await self._outgoing.act(Join(channel=name), Joined, on_answer)
        return entered[0]

    async def rejoin(self, connection: Connection, name: ChannelName) -> bool:
        """Enter a channel again after a reconnect; False when the gateway refuses."""

        def on_answer(answer: Joined | Failure | None) -> None:
            if isinstance(answer, Joined):
                self._enter(name, answer)

        return isinstance(await connection.post(JoinChannel(channel=name), Joined, on_answer).wait(), Joined)

    def seen(self) -> tuple[str, int]:
        """The current channel, and the newest notice of it."""
        membership = self._membership
        return (membership.channel, membership.last_message_id) if membership is not None else ("", 0)

    def resumed(self, name: str, lost: int) -> ChannelName | None:
        """The session was resumed: it is in the channel ``name`` now, and ``lost`` notices are gone (-1: unknown).

        Returns the channel to join again, to learn its state; None when what is known of it holds.
        """
        if lost:
            self._emit(EventsLost(cause="while the connection was lost", count=lost if lost > 0 else None))
        membership = self._membership
        if membership is not None and membership.channel == name:
            if not lost:
                return None
            membership.last_message_id = 0
        elif not name:
            self.leave(ErrorCode.LEAVECHANNEL_E_OTHER)
            return None
        return ChannelName(name)

    def leave(self, code: ErrorCode) -> None:
        """The session is out of its channel, if it was in one."""
        if self._membership is not None:
            self._left(self._membership, code)

    def on_notice(self, notice: ChannelNotice) -> None:
        """Something happened in a channel. Raises ``ProtocolError``."""
        membership = self._membership
        if (
            membership is None
            or notice.channel != membership.channel
            or notice.message_id <= membership.last_message_id
        ):
            self._counters.notices_ignored += 1  # of a channel that was left meanwhile, or told before
            return
        membership.last_message_id = notice.message_id
        line = parse_line(notice.line)
        event = channel_event(line)
        if membership.channel in self._special and isinstance(event, ChannelText):
            told = self._feed_events(membership, event)
            if told is not None:
                for each in told:
                    self._emit(each)
                return
        self._emit(membership.apply(event, notice.message_id, line.ms))

    def on_expelled(self, notice: ExpelledNotice) -> None:
        """A moderator put this session out of its channel (601), or closed the channel."""
        if self._membership is None or notice.channel != self._membership.channel:
            self._counters.notices_ignored += 1
            return
        self.leave(_LEAVE_CODES.get(notice.code, ErrorCode.LEAVECHANNEL_E_OTHER))

    def _feed_events(self, membership: Membership, event: ChannelText) -> list[Event] | None:
        try:
            special = decode_event(event.msg)
        except ProtocolError:
            return None  # a server account said something in there: an ordinary message
        return self._feeds.setdefault(membership.channel, Feed(membership.channel)).events(special)

    def _enter(self, name: ChannelName, answer: Joined) -> Channel:
        if self.current is None or self._membership is None or self._membership.channel != name:
            self.leave(ErrorCode.LEAVECHANNEL_E_BYUSER)
            self._membership = Membership(name)
            self.current = Channel(self._membership, self._outgoing, self._left_by_user)
        self._emit(self._membership.enter(answer))
        return self.current

    def _left_by_user(self, membership: Membership) -> None:
        self._left(membership, ErrorCode.LEAVECHANNEL_E_BYUSER)

    def _left(self, membership: Membership, code: ErrorCode) -> None:
        if not membership.joined:
            return
        membership.joined = False
        if membership is self._membership:
            self._membership = self.current = None
        self._emit(ChannelLeft(channel=membership.channel, code=code))
