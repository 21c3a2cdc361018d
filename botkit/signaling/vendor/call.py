"""``Call``: what ``LoginSession.channelInviteUser2`` returns, and what ``onInviteReceived`` brings."""

from functools import partial

import trio

from botkit.errors import ErrorCode, InviteFailed
from botkit.signaling.call import Call as ClientCall
from botkit.signaling.session import LoginSession as Client
from botkit.signaling.vendor.desk import Desk


class Call:
    """A call: its ``channel``, its ``peer``, and the ``extra`` of its invitation, JSON or empty.

    A step that fails goes to ``onError`` (1004 for an ``extra`` that is no JSON), because the call goes on as it was.
    """

    def __init__(self, channel: str, peer: str, extra: str, desk: Desk) -> None:
        self.channel = channel
        self.peer = peer
        self.extra = extra
        self.over = False
        self._desk = desk
        self._client: ClientCall | None = None
        self._settled = trio.Event()

    def __repr__(self) -> str:
        return f"<Call with {self.peer!r} in {self.channel!r}>"

    def known_as(self, call: ClientCall | None) -> None:
        """The invitation is out, came in, or failed (None); not for applications."""
        self._client = self._client or call
        self._settled.set()

    def ends(self) -> bool:
        """True for the first that ends the call: only one terminal callback is told; not for applications."""
        first, self.over = not self.over, True
        return first

    def channelInviteAccept(self, extra: str = "") -> None:
        """Take an incoming call: ``onInviteAcceptedByPeer`` there, with ``extra``."""
        self._desk.do(partial(self._accept, extra))

    def channelInviteRefuse(self, extra: str = "") -> None:
        """Decline an incoming call: ``onInviteRefusedByPeer`` there, with ``extra``. Nothing if it is over."""
        self._desk.do(partial(self._refuse, extra))

    def channelInviteEnd(self, extra: str = "") -> None:
        """End the call, or withdraw it: ``onInviteEndByMyself`` here, ``onInviteEndByPeer`` there, with ``extra``."""
        self._desk.do(partial(self._end, extra))

    def channelInviteDTMF(self, dtmf: str) -> None:
        """Press digits, 1 to 128 of 0-9, ``*``, ``#``: ``onInviteMsg`` there. The page has no method for it; the
        vendor's other SDKs have this one.
        """
        self._desk.do(partial(self._press, dtmf))

    channel_invite_accept = channelInviteAccept
    channel_invite_refuse = channelInviteRefuse
    channel_invite_end = channelInviteEnd
    channel_invite_dtmf = channelInviteDTMF

    async def _accept(self, extra: str, _: Client) -> None:
        await (await self._known()).accept(extra)

    async def _refuse(self, extra: str, _: Client) -> None:
        await (await self._known()).refuse(extra)

    async def _end(self, extra: str, _: Client) -> None:
        if not self._settled.is_set():
            await self._settled.wait()
        if self._client is not None:
            await self._client.end(extra)

    async def _press(self, digits: str, _: Client) -> None:
        await (await self._known()).press(digits)

    async def _known(self) -> ClientCall:
        if not self._settled.is_set():
            await self._settled.wait()
        if self._client is None:
            raise InviteFailed(ErrorCode.INVITE_E_OTHER, f"there is no call with {self.peer} in {self.channel}")
        return self._client
