"""The special channels: every login and logout, every join and leave of the app, to server sessions.

They are ordinary channels to the members' SDKs; see ``botkit.wire.ledger`` for what is in the messages. Members of a
special channel are observers: they are in no member list but its own, and their coming and going there is not told.
"""

from botkit.gateway.channels import Channels
from botkit.gateway.journal import Journal
from botkit.gateway.ledger import Ledger
from botkit.types import Account, Uid
from botkit.wire.ledger import SPECIAL_CHANNEL_OF, STREAM_OF, EventName, encode_event
from botkit.wire.messages import ChannelText


class Presence:
    """Puts presence and membership into the ledger and tells whoever sits in the special channels."""

    def __init__(self, channels: Channels, ledger: Ledger, journal: Journal) -> None:
        self._channels, self._ledger, self._journal = channels, ledger, journal

    def online(self, account: Account, uid: Uid) -> None:
        """An account logged in."""
        self._tell("user_online", account, uid)

    def offline(self, account: Account, uid: Uid, reason: str) -> None:
        """An account is gone."""
        self._tell("user_offline", account, uid, reason=reason)

    def joined(self, account: Account, uid: Uid, channel: str) -> None:
        """An account came into a channel."""
        self._tell("channel_join", account, uid, channel)

    def left(self, account: Account, uid: Uid, channel: str, reason: str) -> None:
        """An account went out of a channel."""
        self._tell("channel_leave", account, uid, channel, reason)

    def _tell(self, event: EventName, account: Account, uid: Uid, channel: str = "", reason: str = "") -> None:
        told = self._ledger.append(event, account, uid, channel=channel, reason=reason)
        special = SPECIAL_CHANNEL_OF[STREAM_OF[event]]
        observers = self._channels.get(special)
        if observers is None or not observers.members:
            return
        text = ChannelText(channel=special, account=account, uid=uid, msg=encode_event(told))
        self._channels.tell(observers, text)
        # Nobody is shown a number that a crash could still take back.
        for observer in observers.members.values():
            if observer.connection is not None:
                self._journal.hold_newest(observer.connection.outbox)
