"""From the client's events to the application's callbacks."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from botkit import events
from botkit.errors import ErrorCode
from botkit.signaling.session import LoginSession as Client
from botkit.signaling.vendor.call import Call
from botkit.signaling.vendor.callback_queue import CallbackResult
from botkit.signaling.vendor.desk import Desk
from botkit.signaling.vendor.session import CallCallback, ChannelCallback, LoginCallback, LoginSession
from botkit.signaling.vendor.tables import Calls, Channels
from botkit.wire.messages import dtmf_extra

OnCall: TypeAlias = Callable[[CallCallback, Call], CallbackResult]
"""One callback about a call."""

_TERMINAL = (events.CallRefused, events.CallFailed, events.CallEnded)


class EventTeller:
    """Tells a session's events, in their order. Waits while too many callbacks wait."""

    def __init__(
        self,
        session: LoginSession,
        cb: LoginCallback,
        desk: Desk,
        channels: Channels[ChannelCallback],
        calls: Calls[CallCallback],
    ) -> None:
        self._session = session
        self._cb = cb
        self._desk = desk
        self._channels = channels
        self._calls = calls

    async def tell(self, event: events.Event, client: Client) -> None:
        """Call back what stands for ``event``; what the page knows nothing of is not told."""
        match event:
            case events.ChannelJoined():
                await self._joined(event, client)
            case events.ChannelLeft():
                await self._left(event)
            case events.CallInvited():
                await self._invited(event, client)
            case events.CallEvent():
                await self._about_call(event)
            case _:
                await self._about_session(event)
                await self._about_channel(event)

    async def _about_session(self, event: events.Event) -> None:
        session, cb = self._session, self._cb
        match event:
            case events.LoggedIn(uid=uid):
                await self._desk.tell(lambda: cb.onLoginSuccess(session, uid))
            case events.LoggedOut(code=code):
                await self._desk.tell(lambda: cb.onLogout(session, int(code)))
            case events.Reconnecting(attempt=attempt):
                await self._desk.tell(lambda: cb.onReconnecting(session, attempt))
            case events.Reconnected():
                await self._desk.tell(lambda: cb.onReconnected(session))
            case events.InstantMessage(account=account, uid=uid, text=text):
                await self._desk.tell(lambda: cb.onMessageInstantReceive(session, account, uid, text))
            case events.EventsLost(cause=cause, count=count):
                reason = f"events are lost: {cause}" + (f" ({count})" if count is not None else "")
                await self._desk.tell(lambda: cb.onError(session, int(ErrorCode.GENERAL_E), reason))

    async def _about_channel(self, event: events.Event) -> None:
        if self._channels.current is None:
            return
        session, (channel, cb) = self._session, self._channels.current
        match event:
            case events.ChannelMessage(account=account, uid=uid, text=text):
                await self._desk.tell(lambda: cb.onMessageChannelReceive(session, channel, account, uid, text))
            case events.UserJoined(account=account, uid=uid):
                await self._desk.tell(lambda: cb.onChannelUserJoined(session, channel, account, uid))
            case events.UserLeft(account=account, uid=uid):
                await self._desk.tell(lambda: cb.onChannelUserLeaved(session, channel, account, uid))
            case events.ChannelAttributeUpdated(name=name, value=value, kind=kind):
                await self._desk.tell(lambda: cb.onChannelAttrUpdated(session, channel, name, value, kind))

    async def _joined(self, event: events.ChannelJoined, client: Client) -> None:
        members, attributes = dict(event.members), event.attributes
        entry = self._channels.joined(event.channel)
        if entry is not None:
            await self._session.tell_joined(*entry, members, attributes)
            return
        current = self._channels.current
        if current is not None and current[0].name == event.channel:
            await self._session.tell_state(*current, members, attributes)  # joined again after a loss
        elif client.channel is not None and client.channel.name == event.channel:
            self._desk.do(self._undo_join)  # the answer came when the joining was told to have failed

    @staticmethod
    async def _undo_join(client: Client) -> None:
        if client.channel is not None:
            await client.channel.leave()

    async def _left(self, event: events.ChannelLeft) -> None:
        entry = self._channels.left(event.channel)
        if entry is None:
            return
        channel, cb = entry
        for hearer in self._session.hearers(cb):
            await self._desk.tell(partial(hearer.onChannelLeaved, self._session, channel, int(event.code)))

    async def _invited(self, event: events.CallInvited, client: Client) -> None:
        call = Call(event.channel, event.peer, event.extra, self._desk)
        call.known_as(client.call(event.call))
        self._calls.came_in(event.call, call, self._cb if isinstance(self._cb, CallCallback) else CallCallback())
        await self._desk.tell(lambda: self._cb.onInviteReceived(self._session, call))

    async def _about_call(self, event: events.CallEvent) -> None:
        followed = self._calls.find(event.call, event.channel, event.peer)
        if followed is None:
            return
        terminal = isinstance(event, _TERMINAL)
        if terminal and not followed.call.ends():
            self._calls.over(event.call)  # told already, as the failure of the invitation
            return
        callback = self._of_call(event)
        if callback is None:
            return

        def tell() -> CallbackResult:
            if terminal:
                self._calls.over(event.call)  # not before: the application may still say who is to be told
            return callback(followed.callback, followed.call)

        await self._desk.tell(tell)

    def _of_call(self, event: events.CallEvent) -> OnCall | None:
        session = self._session
        match event:
            case events.CallRinging():
                return lambda cb, call: cb.onInviteReceivedByPeer(session, call)
            case events.CallAccepted(extra=extra):
                return lambda cb, call: cb.onInviteAcceptedByPeer(session, call, extra)
            case events.CallRefused(extra=extra):
                return lambda cb, call: cb.onInviteRefusedByPeer(session, call, extra)
            case events.CallFailed(code=code):
                return lambda cb, call: cb.onInviteFailed(session, call, int(code))
            case events.CallEnded(by_peer=True, extra=extra):
                return lambda cb, call: cb.onInviteEndByPeer(session, call, extra)
            case events.CallEnded(extra=extra):
                return lambda cb, call: cb.onInviteEndByMyself(session, call, extra)
            case events.DigitsPressed(digits=digits):
                return lambda cb, call: cb.onInviteMsg(session, call, dtmf_extra(digits))
            case events.CallMessageReceived(extra=extra):
                return lambda cb, call: cb.onInviteMsg(session, call, extra)
            case _:
                return None
