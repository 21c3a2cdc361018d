"""Sinks in the service itself: an attribute of a channel, instant messages; and a function of one's own."""

from collections.abc import Sequence

from botkit import ErrorCode, Lane, LoginSession, SignalingError
from bots.presence.functions import Handler
from bots.presence.records import Place, Record, encode_record


class Sessions:
    """The bot's sessions, as far as they are known."""

    def __init__(self) -> None:
        self._by_account: dict[str, LoginSession] = {}

    def note(self, session: LoginSession) -> None:
        """This one is there now, in place of an earlier one of its account."""
        self._by_account[session.account] = session

    def any(self) -> LoginSession:
        """One of them. Raises ``SignalingError`` (1001) before the first login."""
        for session in self._by_account.values():
            return session
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, "the bot is not logged in yet")

    def in_channel(self, name: str) -> LoginSession:
        """The one in a channel. Raises ``SignalingError`` (1001) while there is none."""
        for session in self._by_account.values():
            if session.channel is not None and session.channel.name == name:
                return session
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"the bot is not in {name}: is it among its channels?")


class AttributeSink:
    """Sets an attribute of a channel that the bot is in, to each record in turn: all members are told each."""

    remembers = False

    def __init__(self, sessions: Sessions, channel: str, name: str) -> None:
        self._sessions, self._channel, self._name = sessions, channel, name

    async def last_told(self) -> Place | None:
        """Others may set it, too, so it tells nothing."""
        return None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Set it, record by record. Raises ``SignalingError``."""
        session = self._sessions.in_channel(self._channel)
        for record in records:
            assert session.channel is not None
            await session.channel.set_attribute(self._name, encode_record(record))


class MessageSink:
    """Sends each record to an account, as an instant message that waits for it while it is offline."""

    remembers = False

    def __init__(self, sessions: Sessions, account: str) -> None:
        self._sessions, self._account = sessions, account

    async def last_told(self) -> Place | None:
        """The service does not tell what was read."""
        return None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Send these in turn. Raises ``SignalingError``."""
        session = self._sessions.any()
        for record in records:
            await session.send_instant(self._account, encode_record(record), lane=Lane.CHAT)


class HandlerSink:
    """Calls a function of one's own with each record."""

    remembers = False

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def last_told(self) -> Place | None:
        """Nobody knows what it has done."""
        return None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Call it for these in turn; whatever it raises has it called again, for those before, too."""
        for record in records:
            await self._handler(record)
