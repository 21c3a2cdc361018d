from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit import App, BotPlacement, Database, Signal, SqlValue
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.transport.base import Transport
from bots.presence import bot
from bots.presence.settings import PresenceSettings
from bots.presence.table import SCHEMA
from tests.bots.stage import kept_database

APP_ID = "demo"
COLUMNS = "kind, account, channel, reason, end_ms IS NULL, uncertain"
BY_TIME = "coalesce(start_ms, end_ms), kind DESC"


class Watched:
    """A gateway that can be restarted, with the presence bot on it."""

    def __init__(self, database: Database, nursery: trio.Nursery) -> None:
        self.database = database
        self._nursery = nursery
        self._gateway: Gateway | None = None
        self._stop = trio.CancelScope()
        self.signal = Signal(APP_ID, self.connector)
        self.transports: list[Transport] = []

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        """A connection to the gateway that runs now. The first one is that of the feed of who is online."""
        while self._gateway is None:  # noqa: ASYNC110 - for as long as the restart takes
            await trio.sleep(0.01)
        async with self._gateway.connector() as transport:
            self.transports.append(transport)
            yield transport

    async def start_gateway(self) -> None:
        """Starts a gateway that knows nothing of the one before."""
        credentials = AppCredentials(id=APP_ID, server_accounts=("botkit-feed-*",))
        self._gateway = await self._nursery.start(self._serve, GatewaySettings(apps=(credentials,)))

    async def stop_gateway(self) -> None:
        """Stops it."""
        self._gateway = None
        self._stop.cancel()
        await trio.sleep(1)

    async def _serve(self, settings: GatewaySettings, *, task_status: trio.TaskStatus[Gateway]) -> None:
        with trio.CancelScope() as self._stop:
            await serve_gateway(settings, task_status=task_status)

    async def rows(self, where: str = "account NOT LIKE 'presence%'") -> list[tuple[SqlValue, ...]]:
        """The spans, when all that is under way has arrived."""
        await trio.sleep(0.5)
        return await self.database.fetch(
            f"SELECT {COLUMNS} FROM spans WHERE {where} ORDER BY coalesce(start_ms, end_ms), kind DESC"
        )


@asynccontextmanager
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """The presence bot at work."""
    placement = BotPlacement(bot=bot, account="presence", settings=PresenceSettings(file=None))
    async with (
        kept_database(monkeypatch, "bots.presence.ledger", SCHEMA) as database,
        trio.open_nursery() as nursery,
    ):
        stage = Watched(database, nursery)
        await stage.start_gateway()
        await nursery.start(App(APP_ID, stage.connector, [placement]).run)
        yield stage
        nursery.cancel_scope.cancel()


@pytest.mark.row("E01", "E02")
async def test_spans_have_start_end_and_reason(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as stage:
        async with stage.signal.open_session("ann") as ann:
            await ann.join("lobby")
            await trio.sleep(2)
            await ann.join("room")
            assert await stage.rows("end_ms IS NULL AND account = 'ann'") == [
                ("online", "ann", "", "", 1, 0),
                ("member", "ann", "room", "", 1, 0),
            ]
            channel = await ann.join("room")
            await channel.leave()
            await ann.join("garden")
            await trio.sleep(1)
        spans = await stage.rows()
        lengths = await stage.database.fetch("SELECT channel, end_ms - start_ms FROM spans WHERE account = 'ann'")
    assert spans == [
        ("online", "ann", "", "logout", 0, 0),
        ("member", "ann", "lobby", "moved", 0, 0),
        ("member", "ann", "room", "leave", 0, 0),
        ("member", "ann", "garden", "logout", 0, 0),
    ]
    assert {str(channel): length for channel, length in lengths} == {
        "": pytest.approx(3500, abs=20),
        "lobby": pytest.approx(2000, abs=20),
        "room": pytest.approx(500, abs=20),
        "garden": pytest.approx(1000, abs=20),
    }


@pytest.mark.row("E02")
async def test_a_second_login_and_a_cut_connection_have_their_own_reasons(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(monkeypatch) as stage:
        elsewhere = Signal(APP_ID, stage.connector)
        async with stage.signal.open_session("ann") as ann:
            await ann.join("lobby")
            async with elsewhere.open_session("ann"):
                await trio.sleep(1)
        spans = await stage.rows()
    assert [span[:4] for span in spans] == [
        ("online", "ann", "", "replaced"),
        ("online", "ann", "", "logout"),
        ("member", "ann", "lobby", "replaced"),
    ]


@pytest.mark.row("E07")
async def test_what_a_cut_feed_missed_is_uncertain(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as stage:
        async with stage.signal.open_session("ann"):
            await trio.sleep(1)
            await stage.transports[0].aclose()
            await trio.sleep(0.05)  # the gateway has seen it, and the feed is not back yet
        await trio.sleep(30)
        async with stage.signal.open_session("bob"):
            spans = await stage.rows()
    # ann's logout was never told; bob's login shows that something is missing.
    assert spans == [("online", "ann", "", "", 1, 1), ("online", "bob", "", "", 1, 0)]


@pytest.mark.row("E07")
async def test_a_gateway_that_was_restarted_leaves_nothing_certain_that_was_not_seen(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(monkeypatch) as stage:
        async with stage.signal.open_session("ann") as ann:
            await ann.join("lobby")
            await trio.sleep(1)
            await stage.stop_gateway()
            await stage.start_gateway()
            await trio.sleep(30)
            async with stage.signal.open_session("bob"):
                await trio.sleep(1)
        spans = await stage.rows()
        unseen = await stage.database.fetch("SELECT uncertain FROM spans WHERE start_ms IS NULL OR reason = 'unknown'")
    assert spans[:2] == [("online", "ann", "", "stopped", 0, 0), ("member", "ann", "lobby", "stopped", 0, 0)]
    assert all(row == (1,) for row in unseen)
    assert ("online", "bob", "", "logout", 0, 0) in spans
    assert all(is_open == 0 for *_, is_open, _ in spans)
