"""Mutes: accounts whose messages are refused, in one channel or in all, for a time or until lifted."""

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.clock import WallClock
from botkit.gateway.journal import Journal
from botkit.stores.changes import MuteLifted, MuteSet
from botkit.types import Account, AppId

EVERYWHERE = ""


class Mutes:
    """The mutes of one app. A timed one lapses by itself, also across a restart."""

    def __init__(self, app: AppId, journal: Journal, clock: WallClock) -> None:
        self._app, self._journal, self._clock = app, journal, clock
        self._mutes: dict[tuple[Account, str], MuteSet] = {}

    def load(self, mute: MuteSet) -> None:
        """Take over what the store had."""
        self._mutes[mute.account, mute.channel] = mute

    def mute(self, account: Account, channel: str, seconds: float, reason: str) -> None:
        """Refuse the account's messages in ``channel`` (``""``: everywhere) for ``seconds`` (0: until lifted)."""
        until = self._clock.ms() + int(seconds * 1000) if seconds else 0
        mute = MuteSet(app=self._app, account=account, channel=channel, until_ms=until, reason=reason)
        self._journal.append(mute)
        self._mutes[account, channel] = mute

    def lift(self, account: Account, channel: str) -> None:
        """Let the account speak again. Raises ``SignalingError`` when it was not muted there."""
        if self._in_force(account, channel) is None:
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"{account} is not muted there")
        self._drop(account, channel)

    def check(self, account: Account, channel: str) -> None:
        """Raises ``SignalingError`` (400) with the reason when ``account`` may not speak in ``channel``."""
        if not self._mutes:
            return
        mute = self._in_force(account, EVERYWHERE) or self._in_force(account, channel)
        if mute is not None:
            why = f": {mute.reason}" if mute.reason else ""
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, f"muted{why}")

    def _in_force(self, account: Account, channel: str) -> MuteSet | None:
        mute = self._mutes.get((account, channel))
        if mute is not None and mute.until_ms and mute.until_ms <= self._clock.ms():
            self._drop(account, channel)
            return None
        return mute

    def _drop(self, account: Account, channel: str) -> None:
        del self._mutes[account, channel]
        self._journal.append(MuteLifted(app=self._app, account=account, channel=channel))
