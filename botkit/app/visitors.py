"""Plays the demo's cast: each visitor's script (see ``visitor_script``) through real sessions, told in the log."""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.visitor_script import Join, Leave, LogIn, LogOut, MakeCall, Say, Step, Tell, Visitor, visits
from botkit.errors import BotkitError
from botkit.events import CallEnded, CallMessageReceived, ChannelMessage, Event, InstantMessage, LoggedOut
from botkit.signaling.session import LoginSession
from botkit.signaling.signal import Signal
from botkit.types import Account, ChannelName
from botkit.wire.limits import NO_TOKEN

QUIET_SECONDS = 2.0
"""After the last step of a round, for what others make of it."""

TokenFor: TypeAlias = Callable[[Account], str]


async def run_visitors(
    signal: Signal,
    visitors: Sequence[Visitor],
    *,
    repeat_seconds: float = 0,
    token_for: TokenFor | None = None,
    log: FilteringBoundLogger | None = None,
) -> None:
    """Plays the visitors' scripts side by side, through sessions of ``signal``.

    Without ``repeat_seconds`` it returns when all have logged out by their scripts; who does not stays, quietly,
    until the cancel. With it, a round is played every so many seconds, until the cancel; at its end those that are
    still there log out. What the service refuses (a message of a muted visitor, a call) is logged, and the script
    goes on. The log tells what each does and is told, what others than the cast say in its channel, and when it will
    be quiet until the next round. A cancel leaves no session behind.
    """
    log = log or structlog.get_logger()
    cast = frozenset(visitor.account for visitor in visitors)
    while True:
        began = trio.current_time()
        until = began + repeat_seconds if repeat_seconds else math.inf
        async with trio.open_nursery() as nursery:
            for visitor in visitors:
                player = _Player(signal, visitor, cast, token_for, log.bind(visitor=visitor.account))
                nursery.start_soon(player.play, began, until)
            if visitors and repeat_seconds:
                nursery.start_soon(_tell_quiet, visitors, began, until, log)
        if not repeat_seconds:
            return
        await trio.sleep_until(until)


async def _tell_quiet(visitors: Sequence[Visitor], began: float, until: float, log: FilteringBoundLogger) -> None:
    """Say that nothing has gone wrong when nothing happens any more, and what could be tried meanwhile."""
    last = max(visitor.steps[-1].at for visitor in visitors)
    await trio.sleep_until(began + last + QUIET_SECONDS)
    if trio.current_time() >= until:
        return
    channels = (step.channel for visitor in visitors for step in visitor.steps if isinstance(step, Join))
    join_in = f"botkit chat --account you --channel {next(channels, 'lobby')}"
    log.info("visitors rest", next_round_in=round(until - trio.current_time()), join_in=join_in)


class _Player:
    """Plays one visitor's script."""

    def __init__(
        self,
        signal: Signal,
        visitor: Visitor,
        cast: frozenset[str],
        token_for: TokenFor | None,
        log: FilteringBoundLogger,
    ) -> None:
        self._signal, self._visitor, self._cast = signal, visitor, cast
        self._token_for, self._log = token_for, log

    async def play(self, began: float, until: float) -> None:
        """The script, whose time 0 is ``began`` on trio's clock; who has not logged out stays ``until`` then."""
        for visit in visits(self._visitor.steps):
            await trio.sleep_until(began + visit[0].at)
            try:
                await self._visit(visit, began, until)
            except BotkitError as error:
                self._log.warning("visitor cannot go on", problem=str(error))

    async def _visit(self, steps: Sequence[Step], began: float, until: float) -> None:
        account = Account(self._visitor.account)
        token = self._token_for(account) if self._token_for else NO_TOKEN
        async with self._signal.open_session(account, token) as session, trio.open_nursery() as nursery:
            self._log.info("visitor logs in")
            nursery.start_soon(self._listen, session)
            for step in steps:
                await trio.sleep_until(began + step.at)
                try:
                    await self._take(step, session)
                except BotkitError as error:
                    self._log.info("visitor is refused", step=step.__struct_config__.tag, problem=str(error))
            if not isinstance(steps[-1], LogOut):
                await trio.sleep_until(until)
            nursery.cancel_scope.cancel()
        self._log.info("visitor logs out")

    async def _take(self, step: Step, session: LoginSession) -> None:
        match step:
            case Join(channel=channel):
                await session.join(ChannelName(channel))
                self._log.info("visitor joins", channel=channel)
            case Say(text=text):
                if session.channel is not None:
                    self._log.info("visitor says", channel=session.channel.name, text=text)
                    await session.channel.send(text)
            case Tell(account=account, text=text):
                self._log.info("visitor tells", account=account, text=text)
                await session.send_instant(Account(account), text)
            case MakeCall():
                await self._call(step, session)
            case Leave():
                if session.channel is not None:
                    self._log.info("visitor leaves", channel=session.channel.name)
                    await session.channel.leave()
            case LogIn() | LogOut():
                pass  # a visit begins and ends with its session

    async def _call(self, step: MakeCall, session: LoginSession) -> None:
        self._log.info("visitor calls", account=step.account, channel=step.channel)
        call = await session.invite(ChannelName(step.channel), Account(step.account))
        try:
            await call.wait_answer()
            self._log.info("visitor is connected", account=step.account)
            for digit in step.press:
                await trio.sleep(step.pause_seconds)
                self._log.info("visitor presses", digit=digit)
                await call.press(digit)
            with trio.move_on_after(step.hang_up_after):
                await call.wait_ended()
        finally:
            await call.end()

    async def _listen(self, session: LoginSession) -> None:
        async for event in session.events():
            self._log_event(event)

    def _log_event(self, event: Event) -> None:
        match event:
            case InstantMessage(account=account, text=text):
                self._log.info("visitor is told", by=account, text=text)
            case ChannelMessage(account=account, channel=channel, text=text) if account not in self._cast:
                self._log.info("visitor hears", by=account, channel=channel, text=text)
            case CallEnded(peer=peer, by_peer=by_peer):
                who = peer if by_peer else self._visitor.account
                self._log.info("visitor's call is over", peer=peer, hung_up_by=who)
            case CallMessageReceived(peer=peer, extra=extra):
                self._log.info("visitor is told in the call", by=peer, extra=extra)
            case LoggedOut(code=code):
                self._log.info("visitor is logged out", code=int(code))
            case _:
                pass
