"""A real gateway in memory, an app of bots on it, and people who talk to them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from botkit import App, BotPlacement, LoginSession, Signal
from botkit.actor.quarantine import DEFAULT_QUARANTINE, QuarantineSettings
from botkit.app.sessions import TokenFor
from botkit.errors import ErrorCode, LoginFailed
from botkit.events import Event
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.session import Session
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.observability.metrics import Meters
from botkit.types import Account

APP_ID = "970ca35de60c44645bbae8a215061b33"
E = TypeVar("E", bound=Event)


class World:
    """One gateway; apps and people come and go."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.signal = Signal(APP_ID, gateway.connector)
        self.meters = Meters()

    def app(
        self,
        *placements: BotPlacement,
        token_for: TokenFor | None = None,
        stop_seconds: float = 4.0,
        quarantine: QuarantineSettings = DEFAULT_QUARANTINE,
        app_id: str = APP_ID,
    ) -> App:
        """An app with these bots."""
        return App(
            app_id,
            self.gateway.connector,
            placements,
            token_for=token_for,
            meters=self.meters,
            stop_seconds=stop_seconds,
            quarantine=quarantine,
        )

    @asynccontextmanager
    async def running(self, *placements: BotPlacement) -> AsyncIterator[App]:
        """An app with these bots, started; stopped at the end."""
        app = self.app(*placements)
        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)
            yield app
            nursery.cancel_scope.cancel()

    def turn_away(self, whom: str) -> None:
        """Refuse an account's logins, as the limit of logins does, until another is named."""

        def check(account: Account) -> None:
            if account == whom:
                raise LoginFailed(ErrorCode.LOGIN_E_FAILED, "too many logins: try again later")

        self.gateway.hubs[APP_ID].sanctions.check_login = check  # type: ignore[method-assign]

    def session_of(self, account: str) -> Session:
        """The gateway's side of an account's session."""
        session = self.gateway.hubs[APP_ID].session_of(Account(account))
        assert session is not None
        return session

    def has_session(self, account: str) -> bool:
        """Whether the account is logged in."""
        return self.gateway.hubs[APP_ID].session_of(Account(account)) is not None

    def dismiss(self, account: str) -> None:
        """End a session as if its token had expired: its owner may log in again."""
        self.gateway.hubs[APP_ID]._dismiss(self.session_of(account), "expired", "TokenErrorExpired")

    def count(self, name: str, label: str) -> int:
        """What a counter of the app says for a label's value."""
        return self.meters.counter(name, "", _LABELS.get(name, "bot")).values.get(label, 0)


_LABELS = {
    "feed_events": "feed",
    "feed_restarts": "feed",
    "feed_quarantines": "feed",
    "feed_readmissions": "feed",
    "feeds_given_up": "feed",
    "unplanned_ends": "kind",
}


@asynccontextmanager
async def open_world(
    certificate: str = "", server_accounts: Sequence[str] = ("botkit-feed-*",), *, other_apps: Sequence[str] = ()
) -> AsyncIterator[World]:
    """A world without sockets."""
    apps = tuple(
        AppCredentials(id=app_id, certificate=certificate, server_accounts=tuple(server_accounts))
        for app_id in (APP_ID, *other_apps)
    )
    async with trio.open_nursery() as nursery:
        gateway: Gateway = await nursery.start(serve_gateway, GatewaySettings(apps=apps))
        yield World(gateway)
        nursery.cancel_scope.cancel()


async def next_event(session: LoginSession, event_type: type[E], seconds: float = 60.0) -> E:
    """The next event of this type that the session gets, leaving out others."""
    with trio.fail_after(seconds):
        while True:
            event = await session.receive_event()
            if isinstance(event, event_type):
                return event


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait, in virtual time, until ``condition()`` is true."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - it looks at what has no event to wait for
            await trio.sleep(0.01)
