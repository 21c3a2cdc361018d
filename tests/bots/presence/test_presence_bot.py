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
        self._open = False
        self._stop = trio.CancelScope()
        self.signal = Signal(APP_ID, self.connector)
        self.transports: list[Transport] = []

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        """A connection to the gateway that runs now."""
        while not self._open or self._gateway is None:  # noqa: ASYNC110 - for as long as the restart takes
            await trio.sleep(0.01)
        async with self._gateway.connector() as transport:
            self.transports.append(transport)
            yield transport

    async def start_gateway(self) -> int:
        """Starts a gateway that knows nothing of the one before; its time, in milliseconds."""
        credentials = AppCredentials(id=APP_ID, server_accounts=("botkit-feed-*",))
        self._gateway = gateway = await self._nursery.start(self._serve, GatewaySettings(apps=(credentials,)))
        self.let_everybody_in()
        return int(gateway.clock.ms())

    def let_nobody_in(self) -> None:
        """New connections wait; those there are stay."""
        self._open = False

    def let_everybody_in(self) -> None:
        """New connections wait no longer."""
        self._open = True

    async def stop_gateway(self) -> None:
        """Stops it."""
        self.let_nobody_in()
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
        feeds_and_bot = tuple(stage.transports)
        async with stage.signal.open_session("ann"):
            await trio.sleep(1)
            stage.let_nobody_in()
            for transport in feeds_and_bot:
                await transport.aclose()
            await trio.sleep(60)  # longer than a gateway holds the session of a lost connection
        stage.let_everybody_in()
        await trio.sleep(30)
        async with stage.signal.open_session("bob"):
            spans = await stage.rows()
    # ann's logout was never told, but that something may be missing is.
    assert spans == [("online", "ann", "", "", 1, 1), ("online", "bob", "", "", 1, 0)]


@pytest.mark.row("E07")
async def test_when_nobody_watches_any_more_what_is_open_is_uncertain(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(monkeypatch) as stage:
        thief = Signal(APP_ID, stage.connector)
        async with stage.signal.open_session("ann"), thief.open_session("botkit-feed-online"):
            await trio.sleep(5)
        spans = await stage.rows()
    assert spans == [("online", "ann", "", "", 1, 1)]


@pytest.mark.row("E07")
async def test_no_span_that_is_certain_reaches_over_a_restart_of_the_gateway(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(monkeypatch) as stage:
        async with stage.signal.open_session("ann") as ann:
            await ann.join("lobby")
            await trio.sleep(1)
            await stage.stop_gateway()
            restarted_ms = await stage.start_gateway()
            await trio.sleep(30)
            async with stage.signal.open_session("bob"):
                await trio.sleep(1)
        assert ("online", "bob", "", "logout", 0, 0) in await stage.rows()
        spans = await stage.database.fetch(
            "SELECT start_ms, end_ms, reason, uncertain FROM spans WHERE account = 'ann'"
        )
    # Who went first, the feeds or ann, is open; so ann's spans were ended by the stop, or they are uncertain.
    for start_ms, end_ms, reason, uncertain in spans:
        before = start_ms is None or int(start_ms) < restarted_ms
        after = end_ms is None or int(end_ms) >= restarted_ms
        assert uncertain or not (before and after)
        assert uncertain or reason == ("stopped" if before else "logout")
