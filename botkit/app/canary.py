"""The canary: a session that comes and goes, so that it shows whether feeds and bots really receive.

"Logged in" is what a session believes. What a bot needs is that events come through: from the gateway through the
special channels and the sessions' readers to the dispatcher. So every few seconds the canary logs in under an account
of its own, enters a channel of its own and leaves (each feed must tell that), sends every bot a message (each
must hear it), and logs out. Bots' handlers see nothing of it.
"""

import math
from collections.abc import Callable, Sequence

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.accounts import FEED_PREFIX, canary_account
from botkit.app.meters import AppMeters
from botkit.app.sessions import SessionOpener
from botkit.errors import SignalingError
from botkit.signaling import LoginSession
from botkit.types import Account

CANARY_SECONDS = 10.0
DEAF_AFTER = 2.5
"""Rounds without a sign of life, after which somebody counts as deaf: 25 s by default."""

CHANNEL = f"{FEED_PREFIX}canary"
TEXT = "botkit canary"

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class Canary:
    """Sings every ``seconds``, and knows who heard it when.

    ``feeds`` gives the names of the feeds that must tell its coming; ``bots`` the accounts that must hear its
    message, by the title of the bot; both as they are at the time.
    """

    def __init__(
        self,
        opener: SessionOpener,
        owner: str,
        feeds: Callable[[], Sequence[str]],
        bots: Callable[[], Sequence[tuple[str, Account]]],
        meters: AppMeters,
        *,
        seconds: float = CANARY_SECONDS,
    ) -> None:
        self.account = canary_account(owner)
        self.seconds = seconds
        self._opener, self._feeds, self._bots, self._meters = opener, feeds, bots, meters
        self._heard: dict[str, float] = {}
        self._listens_since: dict[str, float] = {}
        self._began: float | None = None
        self._trouble = "it has not sung yet"
        self._pause = trio.CancelScope()
        self._judged_from = -math.inf

    def sing_every(self, seconds: float) -> None:
        """Sing at another pace from now on. Whether it is heard at that pace is judged from now on, too."""
        if seconds == self.seconds:
            return
        self.seconds, self._judged_from = seconds, trio.current_time()
        self._pause.deadline = min(self._pause.deadline, self._judged_from + seconds)

    def heard_by_feed(self, feed: str) -> None:
        """The feed has told of the canary."""
        self._heard[f"feed {feed}"] = trio.current_time()

    def heard_by_bot(self, title: str) -> None:
        """The bot's session has got the canary's message, and its dispatcher takes events."""
        self._heard[f"bot {title}"] = trio.current_time()

    def deaf(self) -> list[str]:
        """Who has not heard the canary for ``DEAF_AFTER`` rounds, and why it does not sing; empty when all have.

        Those who were there when it began must have heard it once. Who came later has as long for that as the others
        have between two times: one new bot does not make the whole process unready.
        """
        now = trio.current_time()
        if self._began is None:
            return ["canary: it has not sung yet"]
        self._note_listeners(now)
        limit = DEAF_AFTER * self.seconds
        deaf = [
            name
            for name, since in self._listens_since.items()
            if now - max(self._heard.get(name, since), self._judged_from) > limit
        ]
        ages = {name: now - self._heard[name] for name in deaf if name in self._heard}
        told = [f"{name}: has heard nothing for {ages[name]:.0f} s" for name in deaf if name in ages]
        told += [f"{name}: has heard nothing yet" for name in deaf if name not in ages]
        return told + ([f"canary: {self._trouble}"] if told and self._trouble else [])

    async def run(self) -> None:
        """Sing until cancelled. What keeps it from singing is logged when it changes, counted, and told by ``deaf``."""
        while True:
            begin = trio.current_time()
            self._note_listeners(-math.inf if self._began is None else trio.current_time())
            trouble = await self._sing()
            if trouble and trouble != self._trouble:
                _log.warning("the canary cannot sing: whether bots receive is not known", problem=trouble)
            if trouble:
                self._meters.canary_failures.add()
            self._trouble, self._began = trouble, trio.current_time() if self._began is None else self._began
            with trio.CancelScope(deadline=begin + self.seconds) as self._pause:
                await trio.sleep_forever()

    def _note_listeners(self, now: float) -> None:
        """Who is to hear it, and since when; who is gone, and perhaps comes again, begins anew."""
        names = [f"feed {feed}" for feed in self._feeds()] + [f"bot {title}" for title, _ in self._bots()]
        self._listens_since = {name: self._listens_since.get(name, now) for name in names}
        self._heard = {name: heard for name, heard in self._heard.items() if name in self._listens_since}

    async def _sing(self) -> str:
        with trio.move_on_after(self.seconds) as patience:
            try:
                async with self._opener.open(self.account) as session:
                    await self._sing_in(session)
            except SignalingError as error:
                return str(error)
        return f"a round took more than {self.seconds:g} s" if patience.cancelled_caught else ""

    async def _sing_in(self, session: LoginSession) -> None:
        channel = await session.join(CHANNEL)
        await channel.leave()
        for _, account in self._bots():
            await session.send_instant(account, TEXT, ttl=0)
