"""The special channels' events, with their holes. No I/O."""

from botkit.errors import ProtocolError
from botkit.events import Event, EventsLost, FeedEvent, MemberJoined, MemberLeft, UserOffline, UserOnline
from botkit.types import Account, ChannelName, Uid
from botkit.wire.ledger import LedgerEvent


class Feed:
    """Where a session stands in one special channel; it outlives connections, so that a hole is seen."""

    def __init__(self, channel: ChannelName) -> None:
        self._channel = channel
        self._epoch: str | None = None
        self._seq = 0

    def events(self, special: LedgerEvent) -> list[Event]:
        """What to tell: the event, after an ``EventsLost`` if some are missing; nothing for a repeated one."""
        lost: list[Event] = []
        if self._epoch is None:
            pass
        elif special.epoch != self._epoch:
            lost.append(EventsLost(cause=f"{self._channel}: a new epoch began"))
        elif special.seq <= self._seq:
            return []
        elif special.prev != self._seq:
            lost.append(EventsLost(cause=f"{self._channel}: a hole"))
        self._epoch, self._seq = special.epoch, special.seq
        return [*lost, feed_event(special)]


def feed_event(special: LedgerEvent) -> FeedEvent:
    """The typed event of one payload."""
    account, uid, channel = Account(special.account), Uid(special.uid), ChannelName(special.channel)
    ms, epoch, seq, prev, reason = special.ms, special.epoch, special.seq, special.prev, special.reason
    match special.event:
        case "user_online":
            return UserOnline(account=account, uid=uid, ms=ms, epoch=epoch, seq=seq, prev=prev)
        case "user_offline":
            return UserOffline(account=account, uid=uid, ms=ms, epoch=epoch, seq=seq, prev=prev, reason=reason)
        case "channel_join":
            return MemberJoined(account=account, uid=uid, ms=ms, epoch=epoch, seq=seq, prev=prev, channel=channel)
        case "channel_leave":
            return MemberLeft(
                account=account, uid=uid, ms=ms, epoch=epoch, seq=seq, prev=prev, channel=channel, reason=reason
            )
        case other:
            raise ProtocolError(f"{other} does not belong into a special channel", field="event")
