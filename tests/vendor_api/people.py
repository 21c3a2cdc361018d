"""Accounts that use the vendor's API, and write down every callback."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import NamedTuple, TypeAlias

import msgspec
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit import signaling
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.signaling import SignalSettings
from botkit.signaling.vendor import (
    Call,
    CallCallback,
    Channel,
    ChannelCallback,
    LoginCallback,
    LoginSession,
    MessageCallback,
    Signal,
    UserAttrCallback,
    open_signal,
)
from botkit.stores.gateway import GatewayStore
from botkit.transport.base import Connector
from tests.vendor_api.lines import Lines

PATIENCE, REAL_PATIENCE = 600, 60
"""Seconds, of virtual and of real time, until a callback that does not come has failed the test."""

TEST_APP = "test-app"
TEST_CREDENTIALS = AppCredentials(id=TEST_APP, server_accounts=("server*",))

SignalContext: TypeAlias = AbstractAsyncContextManager[Signal]


class Told(NamedTuple):
    """One callback: its name on the vendor's page, and its arguments without the session."""

    name: str
    arguments: tuple[object, ...]


class Recorder(LoginCallback, ChannelCallback, MessageCallback, CallCallback, UserAttrCallback):
    """Takes all callbacks there are, and keeps them in order."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.sessions: set[LoginSession] = set()
        self._seen = 0
        self._news = trio.lowlevel.ParkingLot()

    def note(self, name: str, arguments: tuple[object, ...]) -> None:
        """A callback came."""
        if arguments and isinstance(arguments[0], LoginSession):
            self.sessions.add(arguments[0])
            arguments = arguments[1:]
        self.told.append(Told(name, arguments))
        self._news.unpark_all()

    async def next(self, name: str, patience: float | None = None) -> tuple[object, ...]:
        """The arguments of the next callback called ``name``; those before it count as seen."""
        virtual = isinstance(trio.lowlevel.current_clock(), MockClock)
        with trio.fail_after(patience or (PATIENCE if virtual else REAL_PATIENCE)):
            while True:
                while self._seen == len(self.told):
                    await self._news.park()
                told = self.told[self._seen]
                self._seen += 1
                if told.name == name:
                    return told.arguments

    async def once(self, name: str) -> tuple[object, ...]:
        """The arguments of the first callback called ``name``, seen or not: some have no order with others."""
        virtual = isinstance(trio.lowlevel.current_clock(), MockClock)
        with trio.fail_after(PATIENCE if virtual else REAL_PATIENCE):
            while not (told := self.all(name)):
                await self._news.park()
        return told[0]

    def all(self, *names: str) -> list[tuple[object, ...]]:
        """The arguments of all callbacks so far with one of these names, seen or not."""
        return [told.arguments for told in self.told if told.name in names]

    def names(self) -> list[str]:
        """The names of all callbacks so far."""
        return [told.name for told in self.told]


def _recording(name: str) -> Callable[..., None]:
    def record(self: Recorder, *arguments: object) -> None:
        self.note(name, arguments)

    return record


CALLBACKS = {
    name: kind
    for kind in (LoginCallback, ChannelCallback, MessageCallback, CallCallback, UserAttrCallback)
    for name in vars(kind)
    if name.startswith("on") and name[2].isupper()
}
"""Every callback's name on the page, and the class that it belongs to."""

for _name in CALLBACKS:
    setattr(Recorder, _name, _recording(_name))


class Person:
    """An account that is logged in, or about to be."""

    def __init__(self, session: LoginSession, heard: Recorder) -> None:
        self.session = session
        self.heard = heard
        self.uid = 0

    @property
    def client(self) -> signaling.LoginSession:
        """The client behind the session, for what the vendor has no verb for: moderators' business."""
        client = self.session._desk.client
        assert client is not None
        return client

    async def join(self, name: str) -> Channel:
        """Join a channel and wait until that is done, attributes and all."""
        channel = self.session.channelJoin(name, self.heard)
        await self.heard.next("onChannelUserList")
        return channel

    async def invite(self, peer: "Person", channel: str = "room", extra: str = "") -> tuple[Call, Call]:
        """Invite ``peer`` and wait until it rings: the call at this end, and at the other."""
        call = self.session.channelInviteUser2(channel, peer.session.account, extra, self.heard)
        await self.heard.next("onInviteReceivedByPeer")
        (incoming,) = await peer.heard.next("onInviteReceived")
        assert isinstance(incoming, Call)
        return call, incoming


async def log_in(signal: Signal, account: str, token: str = "_no_need_token") -> Person:
    """Log in and wait until that is done."""
    heard = Recorder()
    person = Person(signal.login(account, token, heard), heard)
    (uid,) = await heard.next("onLoginSuccess")
    assert isinstance(uid, int)
    person.uid = uid
    return person


async def failed_login(signal: Signal, account: str, token: str = "_no_need_token") -> object:
    """The code with which a login fails; nothing else may be told of it."""
    heard = Recorder()
    signal.login(account, token, heard)
    (code,) = await heard.next("onLoginFailed")
    await wait_all_tasks_blocked()
    assert heard.names() == ["onLoginFailed"]
    return code


class World(NamedTuple):
    """A gateway, and how to reach it."""

    gateway: Gateway
    address: str | Connector

    def open(self, *, app: str = TEST_APP, settings: SignalSettings | None = None) -> SignalContext:
        """A ``Signal`` of the app at this gateway."""
        return open_signal(app, self.address, settings=settings)

    def over(self, lines: Lines, *, settings: SignalSettings | None = None) -> SignalContext:
        """A ``Signal`` at this gateway whose connections the test holds."""
        return open_signal(TEST_APP, lines.connect, settings=settings)


@asynccontextmanager
async def open_world(
    kind: str = "memory",
    *,
    apps: tuple[AppCredentials, ...] = (TEST_CREDENTIALS,),
    store: GatewayStore | None = None,
    **limits: float,
) -> AsyncIterator[World]:
    """A gateway, reached over WebSockets in memory or over loopback sockets."""
    listen = Address("127.0.0.1", 0) if kind == "loopback" else None
    settings = msgspec.structs.replace(GatewaySettings(apps=apps, listen=listen), **limits)
    async with trio.open_nursery() as nursery:
        gateway: Gateway = await nursery.start(partial(serve_gateway, settings, store=store))
        yield World(gateway, gateway.ws_url if kind == "loopback" else gateway.connector)
        nursery.cancel_scope.cancel()
