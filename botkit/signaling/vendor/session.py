"""``LoginSession`` and the five callback classes. They name one another, so they are one module."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, overload

from botkit.errors import ErrorCode, RequestFailed, SessionEnded, SignalingError
from botkit.signaling.session import LoginSession as Client
from botkit.signaling.vendor.call import Call
from botkit.signaling.vendor.callback_queue import CallbackResult
from botkit.signaling.vendor.channel import Channel, Outcome
from botkit.signaling.vendor.desk import Desk, Verb
from botkit.signaling.vendor.names import Overridable
from botkit.signaling.vendor.tables import Calls, Channels
from botkit.types import Account, JsonObject, Uid

OnAnswer: TypeAlias = Callable[[str, JsonObject], CallbackResult]
"""How answers in JSON are told: error text, empty on success, and the answer."""


class MessageCallback(Overridable):
    """What becomes of a message that this session sends: exactly one of the two."""

    def onMessageSendSuccess(self, session: "LoginSession") -> CallbackResult:
        """The gateway has it."""

    def onMessageSendError(self, session: "LoginSession", ecode: int) -> CallbackResult:
        """Refused (400), or no answer in time (401): then it may have been sent."""


class CallCallback(Overridable):
    """What happens to a call. Refused, failed and ended are terminal: exactly one of them comes, and is the last."""

    def onInviteReceivedByPeer(self, session: "LoginSession", call: Call) -> CallbackResult:
        """The peer's client has the invitation."""

    def onInviteAcceptedByPeer(self, session: "LoginSession", call: Call, extra: str) -> CallbackResult:
        """The peer takes the call."""

    def onInviteRefusedByPeer(self, session: "LoginSession", call: Call, extra: str) -> CallbackResult:
        """The peer declines it."""

    def onInviteFailed(self, session: "LoginSession", call: Call, ecode: int) -> CallbackResult:
        """The invitation failed (700 to 704). The page's table names ``extra``, its signature ``ecode``."""

    def onInviteEndByPeer(self, session: "LoginSession", call: Call, extra: str) -> CallbackResult:
        """The peer has ended it, or is gone."""

    def onInviteEndByMyself(self, session: "LoginSession", call: Call, extra: str) -> CallbackResult:
        """This side has ended it."""

    def onInviteMsg(self, session: "LoginSession", call: Call, extra: str) -> CallbackResult:
        """The peer says something in the call; digits are ``{"msgtype":"dtmf","msgdata":"12#"}``."""


class ChannelCallback(Overridable):
    """What happens in a channel that this session joins."""

    def onChannelJoined(self, session: "LoginSession", channel: Channel) -> CallbackResult:
        """In; ``onChannelUserList`` and an ``onChannelAttrUpdated`` for each attribute follow."""

    def onChannelJoinFailed(self, session: "LoginSession", channel: Channel, ecode: int) -> CallbackResult:
        """Not in (300)."""

    def onChannelLeaved(self, session: "LoginSession", channel: Channel, ecode: int) -> CallbackResult:
        """Out: 601 by a moderator, 602 by one's own wish, 603 by logging out, 604 by loss, else 600."""

    def onChannelUserJoined(self, session: "LoginSession", channel: Channel, account: str, uid: int) -> CallbackResult:
        """Somebody else came in."""

    def onChannelUserLeaved(self, session: "LoginSession", channel: Channel, account: str, uid: int) -> CallbackResult:
        """Somebody else is gone."""

    def onChannelUserList(
        self, session: "LoginSession", channel: Channel, users: list[str], uids: list[int]
    ) -> CallbackResult:
        """The latest 200 members, this session included; ``uids`` has the number of each."""

    def onChannelAttrUpdated(
        self, session: "LoginSession", channel: Channel, name: str, value: str, type: str
    ) -> CallbackResult:
        """An attribute changed: ``update``, ``del`` or ``clear``. At most 10 a second, with the last value of each."""

    def onChannelQueryUserNum(self, session: "LoginSession", err: str, num: int) -> CallbackResult:
        """The answer to ``channelQueryUserNum``; ``err`` is empty on success and starts with the code otherwise."""

    def onMessageChannelReceive(
        self, session: "LoginSession", channel: Channel, account: str, uid: int, msg: str
    ) -> CallbackResult:
        """A message in the channel, one's own included."""


class UserAttrCallback(Overridable):
    """Answers to questions about users. ``err`` is empty on success; ``ret`` has ``result`` ``ok`` or ``failed``."""

    def onUserGetAttr(self, err: str, ret: JsonObject) -> CallbackResult:
        """``{"result": "ok", "account": …, "name": …, "value": …}``, or ``failed`` with ``reason``."""

    def onUserGetAttrAll(self, err: str, ret: JsonObject) -> CallbackResult:
        """``{"result": "ok", "account": …, "json": {name: value, …}}``, or ``failed`` with ``reason``."""

    def onUserSetAttr(self, err: str, ret: JsonObject) -> CallbackResult:
        """``{"result": "ok", "reason": ""}``, or ``failed`` with ``reason``."""

    def onChannelQueryUserNum(self, session: "LoginSession", err: str, num: int) -> CallbackResult:
        """Also here: the page documents it with ``ChannelCallback`` but has the query take a ``UserAttrCallback``."""


UserGetAttrCallback = UserAttrCallback
"""As the page writes once, for ``userGetAttrAll``."""


class LoginCallback(Overridable):
    """What happens to a session. The three about channels mirror those of its ``ChannelCallback``."""

    def onLoginSuccess(self, session: "LoginSession", uid: int) -> CallbackResult:
        """In; ``uid`` is the account's number, the one that others see."""

    def onLogout(self, session: "LoginSession", ecode: int) -> CallbackResult:
        """The session is over (100 to 105), or it was when ``logout`` was called (108)."""

    def onLoginFailed(self, session: "LoginSession", ecode: int) -> CallbackResult:
        """Not in (200 to 209); 208 for a login that is ignored, and then ``session`` is the one that is logged in."""

    def onMessageInstantReceive(self, session: "LoginSession", account: str, uid: int, msg: str) -> CallbackResult:
        """A message to this account."""

    def onInviteReceived(self, session: "LoginSession", call: Call) -> CallbackResult:
        """Somebody invites this account; follow the call with ``LoginSession.setCallCallback``."""

    def onError(self, session: "LoginSession", ecode: int, reason: str) -> CallbackResult:
        """A call failed for which the page names no callback, or was wrong: not logged in (1003), parameters
        (1004, 1005). 1000: callbacks were so slow that events are lost.
        """

    def onChannelJoined(self, session: "LoginSession", channel: Channel) -> CallbackResult:
        """See ``ChannelCallback``."""

    def onChannelJoinFailed(self, session: "LoginSession", channel: Channel, ecode: int) -> CallbackResult:
        """See ``ChannelCallback``."""

    def onChannelLeaved(self, session: "LoginSession", channel: Channel, ecode: int) -> CallbackResult:
        """See ``ChannelCallback``."""

    def onReconnecting(self, session: "LoginSession", nretry: int) -> CallbackResult:
        """The connection is lost; attempt ``nretry`` begins (of the vendor's other SDKs)."""

    def onReconnected(self, session: "LoginSession") -> CallbackResult:
        """Logged in again (of the vendor's other SDKs)."""


class LoginSession:
    """One account's session; ``Signal.login`` makes it. Every method starts something and returns at once.

    What becomes of it is told by callbacks, in order and one at a time. All raise ``RequestFailed`` when 4096 calls
    of the session are under way.
    """

    def __init__(
        self,
        account: str,
        cb: LoginCallback,
        desk: Desk,
        channels: Channels[ChannelCallback],
        calls: Calls[CallCallback],
    ) -> None:
        self._account = account
        self._cb = cb
        self._desk = desk
        self._channels = channels
        self._calls = calls

    def __repr__(self) -> str:
        return f"<LoginSession {self._account!r}, {self._desk.status.name.lower()}>"

    @property
    def account(self) -> str:
        """Whose session it is."""
        return self._account

    @property
    def callback_errors(self) -> int:
        """How many callbacks of this session raised something; it was logged."""
        return self._desk.callbacks.errors

    def logout(self) -> None:
        """End the session: ``onLogout`` with 101; with 108 when it has ended before, or is about to.

        While logging in it cancels that: ``onLoginFailed`` with 203. A ``login`` may follow at once.
        """
        desk = self._desk
        if desk.leaving or desk.over.is_set():
            desk.do(self._tell_left_before)
            return
        desk.leaving = True
        if desk.client is None:
            desk.login_scope.cancel()
        else:
            desk.do(self._log_out)

    @overload
    def messageInstantSend(self, account: str, msg: str, cb: MessageCallback, /) -> None: ...
    @overload
    def messageInstantSend(self, account: str, msg: str, ttl: int, cb: MessageCallback, /) -> None: ...
    def messageInstantSend(
        self, account: str, msg: str, ttl: int | MessageCallback, cb: MessageCallback | None = None, /
    ) -> None:
        """Send ``msg``, at most 8192 bytes, to ``account``, whose session gets ``onMessageInstantReceive``.

        It waits ``ttl`` seconds (an hour by default) for a peer that is offline; with 0 it is refused then.
        """
        if isinstance(ttl, int):
            seconds, callback = ttl, cb
        else:
            seconds, callback = None, ttl
        if callback is None:
            raise TypeError("messageInstantSend takes (account, msg, cb) or (account, msg, ttl, cb)")
        outcome = self._message_outcome(callback)

        async def send(client: Client) -> None:
            await client.send_instant(account, msg, ttl=seconds)
            await self._desk.tell(outcome.sent)

        self._desk.do(send, failed=outcome.failed, code=ErrorCode.SENDMESSAGE_E_OTHER)

    def channelInviteUser2(self, channel: str, peer: str, extra: str, cb: CallCallback) -> Call:
        """Invite ``peer`` to a channel, which nobody joins by that. ``extra`` is JSON of at most 8192 bytes, or empty.

        The gateway reads ``_require_peer_online`` (1: 703 at once when the peer is offline; 0: after 20 s) and
        ``_timeout`` (0 to 30 s: then 704) in it. Whatever else is in it goes to the peer as it is.
        """
        call = Call(channel, peer, extra, self._desk)

        async def failed(code: ErrorCode, _: SignalingError) -> None:
            if call.ends():
                await self._desk.tell(lambda: cb.onInviteFailed(self, call, int(code)))

        self._desk.do(partial(self._invite, call, cb), failed=failed, code=ErrorCode.INVITE_E_OTHER)
        return call

    def setCallCallback(self, call: Call, cb: CallCallback) -> None:
        """Have ``cb`` told of an incoming call: the page has no way to follow one.

        Without this it is the session's ``LoginCallback``, if that is a ``CallCallback`` as well.
        """
        self._calls.follow(call, cb)

    def channelJoin(self, name: str, cb: ChannelCallback) -> Channel:
        """Join a channel of 1 to 128 bytes, leaving the one before. Also joins the channel that it is in, anew."""
        channel = Channel(name, self._desk, self._channel_outcome(cb))

        async def failed(code: ErrorCode, _: SignalingError) -> None:
            self._channels.failed(channel)
            for hearer in self.hearers(cb):
                await self._desk.tell(partial(hearer.onChannelJoinFailed, self, channel, int(code)))

        self._desk.do(partial(self._join, channel, cb), failed=failed, code=ErrorCode.JOINCHANNEL_E_OTHER, alone=True)
        return channel

    def userSetAttr(self, name: str, value: str, cb: UserAttrCallback) -> None:
        """Set an attribute of this account (128 bytes, 1024 bytes): ``onUserSetAttr``."""

        async def set_attribute(client: Client) -> None:
            await client.set_user_attribute(name, value)
            await self._desk.tell(lambda: cb.onUserSetAttr("", {"result": "ok", "reason": ""}))

        self._ask(set_attribute, cb.onUserSetAttr)

    def userGetAttr(self, account: str, name: str, cb: UserAttrCallback) -> None:
        """Read an attribute of any account, online or not: ``onUserGetAttr``."""

        async def get_attribute(client: Client) -> None:
            value = await client.get_user_attribute(account, name)
            if value is None:
                raise RequestFailed(ErrorCode.GENERAL_E_FAILED, f"{account} has no attribute {name}")
            ret: JsonObject = {"result": "ok", "account": account, "name": name, "value": value}
            await self._desk.tell(lambda: cb.onUserGetAttr("", ret))

        self._ask(get_attribute, cb.onUserGetAttr)

    def userGetAttrAll(self, account: str, cb: UserAttrCallback) -> None:
        """Read all attributes of any account, online or not: ``onUserGetAttrAll``."""

        async def get_attributes(client: Client) -> None:
            ret: JsonObject = {
                "result": "ok",
                "account": account,
                "json": {**await client.get_user_attributes(account)},
            }
            await self._desk.tell(lambda: cb.onUserGetAttrAll("", ret))

        self._ask(get_attributes, cb.onUserGetAttrAll)

    def channelQueryUserNum(self, name: str, cb: UserAttrCallback | ChannelCallback) -> None:
        """How many members a channel has, 0 when there is none: ``onChannelQueryUserNum``."""

        async def query(client: Client) -> None:
            count = await client.query_channel_count(name)
            await self._desk.tell(lambda: cb.onChannelQueryUserNum(self, "", count))

        async def failed(_: ErrorCode, error: SignalingError) -> None:
            await self._desk.tell(lambda: cb.onChannelQueryUserNum(self, str(error), 0))

        self._desk.do(query, failed=failed, code=ErrorCode.QUERYUSERNUM_E_OTHER)

    def invoke(self, name: str, req: JsonObject, cb: OnAnswer) -> None:
        """Call one of the eleven ``io.agora.signal.`` functions (of release 1.2); ``cb`` gets error text and answer."""

        async def call(client: Client) -> None:
            ret = await client.invoke(name, req)
            await self._desk.tell(lambda: cb("", ret))

        self._ask(call, cb)

    message_instant_send = messageInstantSend
    channel_invite_user2 = channelInviteUser2
    set_call_callback = setCallCallback
    channel_join = channelJoin
    user_set_attr = userSetAttr
    user_get_attr = userGetAttr
    user_get_attr_all = userGetAttrAll
    channel_query_user_num = channelQueryUserNum

    def _ask(self, verb: Verb, answer: OnAnswer) -> None:
        async def failed(_: ErrorCode, error: SignalingError) -> None:
            ret: JsonObject = {"result": "failed", "reason": error.reason or error.code.text}
            await self._desk.tell(lambda: answer(str(error), ret))

        self._desk.do(verb, failed=failed)

    def _message_outcome(self, cb: MessageCallback) -> Outcome:
        async def failed(code: ErrorCode, _: SignalingError) -> None:
            await self._desk.tell(lambda: cb.onMessageSendError(self, int(code)))

        return Outcome(lambda: cb.onMessageSendSuccess(self), failed)

    def _channel_outcome(self, cb: ChannelCallback) -> Outcome | None:
        for callback in (cb, self._cb):
            if isinstance(callback, MessageCallback):
                return self._message_outcome(callback)
        return None

    async def _join(self, channel: Channel, cb: ChannelCallback, client: Client) -> None:
        before = client.channel
        self._channels.joining(channel, cb)
        entered = await client.join(channel.name)
        channel.entered(entered)
        if entered is before:  # no news to the client, which tells nothing
            entry = self._channels.joined(channel.name)
            if entry is not None:
                await self.tell_joined(*entry, entered.members, entered.attributes)

    def hearers(self, cb: ChannelCallback) -> Sequence[ChannelCallback | LoginCallback]:
        """Who is told of joining and leaving: the channel's callback and the session's; not for applications."""
        if isinstance(self._cb, ChannelCallback) and self._cb is cb:
            return (cb,)  # one object for both hears it once
        return (cb, self._cb)

    async def tell_joined(
        self, channel: Channel, cb: ChannelCallback, members: Mapping[Account, Uid], attributes: Mapping[str, str]
    ) -> None:
        """In: the joining, then the members, then the attributes; not for applications."""
        for hearer in self.hearers(cb):
            await self._desk.tell(partial(hearer.onChannelJoined, self, channel))
        await self.tell_state(channel, cb, members, attributes)

    async def tell_state(
        self, channel: Channel, cb: ChannelCallback, members: Mapping[Account, Uid], attributes: Mapping[str, str]
    ) -> None:
        """Who is in a channel and what its attributes are; not for applications."""
        users, uids = [*members.keys()], [*members.values()]
        await self._desk.tell(lambda: cb.onChannelUserList(self, channel, [*users], [*uids]))
        for name, value in attributes.items():
            await self._desk.tell(partial(cb.onChannelAttrUpdated, self, channel, name, value, "update"))

    async def _invite(self, call: Call, cb: CallCallback, client: Client) -> None:
        self._calls.inviting(call, cb)
        try:
            known = await client.invite(call.channel, call.peer, call.extra)
        except SignalingError:
            self._calls.invited(call, None)
            call.known_as(None)
            raise
        self._calls.invited(call, known.id)
        call.known_as(known)

    async def _log_out(self, client: Client) -> None:
        try:
            await client.logout()
        except SessionEnded:
            await self._tell_left_before(client)

    async def _tell_left_before(self, _: Client) -> None:
        await self._desk.over.wait()
        await self._desk.tell(lambda: self._cb.onLogout(self, int(ErrorCode.LOGOUT_E_ALREADY_LOGOUT)))
