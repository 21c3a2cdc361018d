"""``Channel``: what ``LoginSession.channelJoin`` returns."""

from functools import partial
from typing import NamedTuple

from botkit.errors import ErrorCode, RequestFailed, SendFailed
from botkit.signaling.channel import Channel as ClientChannel
from botkit.signaling.session import LoginSession as Client
from botkit.signaling.vendor.callback_queue import Callback
from botkit.signaling.vendor.desk import Desk, OnFailure


class Outcome(NamedTuple):
    """Who hears what became of a channel message: the page's method for it takes no ``MessageCallback``."""

    sent: Callback
    failed: OnFailure


class Channel:
    """A channel that a session joins, is in, or was in. Failures without a callback of their own go to ``onError``."""

    def __init__(self, name: str, desk: Desk, outcome: Outcome | None) -> None:
        self.name = name
        self._desk = desk
        self._outcome = outcome
        self._client: ClientChannel | None = None

    def __repr__(self) -> str:
        return f"<Channel {self.name!r}>"

    def entered(self, channel: ClientChannel) -> None:
        """The session is in; not for applications."""
        self._client = channel

    def channelLeave(self) -> None:
        """Leave: ``onChannelLeaved`` here (602), ``onChannelUserLeaved`` there. A second time does nothing."""
        self._desk.do(self._leave, code=ErrorCode.LEAVECHANNEL_E_OTHER, alone=True)

    def channelSetAttr(self, name: str, value: str) -> None:
        """Set an attribute (128 bytes, 8096 bytes): ``onChannelAttrUpdated`` with ``update`` for all members."""
        self._desk.do(partial(self._set, name, value))

    def channelDelAttr(self, name: str) -> None:
        """Remove an attribute: ``onChannelAttrUpdated`` with ``del`` for all members."""
        self._desk.do(partial(self._delete, name))

    def channelClearAttr(self) -> None:
        """Remove all attributes: one ``onChannelAttrUpdated`` with ``clear`` for all members."""
        self._desk.do(self._clear)

    def messageChannelSend(self, msg: str) -> None:
        """Send a message of at most 8192 bytes to all members: ``onMessageChannelReceive``, here too.

        The page names ``onMessageSendSuccess`` and ``onMessageSendError`` for it but takes no ``MessageCallback``. They
        are called on the channel's callback, else the session's, if that is a ``MessageCallback`` as well; otherwise
        a failure goes to ``onError``.
        """
        failed = self._outcome.failed if self._outcome is not None else None
        self._desk.do(partial(self._send, msg), failed=failed, code=ErrorCode.SENDMESSAGE_E_OTHER)

    channel_leave = channelLeave
    channel_set_attr = channelSetAttr
    channel_del_attr = channelDelAttr
    channel_clear_attr = channelClearAttr
    message_channel_send = messageChannelSend

    async def _leave(self, _: Client) -> None:
        if self._client is not None:
            await self._client.leave()

    async def _set(self, name: str, value: str, _: Client) -> None:
        await self._joined().set_attribute(name, value)

    async def _delete(self, name: str, _: Client) -> None:
        await self._joined().delete_attribute(name)

    async def _clear(self, _: Client) -> None:
        await self._joined().clear_attributes()

    async def _send(self, msg: str, _: Client) -> None:
        if self._client is None:
            raise SendFailed(ErrorCode.SENDMESSAGE_E_OTHER, self._outside())
        await self._client.send(msg)
        if self._outcome is not None:
            await self._desk.tell(self._outcome.sent)

    def _joined(self) -> ClientChannel:
        if self._client is None:
            raise RequestFailed(ErrorCode.GENERAL_E_FAILED, self._outside())
        return self._client

    def _outside(self) -> str:
        return f"this session is not in {self.name!r}"
