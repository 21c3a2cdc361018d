"""The vendor's Server SDK API, under the vendor's names, over botkit's client.

For programs that were written against the vendor's SDK and for those who know it; new ones are better off with
``botkit.signaling``, which says the same in Python's terms. ::

    from trio.testing import MockClock

    from botkit import InstantMessage
    from botkit.signaling.vendor import LoginCallback, LoginSession, MessageCallback, open_signal
    from botkit.testing import open_world


    class Greeter(LoginCallback, MessageCallback):
        def onLoginSuccess(self, session: LoginSession, uid: int) -> None:
            session.messageInstantSend("bob", "hello", self)


    async def test_greeter(autojump_clock: MockClock) -> None:
        async with open_world() as world, open_signal(world.app_id, world.connector) as signal:
            bob = await world.user("bob")
            signal.login("ann", "_no_need_token", Greeter())
            await bob.expect(InstantMessage, account="ann", text="hello")

Where there is a real gateway, ``open_signal`` takes its URL, as ``ws://127.0.0.1:8001/``.

Every method returns at once; what becomes of it is told by callbacks. They are plain functions or async ones, run one
after another per session in a task of their own: one that takes its time holds up those behind it, but neither the
heartbeat nor the reader (one that blocks the thread holds up everything, as anywhere in trio). One that raises
something is logged and counted (``LoginSession.callback_errors``). Methods and callbacks also have their names in
Python's style: ``channel_join``, ``on_login_success``.

A failure is told by the callback that the vendor names for it, with a code of that callback's range; where the vendor
names none by ``onError``. Calls that were wrong in themselves (1003 not logged in, 1004 and 1005 parameters) go to
``onError`` as well, which has the words.

================================================================================  ====================================
the vendor's                                                                      ours, in ``botkit.signaling``
================================================================================  ====================================
``Signal(appid)``                                                                 ``Signal``
``Signal.setDoLog(doLog)``                                                        ``Signal.set_log``
``Signal.login(account, token, cb)``                                              ``Signal.open_session``
``Signal.userSetAttr(name, value, cb)``                                           ``LoginSession.set_user_attribute``
``Signal.userGetAttr(account, name, cb)``                                         ``LoginSession.get_user_attribute``
``Signal.userGetAttrAll(account, cb)``                                            ``LoginSession.get_user_attributes``
``Signal.channelQueryUserNum(name, cb)``                                          ``LoginSession.query_channel_count``
``Signal.getStatus()``                                                            ``Signal.status``
``LoginSession.logout()``                                                         ``LoginSession.logout``
``LoginSession.messageInstantSend(account, msg, cb)``                             ``LoginSession.send_instant``
``LoginSession.messageInstantSend(account, msg, ttl, cb)``                        ``LoginSession.send_instant``
``LoginSession.channelInviteUser2(channel, peer, extra, cb)``                     ``LoginSession.invite``
``LoginSession.channelJoin(name, cb)``                                            ``LoginSession.join``
``Channel.channelLeave()``                                                        ``Channel.leave``
``Channel.channelSetAttr(name, value)``                                           ``Channel.set_attribute``
``Channel.channelDelAttr(name)``                                                  ``Channel.delete_attribute``
``Channel.channelClearAttr()``                                                    ``Channel.clear_attributes``
``Channel.messageChannelSend(msg)``                                               ``Channel.send``
``Call.channelInviteAccept()``                                                    ``Call.accept``
``Call.channelInviteAccept(extra)``                                               ``Call.accept``
``Call.channelInviteRefuse()``                                                    ``Call.refuse``
``Call.channelInviteRefuse(extra)``                                               ``Call.refuse``
``Call.channelInviteEnd()``                                                       ``Call.end``
``Call.channelInviteEnd(extra)``                                                  ``Call.end``
``UserAttrCallback.onUserGetAttr(err, ret)``                                      ``LoginSession.get_user_attribute``
``UserAttrCallback.onUserGetAttrAll(err, ret)``                                   ``LoginSession.get_user_attributes``
``UserAttrCallback.onUserSetAttr(err, ret)``                                      ``LoginSession.set_user_attribute``
``LoginCallback.onLoginSuccess(session, uid)``                                    ``events.LoggedIn``
``LoginCallback.onLogout(session, ecode)``                                        ``events.LoggedOut``
``LoginCallback.onLoginFailed(session, ecode)``                                   ``errors.LoginFailed``
``LoginCallback.onMessageInstantReceive(session, account, uid, msg)``             ``events.InstantMessage``
``LoginCallback.onInviteReceived(session, call)``                                 ``events.CallInvited``
``LoginCallback.onError(session, ecode, reason)``                                 ``errors.SignalingError``
``ChannelCallback.onChannelJoined(session, channel)``                             ``events.ChannelJoined``
``ChannelCallback.onChannelJoinFailed(session, channel, ecode)``                  ``errors.JoinFailed``
``ChannelCallback.onChannelLeaved(session, channel, ecode)``                      ``events.ChannelLeft``
``ChannelCallback.onChannelUserJoined(session, channel, account, uid)``           ``events.UserJoined``
``ChannelCallback.onChannelUserLeaved(session, channel, account, uid)``           ``events.UserLeft``
``ChannelCallback.onChannelUserList(session, channel, users, uids)``              ``Channel.members``
``ChannelCallback.onChannelAttrUpdated(session, channel, name, value, type)``     ``events.ChannelAttributeUpdated``
``ChannelCallback.onChannelQueryUserNum(session, err, num)``                      ``LoginSession.query_channel_count``
``ChannelCallback.onMessageChannelReceive(session, channel, account, uid, msg)``  ``events.ChannelMessage``
``MessageCallback.onMessageSendSuccess(session)``                                 ``LoginSession.send_instant``,
                                                                                  ``Channel.send``
``MessageCallback.onMessageSendError(session, ecode)``                            ``errors.SendFailed``
``CallCallback.onInviteReceivedByPeer(session, call)``                            ``events.CallRinging``
``CallCallback.onInviteAcceptedByPeer(session, call, extra)``                     ``events.CallAccepted``
``CallCallback.onInviteRefusedByPeer(session, call, extra)``                      ``events.CallRefused``
``CallCallback.onInviteFailed(session, call, ecode)``                             ``events.CallFailed``
``CallCallback.onInviteEndByPeer(session, call, extra)``                          ``events.CallEnded``
``CallCallback.onInviteEndByMyself(session, call, extra)``                        ``events.CallEnded``
``CallCallback.onInviteMsg(session, call, extra)``                                ``events.DigitsPressed``
================================================================================  ====================================

Beyond that page, from the vendor's other SDKs: ``Signal.login2``, ``LoginSession.invoke``, ``Call.channelInviteDTMF``,
``LoginCallback.onReconnecting`` and ``onReconnected``. Our own: ``open_signal``, ``LoginSession.setCallCallback`` (the
page has no way to follow an incoming call), and the four questions of ``Signal`` on ``LoginSession`` too, to say who
asks when a ``Signal`` has several sessions; ``Signal``'s are asked by the one that logged in last.

Where the page contradicts itself, this holds: ``onInviteFailed`` gets the code that its signature names, and the
``extra`` that its table names is ``call.extra``. ``onChannelJoined``, ``onChannelJoinFailed`` and ``onChannelLeaved``
are told to the ``ChannelCallback``, and to the ``LoginCallback`` under which the overview has them. The answer to
``channelQueryUserNum`` is told to whichever class it was given. ``UserGetAttrCallback``, as the page writes once, is
``UserAttrCallback``.
"""

from botkit.signaling.vendor.call import Call
from botkit.signaling.vendor.channel import Channel
from botkit.signaling.vendor.session import (
    CallCallback,
    ChannelCallback,
    LoginCallback,
    LoginSession,
    MessageCallback,
    UserAttrCallback,
    UserGetAttrCallback,
)
from botkit.signaling.vendor.signal import Signal, open_signal

__all__ = [
    "Call",
    "CallCallback",
    "Channel",
    "ChannelCallback",
    "LoginCallback",
    "LoginSession",
    "MessageCallback",
    "Signal",
    "UserAttrCallback",
    "UserGetAttrCallback",
    "open_signal",
]
