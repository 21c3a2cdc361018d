"""One real session for every nick that is there."""

from collections.abc import Callable

import trio

from botkit.cli.replay.pacing import Pacer
from botkit.cli.replay.plan import Action, Join, Leave, LogOut, Send
from botkit.cli.replay.tally import Move, Tally
from botkit.errors import ErrorCode, SendFailed, SignalingError
from botkit.signaling import Channel, LoginSession, Signal
from botkit.types import Account, ChannelName

TokenFor = Callable[[Account], str]


class Player:
    """The session of one account, from its login until ``log_out``."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.channel: Channel | None = None
        self._session: LoginSession | None = None
        self._enough = trio.Event()
        self._gone = trio.Event()

    async def run(self, signal: Signal, token: str, *, task_status: trio.TaskStatus[None]) -> None:
        """Log in, say so, and stay until ``log_out``. Raises ``LoginFailed`` before it says so."""
        try:
            async with signal.open_session(self.account, token) as self._session:
                task_status.started()
                await self._enough.wait()
        finally:
            self._gone.set()

    async def join(self, name: ChannelName) -> None:
        """Join the channel. Raises ``JoinFailed``."""
        assert self._session is not None, "run() says when it is logged in"
        self.channel = await self._session.join(name)

    async def log_out(self) -> None:
        """End the session, and wait for that."""
        self._enough.set()
        await self._gone.wait()


class Stage:
    """All players of a replay, and what they do. Refusals are counted in ``tally`` and the show goes on."""

    def __init__(self, signal: Signal, channel: ChannelName, token_for: TokenFor, tally: Tally) -> None:
        self._signal, self._channel, self._token_for, self._tally = signal, channel, token_for, tally
        self._pacer = Pacer()
        self._players: dict[Account, Player] = {}

    async def act(self, action: Action, nursery: trio.Nursery) -> None:
        """Have one session do one thing, and wait until it is answered."""
        match action:
            case Join(account=account):
                await self._join(account, nursery)
            case Leave(account=account):
                await self._leave(account)
            case LogOut(account=account):
                await self._log_out(account)
            case Send(account=account, text=text):
                await self._send(account, text)

    async def close(self) -> None:
        """Log everybody out."""
        async with trio.open_nursery() as nursery:
            for account in list(self._players):
                nursery.start_soon(self._log_out, account)

    async def _join(self, account: Account, nursery: trio.Nursery) -> None:
        player = self._players.get(account)
        try:
            if player is None:
                player = Player(account)
                await nursery.start(player.run, self._signal, self._token_for(account))
                self._players[account] = player
                self._tally.sessions += 1
            self._tally.moves.send(account, Move.JOIN.value)
            try:
                await player.join(self._channel)
            except SignalingError:
                self._tally.moves.withdraw(account, uncertain=False)
                raise
        except SignalingError as error:
            self._tally.refused[error.code] += 1

    async def _leave(self, account: Account) -> None:
        player = self._players.get(account)
        if player is None or player.channel is None:
            return
        channel, player.channel = player.channel, None
        self._tally.moves.send(account, Move.LEAVE.value)
        try:
            await channel.leave()
        except SignalingError as error:
            self._tally.moves.withdraw(account, uncertain=False)
            self._tally.refused[error.code] += 1

    async def _log_out(self, account: Account) -> None:
        player = self._players.pop(account, None)
        if player is None:
            return
        if player.channel is not None:
            self._tally.moves.send(account, Move.LEAVE.value)
        await player.log_out()

    async def _send(self, account: Account, text: str) -> None:
        tally, player = self._tally, self._players.get(account)
        tally.attempted += 1
        if player is None or player.channel is None:  # its login or its join was refused, and counted there
            tally.refused[ErrorCode.GENERAL_E_NOT_LOGIN] += 1
            return
        await trio.sleep_until(self._pacer.free_at(account, trio.current_time()))
        self._pacer.take(account, trio.current_time())
        tally.messages.send(account, text)
        try:
            await player.channel.send(text)
        except SignalingError as error:
            unanswered = isinstance(error, SendFailed) and error.code is ErrorCode.SENDMESSAGE_E_TIMEOUT
            tally.messages.withdraw(account, uncertain=unanswered)
            if unanswered:
                tally.unanswered += 1
            else:
                tally.refused[error.code] += 1
