"""The special channels: every login and logout, every join and leave of the app, to server sessions.

They are ordinary channels to the members' SDKs; see ``botkit.wire.special`` for what is in the messages. Members of a
special channel are observers: they are in no member list but its own, and their coming and going there is not told.
"""

import secrets

from botkit.gateway.channels import Channels
from botkit.gateway.clock import WallClock
from botkit.gateway.session import Session
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL, USER_ONLINE_CHANNEL
from botkit.wire.messages import ChannelText
from botkit.wire.special import EventName, SpecialEvent, encode_special


class Presence:
    """Numbers the events of one app and tells whoever sits in the special channels."""

    def __init__(self, channels: Channels, clock: WallClock) -> None:
        self._channels, self._clock = channels, clock
        self.epoch = secrets.token_urlsafe(8)
        self._last = {USER_ONLINE_CHANNEL: 0, CHANNEL_EVENT_CHANNEL: 0}

    def online(self, session: Session) -> None:
        """An account logged in."""
        self._tell(USER_ONLINE_CHANNEL, "user_online", session)

    def offline(self, session: Session, reason: str) -> None:
        """An account is gone."""
        self._tell(USER_ONLINE_CHANNEL, "user_offline", session, reason=reason)

    def joined(self, session: Session, channel: str) -> None:
        """An account came into a channel."""
        self._tell(CHANNEL_EVENT_CHANNEL, "channel_join", session, channel)

    def left(self, session: Session, channel: str, reason: str) -> None:
        """An account went out of a channel."""
        self._tell(CHANNEL_EVENT_CHANNEL, "channel_leave", session, channel, reason)

    def seqs(self) -> dict[str, int]:
        """The newest number of each special channel."""
        return dict(self._last)

    def _tell(self, feed: str, event: EventName, session: Session, channel: str = "", reason: str = "") -> None:
        self._last[feed] += 1
        observers = self._channels.get(feed)
        if observers is None or not observers.members:
            return
        told = SpecialEvent(
            event=event,
            account=session.account,
            uid=session.uid,
            channel=channel,
            ms=self._clock.ms(),
            reason=reason,
            epoch=self.epoch,
            seq=self._last[feed],
        )
        text = ChannelText(channel=feed, account=session.account, uid=session.uid, msg=encode_special(told))
        self._channels.tell(observers, text)
