"""A pool of sessions: one in each live channel that a bot's patterns match, as channels appear and vanish."""

import heapq
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.actor.tree import TreeNode
from botkit.app.live_channels import LiveChannels
from botkit.app.meters import AppMeters
from botkit.app.placement import PoolPlan
from botkit.app.pool_stay import Stay
from botkit.app.sessions import OnEvent, SessionOpener
from botkit.signaling import Gate, LoginSession
from botkit.types import ChannelName

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class Pooling(NamedTuple):
    """What the pools of one app share: where somebody is, and what opens their sessions, at a pace."""

    live: LiveChannels
    opener: SessionOpener

    def through(self, gate: Gate) -> "Pooling":
        """The same for a bot whose sessions have this gate."""
        return Pooling(self.live, self.opener.through(gate))


class Pool:
    """Keeps a session in every channel where somebody is, as far as its accounts reach.

    An account is in one channel at most. It is free again once its session there is over: after the channel has been
    empty for ``linger`` seconds, the bot's own sessions aside. Channels for which there is no account wait for one, in
    the order in which they appeared.
    """

    def __init__(
        self,
        name: str,
        plan: PoolPlan,
        pooling: Pooling,
        on_event: OnEvent,
        meters: AppMeters,
    ) -> None:
        self._name, self._plan, self._meters = name, plan, meters
        self._live, self._opener = pooling
        self._on_event = on_event
        self._free = list(enumerate(plan.accounts))  # a heap, as it is sorted
        self._stays: dict[ChannelName, Stay] = {}
        self._waiting: dict[ChannelName, None] = {}
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        return len(self._stays)

    async def run(self) -> None:
        """Follow the live channels until cancelled; then all sessions of the pool log out, at the same time."""
        try:
            async with trio.open_nursery() as self._nursery:
                with self._live.told_to(self):
                    for channel in self._live.names():
                        self.appeared(channel)
                    await trio.sleep_forever()
        finally:
            self._nursery = None

    def appeared(self, channel: ChannelName) -> None:
        """Somebody is in the channel: go there, or stay."""
        if not self._plan.patterns.matches(channel):
            return
        stay = self._stays.get(channel)
        if stay is not None:
            stay.go_on()
        else:
            self._admit(channel)

    def vanished(self, channel: ChannelName) -> None:
        """Nobody is in the channel any more: leave it after a while."""
        self._waiting.pop(channel, None)
        stay = self._stays.get(channel)
        if stay is not None:
            stay.leave_at(trio.current_time() + self._plan.linger)

    def session_in(self, channel: ChannelName) -> LoginSession | None:
        """The pool's session that is in the channel now."""
        stay = self._stays.get(channel)
        session = None if stay is None else stay.session
        return session if session is not None and _is_in(session, channel) else None

    def stays(self) -> Iterator[Stay]:
        """The stays, now, by when they began."""
        return iter(self._stays.values())

    def channels(self) -> tuple[ChannelName, ...]:
        """The channels that the pool is in."""
        return tuple(channel for channel in self._stays if self.session_in(channel) is not None)

    def node(self) -> TreeNode:
        """The pool and its sessions, for the tree."""
        return TreeNode(
            kind="pool",
            name=self._plan.account,
            state="ended" if self._nursery is None else "running",
            detail=f"{len(self._stays)} of {len(self._plan.accounts)} sessions"
            + (f", {self.waiting} channels left out" if self.waiting else ""),
            children=tuple(stay.node() for stay in self._stays.values()),
        )

    @property
    def waiting(self) -> int:
        """Channels that wait for an account to be free."""
        return len(self._waiting)

    def _admit(self, channel: ChannelName) -> None:
        assert self._nursery is not None
        if self._free:
            number, account = heapq.heappop(self._free)
            stay = self._stays[channel] = Stay(
                account,
                channel,
                self._opener,
                self._on_event,
                on_failure=partial(self._meters.unplanned_ends.add_for, "session"),
            )
            self._nursery.start_soon(self._keep, stay, number, name=f"{account} in {channel}")
        elif channel not in self._waiting:
            self._leave_out(channel)

    def _leave_out(self, channel: ChannelName) -> None:
        if not self._waiting:
            _log.warning(
                "more channels than the pool has sessions: some are left out until others vanish",
                bot=self._name,
                account=self._plan.account,
                sessions=len(self._stays),
                first_left_out=channel,
                hint="raise max_channels, or narrow the patterns",
            )
        self._waiting[channel] = None
        self._meters.pool_channels_left_out.add_for(self._name)

    async def _keep(self, stay: Stay, number: int) -> None:
        await stay.run()
        del self._stays[stay.channel]
        if stay.account_taken:
            self._meters.pool_accounts_lost.add_for(self._name)
        else:
            heapq.heappush(self._free, (number, stay.account))
        if self._waiting and self._free:
            channel = next(iter(self._waiting))
            del self._waiting[channel]
            self._admit(channel)
        if stay.channel in self._live:  # somebody came back meanwhile, or the account was to blame
            self._admit(stay.channel)


def _is_in(session: LoginSession, channel: ChannelName) -> bool:
    return session.channel is not None and session.channel.name == channel
