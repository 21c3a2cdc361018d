"""Who else is at the gateway while somebody sends it bad frames, and what they must not lose or tell."""

from collections.abc import Iterable

import msgspec

from botkit.gateway.connection import Connection
from botkit.gateway.server import Gateway
from botkit.gateway.session import Session
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.types import Account, ChannelName
from botkit.wire.admin import Sanction
from botkit.wire.frames import ChannelNotice, Notify, decode_gateway_frame
from botkit.wire.messages import call_content, channel_event, parse_line
from botkit.wire.tokens import make_token
from tests.gateway_fire.raw_peer import RawPeer

SECRET = "S3CRET"
"""In what a server may read, and nobody else but those whom it concerns."""
PRIVATE = "PR1VATE"
"""In what nobody may read but those whom it concerns, and what is another app's."""

CERTIFICATE = "5cfd2fd1755d40ecb72977518be15d3b"
APPS = ("test-app", "other-app")
SETTINGS = GatewaySettings(
    apps=tuple(AppCredentials(id=app, certificate=CERTIFICATE, server_accounts=("server*",)) for app in APPS),
    logins_per_account=10**6,
    idle_timeout=10**6,
    ledger_events=10,
)

ME, ADMIN = Account("mallory"), Account("server-mallory")
"""Who sends bad frames: an ordinary account, and a server's that went wrong."""
ANN = Account("ann")
VAULT = f"vault {SECRET}"


def token_for(account: str, app: str = APPS[0]) -> str:
    """A token that is good for long."""
    return make_token(app, CERTIFICATE, account, 4_000_000_000)


async def log_in_as(peer: RawPeer, account: str, *, botkit: bool = False) -> None:
    """Log in with the right token."""
    await peer.log_in(account, token_for(account), botkit=botkit)


class World:
    """Ann, who deals with the peer under test; a victim, a friend and a moderator, who do not; and another app."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.hub = gateway.hubs[APPS[0]]
        self.ann, self.victim, self.friend, self.moderator = (RawPeer(gateway) for _ in range(4))
        self.foreign = [RawPeer(gateway) for _ in range(3)]
        self.elsewhere: RawPeer | None = None
        """Another connection of the account under test."""

    @property
    def bystanders(self) -> list[RawPeer]:
        """Whom nobody who is no server can do anything to."""
        return [self.victim, self.friend, self.moderator, *self.foreign]

    @property
    def lines(self) -> list[bytes]:
        """The secret names of the others' sessions."""
        return [peer.line.encode() for peer in (self.ann, *self.bystanders)]

    async def enter(self) -> None:
        """Everybody takes their place, whatever was done to them before."""
        self._lift(*{each.account for each in self.hub.sanctions.in_force()})
        for peer in (self.ann, *self.bystanders):
            await peer.open()
        await log_in_as(self.ann, ANN)
        await log_in_as(self.victim, "victim", botkit=True)
        await log_in_as(self.friend, "friend")
        await log_in_as(self.moderator, "server-1", botkit=True)
        for peer, account in zip(self.foreign, (ME, ANN, "server-1"), strict=True):
            await peer.log_in(account, token_for(account, APPS[1]), app=APPS[1])
        await self._keep_secrets()
        await self._keep_foreign_secrets()

    async def _keep_secrets(self) -> None:
        await self.victim.ask("channel_join", name=VAULT)
        await self.victim.ask("channel_set_attr", channel=VAULT, name="code", value=SECRET)
        for text in range(2):
            content = f"{PRIVATE} {text}"
            await self.friend.ask("user_sendmsg", peer="victim", flag="v1:E:999999", t="instant", content=content)
        await self.victim.ask("voip_invite", channelName="their talk", peer="friend", extra=f'{{"key":"{PRIVATE}"}}')
        await self.friend.fetch()
        await self.friend.ask("voip_invite_accept", channelName="their talk", peer="victim", extra="")
        await self.moderator.ask("botkit_mute", account="friend", channel=VAULT, reason=SECRET)
        await self.moderator.ask("botkit_hold", channel=VAULT, open=True)

    async def _keep_foreign_secrets(self) -> None:
        mine, ann, server = self.foreign
        await mine.ask("channel_join", name="lobby")
        await ann.ask("channel_join", name="lobby")
        await ann.ask("user_sendmsg", peer=ME, flag="v1:E:99999", t="instant", content=PRIVATE)
        await ann.ask("channel_set_attr", channel="lobby", name="code", value=PRIVATE)
        await server.ask("botkit_mute", account=ME, channel=f"{PRIVATE} room", reason=PRIVATE)

    async def mend(self) -> None:
        """Undo what was done to those that the next one needs, and to the lobby."""
        self._lift(ME, ADMIN, ANN)
        if self.moderator.closed:
            self.moderator = await self.bring("server-1", botkit=True)
        if "lobby" in self.hub.holds._holds:
            await self.moderator.ask("botkit_release", channel="lobby")
        session = self.hub.session_of(ANN)
        if session is None or self.ann.closed:
            self.ann = await self.bring(ANN)
        if session is None or session.channel != "lobby":
            await self.ann.ask("channel_join", name="lobby")
        if self.hub.channels.open(ChannelName("lobby")).attributes:
            await self.ann.ask("channel_clear_attr", channel="lobby")

    def _lift(self, *accounts: Account) -> None:
        for sanction in list(self.hub.sanctions.in_force()):
            if sanction.account in accounts:
                self.hub.sanctions.lift(sanction.kind, sanction.account, sanction.channel)

    async def bring(self, account: str, *, botkit: bool = False) -> RawPeer:
        """One more connection that is logged in."""
        peer = RawPeer(self.gateway)
        await peer.open()
        await log_in_as(peer, account, botkit=botkit)
        return peer

    def connection_of(self, peer: RawPeer) -> Connection | None:
        """The gateway's end of a connection; None when it is over."""
        return next((each for each in self.gateway._connections if each.link is peer.link), None)

    def session_on(self, peer: RawPeer) -> Session | None:
        """The session that lives on a connection."""
        connection = self.connection_of(peer)
        return connection.session if connection is not None else None

    async def check_bystanders(self) -> None:
        """The victim has all that it had, and nobody is disturbed."""
        assert (await self.victim.ask("channel_query_user_isin", name=VAULT, account="victim"))["isin"] == 1
        assert (await self.victim.ask("channel_join", name=VAULT))["attrs"] == {"code": SECRET}
        assert sum(PRIVATE in line for line in await self.victim.fetch()) == 2
        await self.victim.ask("voip_invite_bye", channelName="their talk", peer="friend", extra="")
        assert not any(peer.closed for peer in self.bystanders)

    async def check_foreigners(self) -> None:
        """Nobody in the other app was reached."""
        mine, ann, server = self.foreign
        members = msgspec.convert((await ann.ask("channel_join", name="lobby"))["list"], list[tuple[str, int]])
        assert [account for account, _ in members] == [ME, ANN]
        assert sum(PRIVATE in line for line in await mine.fetch()) == 1
        sanctions = msgspec.convert((await server.ask("botkit_list_sanctions"))["sanctions"], list[Sanction])
        assert [each.reason for each in sanctions] == [PRIVATE]
        assert not any(peer.closed for peer in self.foreign)

    async def leave(self) -> None:
        """All connections end."""
        await self.mend()
        for text in await self.ann.fetch():
            if (line := parse_line(text)).kind.startswith("voip"):
                call_content(line)
        for peer in (self.ann, *self.bystanders):
            await peer.wait()
            check_readable(peer.received)
            await peer.drop()


def check_readable(messages: Iterable[bytes]) -> None:
    """Whatever reached somebody else is a frame, and a line of a channel one that clients can read."""
    for message in messages:
        frame = decode_gateway_frame(message)
        if isinstance(frame, Notify) and isinstance(frame.notice, ChannelNotice):
            channel_event(parse_line(frame.notice.line))
