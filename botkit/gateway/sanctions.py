"""Mutes and bans: what moderators hold against accounts, for a time or until lifted."""

from collections.abc import Iterator

from botkit.clock import WallClock
from botkit.errors import ErrorCode, LoginFailed, SendFailed, SignalingError
from botkit.gateway.journal import Journal
from botkit.stores.changes import SanctionKind, SanctionLifted, SanctionSet
from botkit.types import Account, AppId
from botkit.wire.admin import ban_text

EVERYWHERE = ""

_Key = tuple[SanctionKind, Account, str]


class Sanctions:
    """The sanctions of one app. A timed one lapses by itself, on time, also across a restart."""

    def __init__(self, app: AppId, journal: Journal, clock: WallClock) -> None:
        self._app, self._journal, self._clock = app, journal, clock
        self._sanctions: dict[_Key, SanctionSet] = {}

    def load(self, sanction: SanctionSet) -> None:
        """Take over what the store had."""
        self._sanctions[sanction.kind, sanction.account, sanction.channel] = sanction

    def impose(
        self, kind: SanctionKind, account: Account, channel: str, *, seconds: float, reason: str, moderator: Account
    ) -> None:
        """Put a sanction in force for ``seconds`` (0: until lifted), in place of one of the same kind and channel."""
        sanction = SanctionSet(
            app=self._app,
            kind=kind,
            account=account,
            channel=channel,
            until_ms=self._clock.ms() + int(seconds * 1000) if seconds else 0,
            reason=reason,
            moderator=moderator,
        )
        self._journal.append(sanction)
        self._sanctions[kind, account, channel] = sanction

    def lift(self, kind: SanctionKind, account: Account, channel: str) -> None:
        """End a sanction. Raises ``SignalingError`` when there is none."""
        if self._in_force(kind, account, channel) is None:
            where = f" in {channel}" if channel else ""
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"no {kind} of {account}{where} is in force")
        self._drop((kind, account, channel), promise=True)

    def in_force(self) -> Iterator[SanctionSet]:
        """All sanctions that hold now."""
        for key in list(self._sanctions):
            sanction = self._in_force(*key)
            if sanction is not None:
                yield sanction

    def tidy(self) -> None:
        """Let go of the sanctions that have lapsed."""
        for key in list(self._sanctions):
            self._in_force(*key)

    def check_send(self, account: Account, channel: str) -> None:
        """Raises ``SendFailed`` (400) with the reason when ``account`` may not speak in ``channel``."""
        if not self._sanctions:
            return
        mute = self._in_force("mute", account, EVERYWHERE) or self._in_force("mute", account, channel)
        if mute is not None:
            raise SendFailed(ErrorCode.SENDMESSAGE_E_OTHER, _words("muted", mute))

    def check_login(self, account: Account) -> None:
        """Raises ``LoginFailed`` (202) with the reason when ``account`` is banned."""
        ban = self._in_force("ban", account, EVERYWHERE)
        if ban is not None:
            raise LoginFailed(ErrorCode.LOGIN_E_FAILED, ban_text(ban.reason))

    def _in_force(self, kind: SanctionKind, account: Account, channel: str) -> SanctionSet | None:
        sanction = self._sanctions.get((kind, account, channel))
        if sanction is not None and sanction.until_ms and sanction.until_ms <= self._clock.ms():
            self._drop((kind, account, channel), promise=False)
            return None
        return sanction

    def _drop(self, key: _Key, *, promise: bool) -> None:
        kind, account, channel = key
        lifted = SanctionLifted(app=self._app, kind=kind, account=account, channel=channel)
        self._journal.append(lifted, promise=promise)
        del self._sanctions[key]


def _words(what: str, sanction: SanctionSet) -> str:
    return f"{what}: {sanction.reason}" if sanction.reason else what
