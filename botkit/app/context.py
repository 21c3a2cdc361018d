"""What a handler is given besides the event: the session that it came to, and what belongs to it."""

from collections.abc import Callable
from typing import TypeAlias

import structlog
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit.app.accounts import OwnAccounts
from botkit.app.causality import EVENT, id_of
from botkit.app.commands.roles import Roles
from botkit.errors import ErrorCode, RequestFailed
from botkit.events import CallEvent, ChannelMessage, CommandRefused, Event, FeedEvent, InstantMessage
from botkit.signaling import Call, Channel, Lane, LoginSession
from botkit.types import Account, ChannelName

_log: FilteringBoundLogger = structlog.get_logger("botkit.bot")

Settings: TypeAlias = Struct


class BotInfo:
    """One bot as it runs: its ``name``, its ``account``, and where its sessions are.

    ``patterns`` are those entries of its ``channels`` in the configuration that stand for all channels of such names.
    """

    __slots__ = ("_channels", "_pooled", "_roles", "_service", "account", "dry_run", "name", "patterns")

    def __init__(
        self,
        *,
        name: str,
        account: Account,
        channels: tuple[ChannelName, ...] = (),
        patterns: tuple[str, ...] = (),
        service: OwnAccounts | None = None,
        roles: Roles | None = None,
        dry_run: bool = False,
    ) -> None:
        self.name, self.account, self.patterns = name, account, patterns
        self.dry_run = dry_run
        """Whether what its sessions would do to others is held back."""
        self._channels, self._service = channels, service or OwnAccounts()
        self._roles = roles or Roles({})
        self._pooled: Callable[[], tuple[ChannelName, ...]] = tuple

    @property
    def channels(self) -> tuple[ChannelName, ...]:
        """The channels that its sessions are in: those that it has by name, then those that match its patterns now."""
        return (*self._channels, *self._pooled())

    def is_service(self, account: str) -> bool:
        """Whether an account is there for botkit's own sake: a feed's, or one of a pool for patterns of channels.

        Feeds do not tell of these, but a snapshot of who is online has them.
        """
        return account in self._service

    def roles_of(self, account: str) -> tuple[str, ...]:
        """The roles that an account was given where the bot is placed, in alphabetical order."""
        return self._roles.of(account)

    def follow(self, pooled: Callable[[], tuple[ChannelName, ...]]) -> None:
        """For whoever runs the bot: ``pooled`` tells in which channels its pool is."""
        self._pooled = pooled


class Context:
    """The surroundings of one event, shared by its handlers, or of one beat of ``every``."""

    __slots__ = (
        "_call",
        "_log",
        "_provided",
        "bot",
        "event",
        "event_number",
        "propagated",
        "session",
        "settings",
        "stopped",
    )

    def __init__(
        self,
        session: LoginSession,
        bot: BotInfo,
        settings: Settings | None = None,
        event: Event | None = None,
        call: Call | None = None,
        *,
        number: int = 0,
    ) -> None:
        self.session = session
        """The session that the event came to. Feed events and beats: one of the bot's that is logged in,
        if possible the one in the event's channel."""
        self.bot = bot
        """Who this bot is."""
        self.settings = settings
        """The bot's settings, checked; None when it declares none. A handler gets them typed by asking for them."""
        self.event = event
        """The event; None in a beat of ``every``."""
        self.stopped = False
        """True after ``stop``."""
        self.event_number = number
        """The number behind ``event_id``."""
        self.propagated = False
        """True after ``propagate``, until the event goes on to the next router."""
        self._provided: dict[object, object] | None = None
        self._call = call
        self._log: FilteringBoundLogger | None = None

    @property
    def provided(self) -> dict[object, object]:
        """What providers have made of this event, by provider."""
        if self._provided is None:
            self._provided = {}
        return self._provided

    @property
    def channel(self) -> Channel:
        """The channel that the session is in. Raises ``RequestFailed`` (1001) when it is in none."""
        channel = self.session.channel
        if channel is None:
            raise RequestFailed(
                ErrorCode.GENERAL_E_FAILED,
                f"the session of {self.session.account} is in no channel: give the bot channels, or join one",
            )
        return channel

    @property
    def call(self) -> Call:
        """The call that the event is about. Raises ``RequestFailed`` (1001) when there is none, or no longer."""
        if self._call is None:
            what = "a beat" if self.event is None else type(self.event).__name__
            raise RequestFailed(ErrorCode.GENERAL_E_FAILED, f"{what} comes from no call, or from one that is long over")
        return self._call

    @property
    def log(self) -> FilteringBoundLogger:
        """A logger that names the bot, the session's account and the event."""
        if self._log is None:
            self._log = _log.bind(bot=self.bot.name, account=self.session.account, **_facts(self.event))
        return self._log

    @property
    def event_id(self) -> str:
        """What names the event, or the beat, in the logs and for ``botkit trace``: ``e-4k``."""
        return id_of(EVENT, self.event_number)

    def stop(self) -> None:
        """No later handler gets this event, in this router or in another."""
        self.stopped = True

    def propagate(self) -> None:
        """Once the handlers of this router are done, let the next router that wants the event have it, too."""
        self.propagated = True

    async def reply(self, text: str, *, lane: Lane = Lane.CHAT) -> None:
        """Answer where the event came from, with at most 8192 bytes of UTF-8.

        An instant message, a refused command, a call or a feed event: an instant message to its account. A channel
        message: a message in the channel. It waits for its turn in ``lane``. Raises ``SendFailed`` (400 refused, 401 no
        answer: it may have been sent), ``ParameterError``, and ``RequestFailed`` (1001) for an event that is nobody's.
        A cancel leaves the message sent or unsent.
        """
        match self.event:
            case ChannelMessage():
                await self.channel.send(text, lane=lane)
            case (
                InstantMessage(account=account)
                | CommandRefused(account=account)
                | FeedEvent(account=account)
                | CallEvent(peer=account)
            ):
                await self.session.send_instant(account, text, lane=lane)
            case _:
                what = "a beat" if self.event is None else type(self.event).__name__
                raise RequestFailed(ErrorCode.GENERAL_E_FAILED, f"{what} comes from nobody that could get a reply")


def _facts(event: Event | None) -> dict[str, str | int]:
    if event is None:
        return {}
    facts: dict[str, str | int] = {"event_type": type(event).__name__}
    for name in ("channel", "call"):
        value: str | int | None = getattr(event, name, None)
        if value is not None:
            facts[name] = value
    return facts
