"""Acting on a verdict: the warning or the mute, and the audit row around it."""

from collections import OrderedDict
from typing import Protocol

from msgspec.structs import replace

from botkit import Lane, SignalingError
from bots.moderation.audit import AuditLog, Message, Outcome
from bots.moderation.judge import Sanction, Verdict, choose_sanction
from bots.moderation.notices import fill
from bots.moderation.settings import StrikeSettings

GRACE_SECONDS = 5.0
"""For so long after a mute, messages still arrive that were sent before it."""

MAX_RECENT_MUTES = 1_000


class Powers(Protocol):
    """What is needed to act; a login session has it."""

    @property
    def dry_run(self) -> bool:
        """Whether acts are held back, and only written down."""

    async def send_instant(self, account: str, text: str, *, lane: Lane) -> None:
        """Tells ``account`` something. Raises ``SignalingError``."""

    async def mute(self, account: str, *, channel: str, seconds: float, reason: str) -> None:
        """Lets the gateway refuse the account's messages. Raises ``SignalingError``."""


class RecentMutes:
    """Who was muted just now. What they still say was sent before, and is no reason for another strike."""

    def __init__(self, grace: float = GRACE_SECONDS, max_accounts: int = MAX_RECENT_MUTES) -> None:
        self._grace, self._max_accounts = grace, max_accounts
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def note(self, account: str, channel: str, now: float, *, dry_seconds: float = 0) -> None:
        """The account was muted in ``channel`` (empty: everywhere) at ``now`` seconds.

        In a dry run it goes on talking: for ``dry_seconds``, as long as it would have been muted.
        """
        self._until.pop((account, channel), None)
        self._until[account, channel] = now + (dry_seconds or self._grace)
        if len(self._until) > self._max_accounts:
            self._until.popitem(last=False)

    def cover(self, account: str, channel: str, now: float) -> bool:
        """Whether a message that is seen ``now`` was sent before the account's mute there."""
        until = self._until.get((account, channel))
        return until is not None and now < until


class Enforcer:
    """Carries verdicts out. Whatever fails is written to the audit table and stops nothing else."""

    def __init__(self, settings: StrikeSettings, audit: AuditLog) -> None:
        self._settings, self._audit = settings, audit
        self._recent_mutes = RecentMutes()

    async def enforce(self, message: Message, verdict: Verdict, powers: Powers, now: float) -> tuple[Sanction, str]:
        """Writes the case, acts, writes how it went; what was done and, if something failed, why.

        ``now`` is seconds on any clock. Raises ``StoreError`` if the case cannot be written: then nothing is done.
        A cancel leaves the case pending; the next start marks it as failed.
        """
        if verdict.action != "record" and self._recent_mutes.cover(message.account, self._scope(message), now):
            case = await self._audit.open_case(message, replace(verdict, action="record"), dry=powers.dry_run)
            if not powers.dry_run:
                await self._audit.close_case(case, "record", "done", "sent before the mute took effect")
            return "record", ""
        case = await self._audit.open_case(message, verdict, dry=powers.dry_run)
        sanction = choose_sanction(verdict.action, case.strikes, self._settings)
        values: dict[str, str | float] = {
            "account": message.account,
            "channel": message.channel,
            "rule": verdict.rule,
            "evidence": verdict.evidence,
            "detail": verdict.detail,
            "strikes": case.strikes,
            "mute_after": self._settings.mute_after,
            "minutes": self._settings.mute_minutes,
        }
        outcome, reason = await self._act(sanction, message, values, powers, now)
        await self._audit.close_case(case, sanction, outcome, reason)
        return sanction, reason

    async def _act(
        self, sanction: Sanction, message: Message, values: dict[str, str | float], powers: Powers, now: float
    ) -> tuple[Outcome, str]:
        done: Outcome = "dry" if powers.dry_run else "done"
        if sanction == "record":
            return done, ""
        if sanction == "warn":
            problem = await self._tell(powers, message.account, fill(self._settings.warning, values))
            return ("failed", problem) if problem else (done, "")
        channel, seconds = self._scope(message), self._settings.mute_minutes * 60
        try:
            await powers.mute(message.account, channel=channel, seconds=seconds, reason=str(values["detail"]))
        except SignalingError as error:
            return "failed", str(error)
        self._recent_mutes.note(message.account, channel, now, dry_seconds=seconds if powers.dry_run else 0)
        problem = await self._tell(powers, message.account, fill(self._settings.mute_notice, values))
        return done, f"but not told: {problem}" if problem else ""

    def _scope(self, message: Message) -> str:
        return message.channel if self._settings.mute_scope == "channel" else ""

    async def _tell(self, powers: Powers, account: str, text: str) -> str:
        try:
            await powers.send_instant(account, text, lane=Lane.MODERATION)
        except SignalingError as error:
            return str(error)
        return ""
