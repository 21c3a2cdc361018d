"""All that a presence bot runs beside its handlers, opened and closed as one."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from fnmatch import fnmatchcase

import msgspec
import trio

from botkit import BotInfo, ConfigError, LoginSession, Meters, open_database
from bots.presence.assembly import budget_of, make_pipeline, open_sink
from bots.presence.follower import Follower
from bots.presence.ownership import own_database
from bots.presence.positions import POSITIONS_SCHEMA, Positions
from bots.presence.progress import Progress
from bots.presence.projection import Projection
from bots.presence.pump import Pump
from bots.presence.reading import Reading
from bots.presence.reconcile import Offer, open_reconcile
from bots.presence.retention import Retention
from bots.presence.settings import PresenceSettings, WebhookSettings
from bots.presence.sinks.signaling import Sessions
from bots.presence.store import SCHEMA, PresenceStore


class Daemon:
    """A presence bot at work. Made by :func:`open_daemon`."""

    def __init__(self, follower: Follower, reading: Reading, sessions: Sessions) -> None:
        self._follower, self._reading, self._sessions = follower, reading, sessions

    @property
    def projection(self) -> Projection:
        """Who is where now, as far as is known."""
        return self._reading.projection

    @property
    def known_ms(self) -> int | None:
        """The gateway's time up to which all is known."""
        return self._reading.known_ms

    def ring(self, session: LoginSession) -> None:
        """Something may have happened: have the ledger be read, over this session."""
        self.use(session)
        self._follower.ring()

    def use(self, session: LoginSession) -> None:
        """A session that there is now."""
        self._sessions.note(session)
        self._follower.use(session)


@asynccontextmanager
async def open_daemon(settings: PresenceSettings, info: BotInfo, meters: Meters) -> AsyncIterator[Daemon]:
    """Run the daemon until the end of the block, from where it was when it ended last.

    Raises ``StoreError`` when its database cannot be opened or written, ``ConfigError`` for what cannot be run here.
    """
    async with (
        own_database(settings.database),
        open_database(settings.database, (*SCHEMA, *POSITIONS_SCHEMA)) as database,
    ):
        store = PresenceStore(database)
        sessions = Sessions()
        saved = await store.load()
        reading = Reading(saved.projection, _leaves_out(settings, info), cursor=saved.cursor, known_ms=saved.known_ms)
        await _note_ignored(store, reading, saved.ignore, settings)
        progress = Progress(reading.projection.numbers[0], saved.known_ms or 0)
        follower = Follower(reading, store, progress, meters, log_events=settings.log_events)
        progress.ask = follower.ring
        async with AsyncExitStack() as stack:
            pumps = await _open_pumps(
                stack,
                settings,
                channels=info.channels,
                sessions=sessions,
                positions=Positions(database),
                progress=progress,
                meters=meters,
            )
            async with open_reconcile(settings.listen, store, _offers(settings, pumps)), trio.open_nursery() as nursery:
                nursery.start_soon(follower.run)
                for pump in pumps:
                    nursery.start_soon(pump.run)
                nursery.start_soon(Retention(store, settings, progress).run)
                yield Daemon(follower, reading, sessions)
                nursery.cancel_scope.cancel()


def _offers(settings: PresenceSettings, pumps: Sequence[Pump]) -> dict[str, Offer]:
    """The sinks that somebody can prove to be the receiver of, and that are told of who is there."""
    return {
        one.name: Offer(pump, one.secret)
        for one, pump in zip(settings.sinks, pumps, strict=True)
        if isinstance(one, WebhookSettings) and not one.watches
    }


async def _open_pumps(
    stack: AsyncExitStack,
    settings: PresenceSettings,
    *,
    channels: Sequence[str],
    sessions: Sessions,
    positions: Positions,
    progress: Progress,
    meters: Meters,
) -> list[Pump]:
    pumps = list[Pump]()
    for index, one in enumerate(settings.sinks):
        try:
            sink = await stack.enter_async_context(open_sink(one, sessions, channels))
        except ConfigError as error:
            raise ConfigError(error.problem, key=f"sinks[{index}].{error.key}", hint=error.hint) from error
        pumps.append(
            Pump(
                one.name,
                sink,
                make_pipeline(settings, one),
                budget_of(one),
                positions=positions,
                progress=progress,
                meters=meters,
            )
        )
    await positions.open([pump.name for pump in pumps])
    return pumps


def _leaves_out(settings: PresenceSettings, info: BotInfo) -> Callable[[str], bool]:
    """The accounts of which nothing is kept: those to be ignored, its own, and those of botkit's feeds and pools."""

    def is_ignored(account: str) -> bool:
        own = account == info.account or info.is_service(account)
        return own or any(fnmatchcase(account, pattern) for pattern in settings.ignore)

    return is_ignored


async def _note_ignored(store: PresenceStore, reading: Reading, before: str | None, settings: PresenceSettings) -> None:
    """With other accounts left out than in the last run, what is known is of the wrong ones."""
    now = msgspec.json.encode(sorted(settings.ignore)).decode()
    if before not in (None, now):
        reading.lose("other accounts are left out than before")
    if before != now:
        await store.commit(reading.projection.take_changes(), {"ignore": now})
