from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import App, BotPlacement, Database, Signal, SqlValue, open_database
from botkit.errors import ErrorCode, LoginFailed
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.transport.base import Transport
from botkit.types import Account
from bots.presence import bot
from bots.presence.handlers import LOOK_SECONDS
from bots.presence.settings import PresenceSettings
from bots.presence.table import SCHEMA

APP_ID = "demo"
DATABASE = "sqlite://spans"
COLUMNS = "kind, account, channel, reason, end_ms IS NULL, uncertain"
BY_TIME = "coalesce(start_ms, end_ms), kind DESC"
LONGER_THAN_HELD = 65.0
"""Seconds: a gateway holds the session of a lost connection for 30, and forgets what is too old after 60."""

WITH_AND_WITHOUT_ROLE = pytest.mark.parametrize("role", [(), ("presence",)], ids=["no role", "role"])


class Watched:
    """A gateway that can be restarted, with the presence bot on it."""

    def __init__(
        self, database: Database, nursery: trio.Nursery, server_accounts: tuple[str, ...], ledger_events: int
    ) -> None:
        self.database = database
        self._nursery = nursery
        self._server_accounts, self._ledger_events = server_accounts, ledger_events
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
        credentials = AppCredentials(id=APP_ID, server_accounts=self._server_accounts)
        settings = GatewaySettings(apps=(credentials,), ledger_events=self._ledger_events)
        self._gateway = gateway = await self._nursery.start(self._serve, settings)
        self.let_everybody_in()
        return int(gateway.clock.ms())

    def let_nobody_in(self) -> None:
        """New connections wait; those there are stay."""
        self._open = False

    def let_everybody_in(self) -> None:
        """New connections wait no longer."""
        self._open = True

    def turn_away(self, whom: str) -> None:
        """Refuse an account's logins, as the limit of logins does, until another is named."""

        def check(account: Account) -> None:
            if account == whom:
                raise LoginFailed(ErrorCode.LOGIN_E_FAILED, "too many logins: try again later")

        assert self._gateway is not None
        self._gateway.hubs[APP_ID].sanctions.check_login = check  # type: ignore[method-assign]

    async def stop_gateway(self) -> None:
        """Stops it."""
        self.let_nobody_in()
        self._stop.cancel()
        await trio.sleep(1)

    async def _serve(self, settings: GatewaySettings, *, task_status: trio.TaskStatus[Gateway]) -> None:
        with trio.CancelScope() as self._stop:
            await serve_gateway(settings, task_status=task_status)

    async def start_bot(self, ignore: tuple[str, ...] = ()) -> None:
        """Starts the bot."""
        settings = PresenceSettings(file=None, ignore=ignore, database=DATABASE)
        placement = BotPlacement(bot=bot, account="presence", settings=settings)
        await self._nursery.start(App(APP_ID, self.connector, [placement]).run)

    async def cut_off(self, transports: Sequence[Transport]) -> None:
        """These lose their connections, and do not come back until everybody is let in."""
        self.let_nobody_in()
        for transport in transports:
            await transport.aclose()

    def ms_at(self, time: float) -> int:
        """The gateway's time at that of trio's clock."""
        assert self._gateway is not None
        return self._gateway.clock.ms() + int((time - trio.current_time()) * 1000)

    async def there_now(self) -> tuple[list[str], list[str]]:
        """Who is online, and who is where, by the views; the bot left out."""
        online = await self.database.fetch("SELECT account FROM online_now WHERE account <> 'presence' ORDER BY 1")
        members = await self.database.fetch("SELECT account || ' in ' || channel FROM members_now ORDER BY 1")
        return [str(account) for (account,) in online], [str(stay) for (stay,) in members]

    async def rows(self, where: str = "account NOT LIKE 'presence%'") -> list[tuple[SqlValue, ...]]:
        """The spans, when all that is under way has arrived."""
        await trio.sleep(0.5)
        return await self.database.fetch(
            f"SELECT {COLUMNS} FROM spans WHERE {where} ORDER BY coalesce(start_ms, end_ms), kind DESC"
        )


@asynccontextmanager
async def stage_of(
    *server_accounts: str, bot_starts: bool = True, ledger_events: int = 1_000_000
) -> AsyncIterator[Watched]:
    """A gateway, and on it the presence bot at work; the feeds are server accounts, and who else is one.

    What the gateway keeps of its ledger, once a minute, is ``ledger_events``.
    """
    async with (
        open_database(DATABASE, SCHEMA) as database,
        trio.open_nursery() as nursery,
    ):
        stage = Watched(database, nursery, ("botkit-feed-*", *server_accounts), ledger_events)
        await stage.start_gateway()
        if bot_starts:
            await stage.start_bot()
        yield stage
        nursery.cancel_scope.cancel()


@WITH_AND_WITHOUT_ROLE
@pytest.mark.row("E01", "E02")
async def test_spans_have_start_end_and_reason(role: tuple[str, ...], autojump_clock: MockClock) -> None:
    async with stage_of(*role) as stage:
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


@WITH_AND_WITHOUT_ROLE
@pytest.mark.row("E02")
async def test_a_second_login_and_a_cut_connection_have_their_own_reasons(
    role: tuple[str, ...], autojump_clock: MockClock
) -> None:
    async with stage_of(*role) as stage:
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


async def test_what_a_cut_feed_missed_is_made_up_for(autojump_clock: MockClock) -> None:
    async with stage_of() as stage:
        feeds_and_bot = tuple(stage.transports)
        began = trio.current_time()
        async with stage.signal.open_session("ann"):
            await trio.sleep(1)
            await stage.cut_off(feeds_and_bot)
            await trio.sleep(LONGER_THAN_HELD)
        stayed = trio.current_time() - began
        stage.let_everybody_in()
        await trio.sleep(30)
        async with stage.signal.open_session("bob"):
            spans = await stage.rows()
        ((told,),) = await stage.database.fetch("SELECT end_ms - start_ms FROM spans WHERE account = 'ann'")
    assert spans == [("online", "ann", "", "logout", 0, 0), ("online", "bob", "", "", 1, 0)]
    assert told == pytest.approx(stayed * 1000, abs=20)


@pytest.mark.row("E07")
async def test_what_is_lost_for_good_is_uncertain(autojump_clock: MockClock) -> None:
    async with stage_of(ledger_events=0) as stage:
        feeds_and_bot = tuple(stage.transports)
        async with stage.signal.open_session("ann"):
            await trio.sleep(1)
            await stage.cut_off(feeds_and_bot)
            await trio.sleep(1)
        await trio.sleep(LONGER_THAN_HELD)
        stage.let_everybody_in()
        await trio.sleep(30)
        async with stage.signal.open_session("bob"):
            spans = await stage.rows()
    # ann's logout was never told, but that something may be missing is.
    assert spans == [("online", "ann", "", "", 1, 1), ("online", "bob", "", "", 1, 0)]


@pytest.mark.row("E07")
async def test_when_nobody_watches_any_more_what_is_open_is_uncertain(autojump_clock: MockClock) -> None:
    async with stage_of() as stage:
        thief = Signal(APP_ID, stage.connector)
        async with stage.signal.open_session("ann"), thief.open_session("botkit-feed-online-presence"):
            await trio.sleep(5)
        spans = await stage.rows()
    assert spans == [("online", "ann", "", "", 1, 1)]


@WITH_AND_WITHOUT_ROLE
@pytest.mark.row("E07")
async def test_no_span_that_is_certain_reaches_over_a_restart_of_the_gateway(
    role: tuple[str, ...], autojump_clock: MockClock
) -> None:
    async with stage_of(*role) as stage:
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


@pytest.mark.row("E07")
async def test_who_was_there_before_the_bot_is_found_within_a_second(autojump_clock: MockClock) -> None:
    async with (
        stage_of("presence", "watcher", bot_starts=False) as stage,
        stage.signal.open_session("ann") as ann,
        stage.signal.open_session("bob"),
        stage.signal.open_session("hidden") as hidden,
        stage.signal.open_session("watcher") as watcher,
    ):
        await ann.join("lobby")
        await hidden.join("lobby")
        await watcher.join("__agora_user_online")
        await stage.start_bot(ignore=("hid*",))
        began = trio.current_time()
        await trio.sleep(1)
        assert await stage.there_now() == (["ann", "bob", "watcher"], ["ann in lobby"])
        ((start_ms,),) = await stage.database.fetch("SELECT start_ms FROM members_now WHERE uncertain = 1")
        assert start_ms == pytest.approx(stage.ms_at(began + LOOK_SECONDS), abs=20)
        await ann.logout()
        assert (await stage.rows("account = 'ann'")) == [
            ("online", "ann", "", "logout", 0, 1),
            ("member", "ann", "lobby", "logout", 0, 1),
        ]


@pytest.mark.row("E07")
async def test_after_a_gap_it_is_true_again_who_is_there(autojump_clock: MockClock) -> None:
    async with stage_of("presence", ledger_events=0) as stage:
        feeds_and_bot = tuple(stage.transports)
        async with stage.signal.open_session("ann") as ann, stage.signal.open_session("bob") as bob:
            await ann.join("lobby")
            await bob.join("lobby")
            await trio.sleep(1)
            await stage.cut_off(feeds_and_bot)
            await ann.logout()
            await bob.join("garden")
            await trio.sleep(LONGER_THAN_HELD)
            stage.let_everybody_in()
            await trio.sleep(30)
            assert await stage.there_now() == (["bob"], ["bob in garden"])
        spans = await stage.rows()
    assert sorted(spans) == [
        ("member", "ann", "lobby", "unknown", 0, 1),
        ("member", "bob", "garden", "logout", 0, 1),
        ("member", "bob", "lobby", "unknown", 0, 1),
        ("online", "ann", "", "unknown", 0, 1),
        ("online", "bob", "", "logout", 0, 1),
    ]


@pytest.mark.row("E07")
async def test_after_a_restart_of_the_gateway_it_is_true_again_who_is_there(autojump_clock: MockClock) -> None:
    async with stage_of("presence") as stage, stage.signal.open_session("ann"):
        async with stage.signal.open_session("bob") as bob:
            await bob.join("lobby")
            await trio.sleep(1)
            await stage.stop_gateway()
        await stage.start_gateway()
        await trio.sleep(30)
        assert await stage.there_now() == (["ann"], [])


async def test_a_feed_that_begins_late_is_made_up_for(autojump_clock: MockClock) -> None:
    async with (
        stage_of("presence", "moderator", bot_starts=False) as stage,
        stage.signal.open_session("moderator"),
    ):
        stage.turn_away("botkit-feed-online-presence")
        await stage.start_bot()
        await trio.sleep(1)
        async with stage.signal.open_session("ann"):
            await trio.sleep(1)
            assert await stage.there_now() == (["moderator"], [])
            stage.turn_away("")
            await trio.sleep(60)
            assert await stage.there_now() == (["ann", "moderator"], [])


async def test_without_the_role_it_is_said_once(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with stage_of(ledger_events=0) as stage:
            for _ in range(2):
                await stage.cut_off(tuple(stage.transports))
                await trio.sleep(LONGER_THAN_HELD)
                stage.let_everybody_in()
                await trio.sleep(30)
    said = [line for line in logs if line["event"].startswith("no snapshot") and "server accounts" in line["error"]]
    assert [line["hint"] for line in said] == [
        "it needs the server role: is presence in the gateway's server_accounts?"
    ]
    assert len([line for line in logs if line["event"] == "presence is uncertain"]) >= 2


async def test_a_large_app_is_read_page_by_page(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botkit.wire.admin.SNAPSHOT_PAGE", 3)
    async with stage_of("presence", bot_starts=False) as stage, AsyncExitStack() as stack:
        accounts = [f"user{number}" for number in range(8)]
        for account in accounts:
            await stack.enter_async_context(stage.signal.open_session(account))
        await stage.start_bot()
        await trio.sleep(1)
        assert await stage.there_now() == (accounts, [])
