"""What a session knows of its channel: members and attributes, kept up from notices. No I/O."""

from botkit.errors import ProtocolError
from botkit.events import (
    ChannelAttributeUpdated,
    ChannelJoined,
    ChannelMessage,
    Event,
    UserJoined,
    UserLeft,
)
from botkit.types import Account, ChannelName, Uid
from botkit.wire.messages import AttributeUpdated, ChannelEvent, ChannelText, MemberJoined, MemberLeft
from botkit.wire.replies import Joined


class Membership:
    """One stay in a channel. Beyond the latest 200 members at the moment of joining it knows those who came after."""

    def __init__(self, channel: ChannelName) -> None:
        self.channel = channel
        self.members: dict[Account, Uid] = {}
        self.attributes: dict[str, str] = {}
        self.last_message_id = 0
        self.joined = False

    def enter(self, reply: Joined) -> ChannelJoined:
        """In, for the first time or again: take over what the gateway says."""
        self.joined = True
        self.last_message_id = 0
        self.members.clear()
        self.members.update((Account(account), Uid(uid)) for account, uid in reply.members)
        self.attributes.clear()
        self.attributes.update(reply.attributes)
        return ChannelJoined(
            channel=self.channel, members=tuple(self.members.items()), attributes=dict(self.attributes)
        )

    def apply(self, event: ChannelEvent, message_id: int, ms: int) -> Event:
        """Follow what happened in the channel and say what to tell. Raises ``ProtocolError``."""
        account, uid = Account(event.account), Uid(event.uid)
        match event:
            case ChannelText(msg=text):
                return ChannelMessage(
                    channel=self.channel, account=account, uid=uid, text=text, ms=ms, message_id=message_id
                )
            case MemberJoined():
                self.members[account] = uid
                return UserJoined(channel=self.channel, account=account, uid=uid, ms=ms)
            case MemberLeft():
                self.members.pop(account, None)
                return UserLeft(channel=self.channel, account=account, uid=uid, ms=ms)
            case AttributeUpdated():
                return self._apply_attribute(event, account, ms)

    def _apply_attribute(self, event: AttributeUpdated, account: Account, ms: int) -> Event:
        name, value = event.name, event.value
        match event.type:
            case "update" as kind:
                self.attributes[name] = value
            case "del" as kind:
                self.attributes.pop(name, None)
            case "clear" as kind:
                self.attributes.clear()
            case _:
                raise ProtocolError(f"{event.type!r} is no change of an attribute", field="line.content.type")
        return ChannelAttributeUpdated(channel=self.channel, account=account, name=name, value=value, kind=kind, ms=ms)
