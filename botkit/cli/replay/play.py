"""The replay itself: two sessions watch, one for each nick acts, and at the end everything is compared."""

from collections.abc import Callable

import trio

from botkit.cli.replay.plan import Join, Plan
from botkit.cli.replay.sessions import Stage, TokenFor
from botkit.cli.replay.tally import Flow, Move, Tally
from botkit.errors import ConfigError, JoinFailed
from botkit.events import ChannelMessage, EventsLost, LoggedOut, MemberJoined, MemberLeft
from botkit.signaling import LoginSession, Signal, SignalSettings
from botkit.types import Account, ChannelName
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL

OBSERVER = Account("replay-observer")
FEED = Account("replay-feed")

QUIET_SECONDS = 5.0
"""So long nothing may arrive before what is missing counts as lost."""

RECONNECT_ATTEMPTS = 5
"""About six seconds where connections are refused; a gateway that stays away longer is gone, and the replay over."""

WATCHER_SETTINGS = SignalSettings(reconnect_attempts=RECONNECT_ATTEMPTS)

PLAYER_SETTINGS = SignalSettings(reconnect_attempts=RECONNECT_ATTEMPTS, event_buffer=1)
"""Players act and do not listen: what they are told is dropped at once."""

Progress = Callable[[], None]
"""Called for each member of the cast that is there, and for each step that was played."""


class Watcher:
    """Reads a session's events into the tally, and lets others wait until nothing is missing."""

    def __init__(self, tally: Tally, channel: ChannelName, accounts: frozenset[Account]) -> None:
        self._tally, self._channel, self._accounts = tally, channel, accounts
        self._news = trio.Event()

    async def run(self, session: LoginSession, replay: trio.CancelScope) -> None:
        """Read until cancelled. The end of the session is that of ``replay``: what follows nobody would see."""
        async for event in session.events():
            match event:
                case ChannelMessage(channel=channel, account=account, text=text) if self._ours(channel, account):
                    self._tally.messages.arrive(account, text)
                case MemberJoined(channel=channel, account=account) if self._ours(channel, account):
                    self._tally.moves.arrive(account, Move.JOIN.value)
                case MemberLeft(channel=channel, account=account) if self._ours(channel, account):
                    self._tally.moves.arrive(account, Move.LEAVE.value)
                case EventsLost(cause=cause):
                    self._tally.events_lost.append(f"{session.account}: {cause}")
                case LoggedOut(code=code):
                    self._tally.stopped = f"{session.account}, which watches the replay, is {code.text}"
                    replay.cancel()
            self._news.set()
            self._news = trio.Event()

    async def wait_arrived(self, flow: Flow) -> None:
        """Wait until as much arrived as was sent, or until nothing has come for ``QUIET_SECONDS``."""
        while flow.arrived < flow.expected:
            with trio.move_on_after(QUIET_SECONDS) as quiet:
                await self._news.wait()
            if quiet.cancelled_caught:
                return

    def _ours(self, channel: ChannelName, account: Account) -> bool:
        return channel == self._channel and account in self._accounts


async def play(
    plan: Plan,
    channel: ChannelName,
    connect: Callable[[SignalSettings], Signal],
    tally: Tally,
    *,
    token_for: TokenFor,
    feed_account: Account = FEED,
    speed: float | None = None,
    progress: Progress,
) -> None:
    """Play ``plan`` in ``channel`` and count into ``tally``, which a cancel leaves as far as it came.

    ``connect`` makes a ``Signal`` with given settings; ``speed`` is how many times faster than the log, None for as
    fast as the protocol's rates allow. ``feed_account`` needs the server role. Raises ``SignalingError`` when one of
    the two watching sessions is refused, ``ConfigError`` when that is for want of the role. When one of the two ends,
    the replay does too, and ``tally.stopped`` says so. A cancel logs all out.
    """
    watcher = Watcher(tally, channel, plan.accounts)
    signal = connect(WATCHER_SETTINGS)
    stage = Stage(connect(PLAYER_SETTINGS), channel, token_for, tally)
    async with (
        signal.open_session(feed_account, token_for(feed_account)) as feed,
        signal.open_session(OBSERVER, token_for(OBSERVER)) as observer,
    ):
        await _join_feed(feed)
        await observer.join(channel)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watcher.run, feed, nursery.cancel_scope)
            nursery.start_soon(watcher.run, observer, nursery.cancel_scope)
            async with trio.open_nursery() as players:
                await _play_steps(plan, stage, players, speed, progress)
                await watcher.wait_arrived(tally.messages)
                await stage.close()
            await watcher.wait_arrived(tally.moves)
            nursery.cancel_scope.cancel()


async def _join_feed(feed: LoginSession) -> None:
    try:
        await feed.join(ChannelName(CHANNEL_EVENT_CHANNEL))
    except JoinFailed as error:
        raise ConfigError(
            f"{feed.account} may not read {CHANNEL_EVENT_CHANNEL}: {error.reason}",
            key="--server-account",
            hint="name an account that has the server role at this gateway",
        ) from None


async def _play_steps(plan: Plan, stage: Stage, nursery: trio.Nursery, speed: float | None, progress: Progress) -> None:
    for account in plan.cast:
        await stage.act(Join(account), nursery)
        progress()
    begin = trio.current_time()
    for step in plan.steps:
        if speed is not None:
            await trio.sleep_until(begin + step.offset / speed)
        for action in step.actions:
            await stage.act(action, nursery)
        progress()
