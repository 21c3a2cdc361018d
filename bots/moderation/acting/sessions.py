"""Powers by the bot's login sessions: one in each of its channels."""

from botkit import ErrorCode, Lane, LoginSession, SignalingError, WallClock
from bots.moderation.cases.facts import Cell, Level

SENDMSG_LIMIT = "_sendmsg_limit"
"""The channel's attribute (of the vendor's) that limits its messages a second."""

MIN_SECONDS = 1.0
"""For a sanction that is nearly over; the gateway takes 0 for one without an end."""


LOGGED_IN, LOGGED_OUT = "LOGGED_IN", "LOGGED_OUT"
"""Names of the vendor's states of a session."""


class Crew:
    """The sessions of the bot, by account; those that are over are let go of."""

    def __init__(self) -> None:
        self._sessions: dict[str, LoginSession] = {}

    def add(self, session: LoginSession) -> None:
        """A session is up, and in its channel if it has one."""
        self._sessions[session.account] = session

    def remove(self, account: str) -> None:
        """A session is over."""
        self._sessions.pop(account, None)

    def alive(self) -> list[LoginSession]:
        """The sessions that are not over, those that are logged in first: others are on their way back."""
        self._sessions = {name: one for name, one in self._sessions.items() if one.status.name != LOGGED_OUT}
        return sorted(self._sessions.values(), key=lambda one: one.status.name != LOGGED_IN)

    def session_in(self, channel: str) -> LoginSession:
        """The session in a channel. Raises ``SignalingError`` (1002: later there may be one)."""
        for session in self.alive():
            if session.channel is not None and session.channel.name == channel:
                return session
        raise SignalingError(ErrorCode.GENERAL_E_UNKNOWN, f"no session of the bot is in {channel}")

    def any(self) -> LoginSession:
        """Any of the sessions. Raises ``SignalingError`` (1002: later there may be one)."""
        for session in self.alive():
            return session
        raise SignalingError(ErrorCode.GENERAL_E_UNKNOWN, "no session of the bot is logged in")


class SessionPowers:
    """``Powers`` at the gateway."""

    def __init__(self, crew: Crew, clock: WallClock) -> None:
        self._crew, self._clock = crew, clock

    async def read(self, cell: Cell) -> Level | None:
        """See ``Powers``."""
        if cell.kind == "slow":
            channel = self._crew.session_in(cell.channel).channel
            value = channel.attributes.get(SENDMSG_LIMIT) if channel is not None else None
            return Level(rate=int(value)) if value is not None and value.isdecimal() else None
        for one in await self._crew.any().list_sanctions(cell.account):
            if (one.kind, one.channel) == (cell.kind, cell.channel):
                return Level(one.until_ms, reason=one.reason, by=one.moderator)
        return None

    async def set(self, cell: Cell, level: Level | None) -> None:
        """See ``Powers``."""
        if cell.kind == "slow":
            await self._set_limit(cell.channel, level)
        elif level is None:
            await self._lift(cell)
        else:
            await self._impose(cell, level)

    async def kick(self, account: str, channel: str, reason: str) -> None:
        """See ``Powers``."""
        await self._crew.any().kick(account, channel, reason=reason)

    async def tell(self, account: str, text: str) -> None:
        """See ``Powers``."""
        await self._crew.any().send_instant(account, text, lane=Lane.MODERATION)

    async def say(self, channel: str, text: str) -> None:
        """See ``Powers``."""
        place = self._crew.session_in(channel).channel
        if place is None:
            raise SignalingError(ErrorCode.GENERAL_E_UNKNOWN, f"the bot has left {channel}")
        await place.send(text, lane=Lane.MODERATION)

    async def _impose(self, cell: Cell, level: Level) -> None:
        seconds = max(MIN_SECONDS, (level.until_ms - self._clock.ms()) / 1000) if level.until_ms else 0.0
        session = self._crew.any()
        if cell.kind == "mute":
            await session.mute(cell.account, channel=cell.channel, seconds=seconds, reason=level.reason)
        else:
            await session.ban(cell.account, seconds=seconds, reason=level.reason)

    async def _lift(self, cell: Cell) -> None:
        if await self.read(cell) is None:
            return
        if cell.kind == "mute":
            await self._crew.any().unmute(cell.account, channel=cell.channel)
        else:
            await self._crew.any().unban(cell.account)

    async def _set_limit(self, channel: str, level: Level | None) -> None:
        place = self._crew.session_in(channel).channel
        if place is None:
            raise SignalingError(ErrorCode.GENERAL_E_UNKNOWN, f"the bot has left {channel}")
        if level is None:
            await place.delete_attribute(SENDMSG_LIMIT)
        else:
            await place.set_attribute(SENDMSG_LIMIT, str(level.rate))
