"""All parts of a running moderation bot, put together: what its handlers and commands talk to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit import BotInfo, ConfigError, LoginSession, Meters, SignalingError, WallClock, open_database
from bots.moderation.acting.enforcer import Report
from bots.moderation.acting.plan import Planner
from bots.moderation.acting.sessions import Crew, SessionPowers
from bots.moderation.cases.facts import MANUAL, Draft
from bots.moderation.cases.ledger import Ledger
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.holding import Holding
from bots.moderation.lanes import LaneParts, make_lanes
from bots.moderation.meters import ModerationMeters
from bots.moderation.moderator import Moderator
from bots.moderation.recorder import Recorder, open_recorder
from bots.moderation.rules import RuleSet
from bots.moderation.rules.actions import Action
from bots.moderation.rules.settings import RuleFile
from bots.moderation.scorers import open_scorers
from bots.moderation.scoring import Scorers
from bots.moderation.settings import ModerationSettings
from bots.moderation.undo import Undoer
from bots.moderation.workers import Workers

_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class Service:
    """One life of the bot. Made by :func:`open_service`."""

    def __init__(
        self,
        settings: ModerationSettings,
        info: BotInfo,
        ledger: Ledger,
        *,
        scorers: Scorers,
        recorder: Recorder,
        workers: Workers,
        meters: ModerationMeters,
    ) -> None:
        self.settings, self.info, self.ledger, self.meters = settings, info, ledger, meters
        self.clock, self.crew, self.workers = WallClock(), Crew(), workers
        self._powers = SessionPowers(self.crew, self.clock)
        planner = Planner(settings.ladder, settings.texts, settings.alerts)
        self._parts = LaneParts(ledger, planner, self.clock, meters, account=info.account, on_failure=self._on_failure)
        file = settings.rule_file()
        self.rules = _compile(file)
        """The rules in force."""
        lanes = make_lanes(self.rules, self._powers, self._parts, dry_run=info.dry_run)
        self.moderator = Moderator(
            settings,
            lanes,
            scorers=scorers,
            recorder=recorder,
            workers=workers,
            clock=self.clock,
            meters=meters,
            bell=self.ring,
        )
        self.undoer = Undoer(ledger, lanes, self.clock, meters)
        self.holding = Holding(settings.hold, ledger.database)
        self._file = file

    async def start(self) -> None:
        """Take over what an earlier run left. Raises ``StoreError``."""
        await self.ledger.read_head()
        await self.undoer.start()
        for lane in self.moderator.lanes:
            await lane.load()
        await self._note_rules(self._file)

    async def take_post(self, session: LoginSession) -> None:
        """A session is up, and in its channel. Raises ``StoreError``."""
        self.crew.add(session)
        if session.channel is not None:
            self.moderator.forget_channel(session.channel.name)
        await self.holding.take(session)

    def is_own(self, account: str) -> bool:
        """Whether an account is one of the bot's, or of botkit's own: no rule is applied to these."""
        return self._parts.is_own(account) or self.info.is_service(account)

    async def tend(self) -> None:
        """What is to be done now and then: raids that are over, undos of others, what could not be set before."""
        if not self.crew.alive():
            return
        for lane in self.moderator.lanes:
            await lane.raids.end_quiet(self.clock.ms())
        await self.undoer.catch_up()

    async def act_by_hand(self, by: str, action: Action, account: str, channel: str, reason: str) -> Report:
        """A moderator's own act, as a case like others. Raises ``StoreError``."""
        lane = self.moderator.acting
        draft = Draft(
            lane=lane.name,
            ms=self.clock.ms(),
            moderator=self.info.account,
            by=by,
            channel=channel,
            account=account,
            rule=MANUAL,
            kind=MANUAL,
            detail=reason or "a moderator's decision",
        )
        return await lane.enforcer.enforce(draft, [action])

    async def say(self, channel: str, text: str) -> None:
        """Say something in a channel. Raises ``SignalingError``."""
        await self._powers.say(channel, text)

    async def reload_rules(self) -> RuleFile:
        """Read the file of rules again, and go over to what it says; that.

        Raises ``ConfigError``, with file and line, and then the old rules stay in force.
        """
        if not isinstance(self.settings.rules, str):
            hint = "send SIGHUP to have that read again"
            raise ConfigError("the rules are in the configuration itself", key="rules", hint=hint)
        try:
            file = self.settings.rule_file(await read_rules_in_thread(self.settings, self.settings.rules))
        except ConfigError as error:
            self.meters.reloads.add_for("invalid")
            self.ring(f"The rules stay as they are, the new ones are wrong: {error}")
            raise
        self.rules = _compile(file)
        self.moderator.change_rules(self.rules)
        await self._note_rules(file)
        self.meters.reloads.add_for("applied")
        _log.info("rules read again", rules=[rule.id for rule in file.rules])
        return file

    def waiting(self) -> float:
        """Jobs that no worker has begun with."""
        return self.workers.waiting

    def forgotten(self) -> float:
        """Accounts, channels and texts that rules have forgotten since there were too many."""
        return sum(window.forgotten for lane in self.moderator.lanes for window in lane.state.windows.values())

    def ring(self, text: str) -> None:
        """Tell the log, and those moderators that ``alerts`` names, that something does not work."""
        _log.error(text)
        for account in self.settings.alerts:
            self.workers.post(account, "alert", partial(self._alert, account, text))

    def _on_failure(self, draft: Draft, report: Report) -> None:
        if draft.lane == "live":
            self.ring(f"Case {report.case} ({draft.rule}, {draft.account}): {'; '.join(report.failures)}")

    async def _alert(self, account: str, text: str) -> None:
        try:
            await self._powers.tell(account, text)
        except SignalingError as error:
            _log.error("moderator cannot be told", account=account, text=text, problem=str(error))

    async def _note_rules(self, file: RuleFile) -> None:
        versions = self.rules.versions
        definitions = {
            (rule.id, versions[rule.id]): msgspec.json.encode(rule, order="sorted").decode()
            for rule in file.rules
            if rule.id in versions
        }
        await self.ledger.note_versions(definitions, self.clock.ms())


async def read_rules_in_thread(settings: ModerationSettings, path: str) -> RuleFile:
    """The file of rules at ``path``, read beside the loop. Raises ``ConfigError``; a cancel waits until it is read."""
    return await trio.to_thread.run_sync(settings.read_rules, path)


def _compile(file: RuleFile) -> RuleSet:
    return RuleSet(file.rules, file.exempt)


@asynccontextmanager
async def open_service(settings: ModerationSettings, info: BotInfo, meters: Meters) -> AsyncIterator[Service]:
    """The parts of a bot, running inside the block.

    Raises ``StoreError`` when its database cannot be used, and ``ConfigError`` for a scorer that is not there.
    """
    own = ModerationMeters(meters)
    async with (
        open_database(settings.database, SCHEMA) as database,
        open_scorers(settings.scorers, meters) as scorers,
        open_recorder(settings.record, meters) as recorder,
        trio.open_nursery() as nursery,
    ):
        workers = Workers(nursery, own)
        service = Service(
            settings, info, Ledger(database), scorers=scorers, recorder=recorder, workers=workers, meters=own
        )
        await service.start()
        waiting = meters.gauge("moderation_waiting", "Cases that wait to be written and carried out", service.waiting)
        forgotten = meters.gauge(
            "moderation_forgotten", "Accounts that rules forgot for want of room", service.forgotten
        )
        try:
            yield service
        finally:
            waiting.remove_source(service.waiting)
            forgotten.remove_source(service.forgotten)
            nursery.cancel_scope.cancel()
