"""Mutes and bans: what moderators hold against accounts, for a time or until lifted.

A ban ends the account's session and refuses its logins (202). A mute leaves it in, and takes its words; each request
is refused with the code of its own kind, and with ``muted`` and the moderator's reason for the vendor's clients:

==============================================  =================  ================
what the muted account does                     muted in a channel  muted everywhere
==============================================  =================  ================
writes into a channel, forced or not            400 in that one     400
sets, deletes or clears channel attributes      1001 in that one    1001
sends an instant message                        goes through        400
invites to a call (channel name and extra are   goes through        700
text that the peer is shown), presses digits
accepts, refuses or ends a call                 goes through        its extra is left out
sets attributes of its own                      goes through        1001
joins, leaves, asks, reads, hears others        goes through        goes through
==============================================  =================  ================

What it said before stays said: messages in inboxes, invitations that ring. What a moderator holds of it is dropped
with 400 (``botkit.gateway.holds``), by a kick and a ban, too.
"""

from collections.abc import Iterator

from botkit.clock import WallClock
from botkit.errors import ErrorCode, LoginFailed, SignalingError
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
    ) -> SanctionSet:
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
        return sanction

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

    def check_mute(self, account: Account, channel: str, code: ErrorCode) -> None:
        """Raises ``SignalingError`` (``code``) with the reason when ``account`` is muted in ``channel``, or everywhere.

        With ``EVERYWHERE`` for the channel a mute in a single one does not count.
        """
        text = self.mute_text(account, channel)
        if text:
            raise SignalingError(code, text)

    def mute_text(self, account: Account, channel: str) -> str:
        """What a muted account is told; empty for one that is not."""
        if not self._sanctions:
            return ""
        mute = self._in_force("mute", account, EVERYWHERE) or self._in_force("mute", account, channel)
        return reason_text("muted", mute.reason) if mute is not None else ""

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


def reason_text(what: str, why: str) -> str:
    """What became of somebody, with the moderator's words for it if there are any."""
    return f"{what}: {why}" if why else what
