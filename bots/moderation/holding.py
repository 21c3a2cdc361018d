"""Holding the channels: their messages come to the bot first, where it may, and after their delivery where not."""

import structlog
from structlog.typing import FilteringBoundLogger

from botkit import Database, LoginSession, SignalingError
from bots.moderation.settings import HoldSettings

_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class Holding:
    """Puts a hold on each channel that a session of the bot is in; with None for settings, lifts those that it put."""

    def __init__(self, settings: HoldSettings | None, database: Database) -> None:
        self._settings, self._database = settings, database

    async def take(self, session: LoginSession) -> bool:
        """Hold the channel of ``session``; whether it is held. Raises ``StoreError``, and nothing for a refusal.

        The gateway keeps a hold when the bot is gone: then each message goes its way by the policy.
        """
        channel = session.channel
        if channel is None:
            return False
        if self._settings is None:
            await self._release(session, channel.name)
            return False
        open_on_silence = self._settings.when_silent == "open"
        try:
            await session.hold(channel.name, budget=self._settings.budget_seconds, open_on_silence=open_on_silence)
        except SignalingError as error:
            hint = "messages are judged after their delivery; a server account could hold them before"
            _log.warning("channel cannot be held", channel=channel.name, problem=str(error), hint=hint)
            return False
        if not session.dry_run:
            statement = "INSERT OR REPLACE INTO holds VALUES (?, ?)"
            await self._database.execute(statement, (channel.name, session.account))
        return not session.dry_run

    async def _release(self, session: LoginSession, channel: str) -> None:
        if not await self._database.fetch("SELECT 1 FROM holds WHERE channel = ?", (channel,)):
            return
        try:
            await session.release(channel)
        except SignalingError as error:
            _log.warning("channel cannot be released", channel=channel, problem=str(error))
            return
        await self._database.execute("DELETE FROM holds WHERE channel = ?", (channel,))
