"""A login session: what a bot holds while it is logged in."""

from collections.abc import AsyncIterator

import trio

from botkit.errors import ErrorCode, SessionEnded
from botkit.events import Event
from botkit.signaling import checks
from botkit.signaling.buffer import EventIterator
from botkit.signaling.call import Call
from botkit.signaling.channel import Channel
from botkit.signaling.connection import ConnectionEnd
from botkit.signaling.core import SessionCore
from botkit.signaling.directory import Directory
from botkit.signaling.effects import Lane, SendInstant
from botkit.signaling.invoke import Invoker
from botkit.signaling.moderation import Moderation
from botkit.signaling.statistics import SessionStatistics, snapshot
from botkit.types import Account, ChannelName, JsonObject, Uid
from botkit.wire.replies import Ok
from botkit.wire.requests import Logout
from botkit.wire.states import LoginStatus


class LoginSession(Directory, Moderation, Invoker):
    """One account, logged in; ``Signal.open_session`` makes it.

    Every verb sends one request and returns when the gateway has answered it, within ``request_timeout`` (5 s). While
    the session reconnects they wait for it within the same time. Besides what it names, each raises
    ``ParameterError`` for what breaks the vendor's limits (then nothing was sent) and ``SessionEnded`` once the
    session is over. A cancel leaves the request under way, unless the verb says otherwise.
    """

    def __init__(self, core: SessionCore, keeper_scope: trio.CancelScope) -> None:
        super().__init__(core.requests, core.outgoing)
        self._core = core
        self._keeper_scope = keeper_scope

    def __repr__(self) -> str:
        return f"<LoginSession {self.account!r}, {self.status.name.lower()}>"

    @property
    def account(self) -> Account:
        """Who is logged in."""
        return self._core.account

    @property
    def uid(self) -> Uid:
        """The gateway's number for the account; the same in every session of it."""
        return self._core.uid

    @property
    def status(self) -> LoginStatus:
        """The vendor's ``getStatus``: logged in, connecting (also after a loss), or logged out."""
        return self._core.status

    @property
    def channel(self) -> Channel | None:
        """The channel that the session is in."""
        return self._core.channels.current

    @property
    def dry_run(self) -> bool:
        """Whether what it would do to others is held back: see ``botkit.signaling.Gate``."""
        return self._outgoing.dry_run

    def call(self, number: int) -> Call | None:
        """The call that events name ``number``: open, or one of the latest ``ended_calls`` that are over."""
        return self._core.calls.get(number)

    def statistics(self) -> SessionStatistics:
        """What the session has counted, and how much is waiting in it."""
        core = self._core
        return snapshot(
            core.counters,
            events_waiting=len(core.events),
            requests_waiting=core.requests.waiting,
            calls_open=len(core.calls),
        )

    async def receive_event(self) -> Event:
        """The next event. Raises ``SessionEnded`` after the last, which is ``LoggedOut``. A cancel loses none.

        Events wait in a buffer of ``event_buffer``; when it is full the newest are dropped, and ``EventsLost``
        tells how many are missing. However slow the application is, the session stays logged in.
        """
        return await self._core.events.receive()

    def events(self) -> AsyncIterator[Event]:
        """All events until the session is over, ``LoggedOut`` included. A cancel loses none."""
        return EventIterator(self._core.events)

    async def join(self, name: str) -> Channel:
        """Enter a channel (``channelJoin``): 1 to 128 bytes of visible characters.

        A session is in one channel at a time: another one is left (``ChannelLeft`` with 602) before
        ``ChannelJoined``. In that channel already, it returns it. Raises ``JoinFailed`` (300). Without an answer, or
        after a cancel, the gateway may still let the session in: then ``channel`` and ``ChannelJoined`` say so.
        """
        checks.check_channel(name)
        return await self._core.channels.join(ChannelName(name))

    async def send_instant(self, account: str, text: str, *, ttl: int | None = None, lane: Lane = Lane.CHAT) -> None:
        """Send ``text`` (at most 8192 bytes of UTF-8) to an account (``messageInstantSend``).

        It waits ``ttl`` seconds for a peer that is offline (``message_ttl`` by default; 0: not at all). Returns
        when the gateway has it. Under a governor it waits for its turn first, in ``lane``. Raises ``SendFailed``: 400
        when refused, 401 when no answer came: then it may have been sent; ``OutgoingQueueFull`` (400).
        """
        checks.check_account(account)
        checks.check_message(text)
        ttl = self._core.settings.message_ttl if ttl is None else ttl
        checks.check_ttl(ttl)
        await self._outgoing.act(SendInstant(account=account, text=text, ttl=ttl), Ok, lane=lane)

    async def invite(self, channel: str, peer: str, extra: str | JsonObject = "") -> Call:
        """Invite ``peer`` to a call (``channelInviteUser2``); nobody joins ``channel`` by that.

        ``extra`` is JSON of at most 8192 bytes, or empty. The gateway reads ``_require_peer_online`` (1: fail at once
        when the peer is offline; 0, the default: after 20 s) and ``_timeout`` (1 to 30 seconds to answer) in it.
        Returns when the gateway has it; ``Call.wait_answer`` waits for the peer. Raises ``InviteFailed``: 701 for
        an open call with this peer and channel, 703 when the peer must be online and is not, 702 when no answer
        came, else 700. A cancel withdraws the invitation. In a dry run the call fails at once, as if nobody had
        answered (704).
        """
        checks.check_channel(channel)
        checks.check_account(peer, "peer")
        text = checks.extra_text(extra)
        checks.check_invite_options(text)
        return await self._core.calls.invite(ChannelName(channel), Account(peer), text)

    async def logout(self) -> None:
        """Log out (``logout``): the session is over, told as ``ChannelLeft`` with 603 and ``LoggedOut`` with 101.

        Takes at most ``logout_timeout`` (2 s); if the gateway does not answer by then the connection is closed
        all the same. Raises ``SessionEnded`` (108) when the session is over already. A cancel ends the session too,
        perhaps without the gateway's answer.
        """
        if self._core.ended is not None:
            raise SessionEnded(ErrorCode.LOGOUT_E_ALREADY_LOGOUT)
        await self._leave_service()

    async def aclose(self) -> None:
        """Log out unless the session is over already; ``Signal.open_session`` does this by itself."""
        if self._core.ended is None:
            await self._leave_service()

    async def _leave_service(self) -> None:
        core, connection = self._core, self._core.connection
        end = ConnectionEnd(ErrorCode.LOGOUT_E_USER, "logged out")
        try:
            if connection is not None:
                slot = connection.post(Logout(), Ok, lambda _: connection.end(end))
                with trio.move_on_after(core.settings.logout_timeout):
                    await slot.wait()
        finally:
            core.end(SessionEnded(ErrorCode.LOGOUT_E_USER, end.reason))
            if connection is not None and connection is core.connection:
                connection.end(end)  # with a closing handshake
            else:
                self._keeper_scope.cancel()  # it was trying to come back
