"""A scene for a moderator: its session, with the server role, and two people on the vendor's SDKs in one channel."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botkit.errors import ErrorCode
from botkit.events import InstantMessage
from botkit.signaling import LoginSession, Signal
from botkit.testing import TEST_APP
from tests.vendor.clients import Sdk, VendorUser, next_event
from tests.vendor.drivers import Vendor

LOBBY = "the lobby"
MODERATOR = "server-moderator"
LOGGED_OUT, LOGGED_IN, CONNECTION_LOST = 0, 2, 3
"""States of both SDKs; the Python SDK has no 0."""

OTHER_SDK: dict[Sdk, Sdk] = {"web": "python", "python": "web"}


class Stage:
    """``ann``, with whom something is done, ``bob`` on the other SDK, and the ``moderator``, who is in no channel."""

    def __init__(self, moderator: LoginSession, ann: VendorUser, bob: VendorUser) -> None:
        self.moderator, self.ann, self.bob = moderator, ann, bob
        self._texts = (f"grüß dich {number} 漢字" for number in itertools.count())

    async def enter(self, user: VendorUser, channel: str = LOBBY) -> None:
        """Have somebody join a channel."""
        await user.do("join", channel=channel)
        await user.expect("joined")
        await user.expect("user_list")

    async def say(self, speaker: VendorUser, *listeners: VendorUser) -> None:
        """A message in the channel, heard by the speaker and by the listeners."""
        text = next(self._texts)
        await speaker.do("say", text=text)
        for user in (speaker, *listeners):
            await user.expect("channel_message", account=speaker.name, text=text)

    async def catch_up(self, user: VendorUser) -> None:
        """Wait until a user has heard all that the gateway told it so far."""
        text = next(self._texts)
        await self.moderator.send_instant(user.name, text)
        await user.expect("instant", account=MODERATOR, text=text)

    async def check_all_is_well(self, *, logins: int = 1, bobs_logins: int = 1) -> None:
        """Both are in the lobby, speak and hear, on the connections of their latest login: so many there were."""
        await self.say(self.ann, self.bob)
        await self.say(self.bob, self.ann)
        for user, count in ((self.ann, logins), (self.bob, bobs_logins)):
            text = next(self._texts)
            await user.do("send", account=MODERATOR, text=text)
            await user.expect("sent", ok=True)
            while (message := await next_event(self.moderator, InstantMessage)).text != text:
                pass
            assert message.account == user.name
            await self.catch_up(user)
            assert len(user.heard("logged_in")) == count, "it had to come back"
            assert not user.untaken("logged_out")
            await user.do("status")
            await user.expect("status", status=LOGGED_IN)
            assert not [told for told in user.untaken("state") if told["state"] == CONNECTION_LOST]


async def expect_logout(user: VendorUser, sdk: Sdk) -> None:
    """The gateway ended the session, and the client knows."""
    if sdk == "web":
        await user.expect("logged_out", code=int(ErrorCode.LOGOUT_E_NET))  # it makes this of every end but a kick
    else:  # it has no call-back for this: its connection is gone
        await user.expect("state", state=CONNECTION_LOST)


async def expect_refusal(user: VendorUser, sdk: Sdk) -> None:
    """The login was refused, and the client knows."""
    if sdk == "web":
        await user.expect("login_failed", code=int(ErrorCode.LOGIN_E_NET))  # of 202 it knows nothing
    else:
        await user.expect("state", state=CONNECTION_LOST)


@asynccontextmanager
async def open_stage(vendor: Vendor, sdk: Sdk) -> AsyncIterator[Stage]:
    """Everybody logged in, ``ann`` by ``sdk``; she and ``bob`` are in the lobby."""
    async with (
        Signal(TEST_APP, vendor.url).open_session(MODERATOR) as moderator,
        vendor.open_driver(sdk) as anns,
        vendor.open_driver(OTHER_SDK[sdk]) as bobs,
    ):
        stage = Stage(moderator, anns.user("ann"), bobs.user("bob"))
        for user in (stage.ann, stage.bob):
            await user.log_in()
            await stage.enter(user)
        await stage.ann.expect("user_joined", account="bob")
        yield stage
