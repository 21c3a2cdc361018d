"""A campaign at work: calls are made when the plan says so, and where the plan stands outlives the process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import trio
from msgspec import json, structs
from structlog.typing import FilteringBoundLogger

from botkit import (
    Account,
    Call,
    ChannelName,
    Database,
    InviteFailed,
    LoginSession,
    SignalingError,
    StoreError,
    WallClock,
    open_database,
)
from bots.call_agent.agent import Agent
from bots.call_agent.campaigns import Campaign, CampaignSettings, Dial, DialOutcome
from bots.call_agent.phases import CallLimits

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS campaign_dials (
        campaign TEXT NOT NULL,
        account  TEXT NOT NULL,
        due      REAL,              -- when to call next, seconds since 1970; NULL: not any more
        attempts INTEGER NOT NULL,
        last     TEXT NOT NULL,     -- what became of the last attempt; dialling: it goes on, or the process was killed
        tried    TEXT NOT NULL,     -- JSON: how often each reason has had it tried again
        PRIMARY KEY (campaign, account)
    )
    """,
)

DIALLING = "dialling"

TICK_SECONDS = 1.0
"""How often ``Dialler.tick`` is to be called."""


class DialStore:
    """Where a campaign keeps how far it is. All methods raise ``StoreError``."""

    def __init__(self, database: Database, campaign: str) -> None:
        self._database, self._campaign = database, campaign

    async def put(self, dial: Dial) -> None:
        """Write down where one account is."""
        await self._database.execute(
            "INSERT OR REPLACE INTO campaign_dials VALUES (?, ?, ?, ?, ?, ?)",
            (self._campaign, dial.account, dial.due, dial.attempts, dial.last, json.encode(dial.tried).decode()),
        )

    async def load(self) -> Mapping[str, Dial]:
        """Where all accounts are, by account."""
        rows = await self._database.fetch(
            "SELECT account, due, attempts, last, tried FROM campaign_dials WHERE campaign = ?", (self._campaign,)
        )
        dials = (
            Dial(
                account=str(account),
                due=None if due is None else float(due),
                attempts=int(attempts or 0),
                last=str(last),
                tried=json.decode(str(tried), type=dict[str, int]),
            )
            for account, due, attempts, last, tried in rows
        )
        return {dial.account: dial for dial in dials}


class Dialler:
    """Makes the calls of one campaign. Made by :func:`open_dialler`."""

    def __init__(
        self, settings: CampaignSettings, campaign: Campaign, store: DialStore, agent: Agent, nursery: trio.Nursery
    ) -> None:
        self._settings, self.campaign, self._store = settings, campaign, store
        self._agent, self._nursery = agent, nursery
        self._clock = WallClock()

    def tick(self, session: LoginSession, limits: CallLimits, log: FilteringBoundLogger) -> None:
        """Begin the calls that it is time for until the next tick, from ``session``, each at its own moment."""
        now = self._clock.seconds()
        while (at := max(now, self.campaign.next_start)) < now + TICK_SECONDS:
            account = self.campaign.take(at)
            if account is None:
                return
            self._nursery.start_soon(partial(self._dial, account, session, limits, log, wait=at - now))

    async def _dial(
        self, account: str, session: LoginSession, limits: CallLimits, log: FilteringBoundLogger, *, wait: float
    ) -> None:
        await trio.sleep(wait)
        over = trio.Event()
        if not self._agent.desk.reserve(over.is_set):
            self.campaign.give_back(account)
            return
        outcome: DialOutcome = "failed"
        try:
            outcome = await self._call(account, session, limits, log)
        except StoreError as error:
            log.error("a call of the campaign has no record", peer=account, error=str(error))
        except SignalingError as error:
            log.error("a call of the campaign could not be made", peer=account, error=str(error))
        except Exception as error:  # the handler's: it costs its own call, and nobody else's
            log.exception("the handler failed in a call of the campaign", peer=account, error=repr(error))
        finally:
            over.set()
            dial = self.campaign.ended(account, outcome, self._clock.seconds())
        log.info("campaign call", campaign=self._settings.name, peer=account, outcome=outcome, attempts=dial.attempts)
        try:
            await self._store.put(dial)
        except StoreError as error:
            log.error("a campaign may call somebody again", peer=account, error=str(error))

    async def _call(
        self, account: str, session: LoginSession, limits: CallLimits, log: FilteringBoundLogger
    ) -> DialOutcome:
        """Call somebody; that is written down before, so that nobody is called again after a kill."""
        settings, dial = self._settings, self.campaign.dials[account]
        later = self._clock.seconds() + settings.retries.failed.after_seconds
        await self._store.put(structs.replace(dial, due=later, attempts=dial.attempts + 1, last=DIALLING))
        extra = {"_require_peer_online": 1, "_timeout": settings.ring_seconds, "campaign": settings.name}
        ms = self._clock.ms()
        try:
            call: Call = await session.invite(
                ChannelName(settings.channel), Account(account), json.encode(extra).decode()
            )
        except InviteFailed as error:
            outcome = await self._agent.note_unreached(account, settings.channel, ms, error)
            return _outcome(outcome)
        self._nursery.start_soon(self._note_answer, call, dial, log)
        live = await self._agent.serve(call, ms, structs.replace(limits, ring_seconds=settings.ring_seconds + 5.0), log)
        return "answered" if live.machine.answered is not None else _outcome(live.outcome or "failed")

    async def _note_answer(self, call: Call, dial: Dial, log: FilteringBoundLogger) -> None:
        """Write down that somebody has answered, at once: who was talked to is not called again after a kill."""
        try:
            await call.wait_answer()
            await self._store.put(structs.replace(dial, due=None, attempts=dial.attempts + 1, last="answered"))
        except InviteFailed:
            pass  # nobody answered, and whoever has made the call sees that too
        except StoreError as error:
            log.error("a campaign may call somebody again", peer=dial.account, error=str(error))


def _outcome(outcome: str) -> DialOutcome:
    match outcome:
        case "offline" | "no_answer" | "refused":
            return outcome
        case _:
            return "failed"


@asynccontextmanager
async def open_dialler(url: str, settings: CampaignSettings, agent: Agent) -> AsyncIterator[Dialler]:
    """The dialler of a campaign, where an earlier run has left it; calls end with the block. Raises ``StoreError``."""
    async with open_database(url, SCHEMA) as database, trio.open_nursery() as nursery:
        store = DialStore(database, settings.name)
        campaign = Campaign(settings, await store.load(), WallClock().seconds())
        yield Dialler(settings, campaign, store, agent, nursery)
        nursery.cancel_scope.cancel()
