"""What a server account can do about others. The vendor's API has no verbs for it; these are botkit's own."""

from botkit.signaling import checks
from botkit.signaling import moderation_effects as effects
from botkit.signaling.moderation_effects import Verdict
from botkit.signaling.outgoing import Outgoing
from botkit.signaling.requests import Requests
from botkit.wire import admin
from botkit.wire.admin import LedgerPage, OnlineAccount, Sanction, SnapshotPage
from botkit.wire.replies import Ok


class Moderation:
    """The verbs of ``LoginSession`` that need a server account.

    All raise ``RequestFailed``: 1001 when the gateway refuses, also because this account is no server account; 1002
    when no answer came: then it may have been carried out. What is imposed is in force until its time is over or
    it is lifted, and survives a restart of the gateway.
    """

    def __init__(self, requests: Requests, outgoing: Outgoing) -> None:
        self._requests, self._outgoing = requests, outgoing

    async def mute(self, account: str, *, channel: str = "", seconds: float = 0, reason: str = "") -> None:
        """Have the gateway refuse an account's messages (400) and all else with words, in ``channel`` or everywhere.

        For ``seconds`` (at most ten years), or until lifted when that is 0; ``reason`` is at most 256 bytes. What it
        stops in all stands at ``botkit.wire.admin.Mute``.
        """
        checks.check_account(account)
        _check_scope(channel)
        checks.check_sanction(seconds, reason)
        await self._outgoing.act(effects.Mute(account=account, channel=channel, seconds=seconds, reason=reason), Ok)

    async def unmute(self, account: str, *, channel: str = "") -> None:
        """Lift the mute of an account in ``channel``, or the one for everywhere."""
        checks.check_account(account)
        _check_scope(channel)
        await self._outgoing.act(effects.Unmute(account=account, channel=channel), Ok)

    async def ban(self, account: str, *, seconds: float = 0, reason: str = "") -> None:
        """End an account's session and have its logins refused (202); ``seconds`` and ``reason`` as in ``mute``.

        A botkit session takes a ban for final: it ends with 100 and the reason, and does not come back by itself.
        """
        checks.check_account(account)
        checks.check_sanction(seconds, reason)
        await self._outgoing.act(effects.Ban(account=account, seconds=seconds, reason=reason), Ok)

    async def unban(self, account: str) -> None:
        """Lift the ban of an account."""
        checks.check_account(account)
        await self._outgoing.act(effects.Unban(account=account), Ok)

    async def kick(self, account: str, channel: str, *, reason: str = "") -> None:
        """Put an account out of a channel (601); it may join again."""
        checks.check_account(account)
        checks.check_channel(channel)
        checks.check_reason(reason)
        await self._outgoing.act(effects.Kick(account=account, channel=channel, reason=reason), admin.Kicked)

    async def close_channel(self, channel: str, *, reason: str = "") -> int:
        """Put everybody out of a channel (601) and destroy it; returns how many were in it."""
        checks.check_channel(channel)
        checks.check_reason(reason)
        effect = effects.CloseChannel(channel=channel, reason=reason)
        return (await self._outgoing.act(effect, admin.Kicked)).count

    async def list_sanctions(self, account: str = "") -> tuple[Sanction, ...]:
        """All mutes, bans and holds in force, or those of one account, in the order of account, channel and kind.

        A hold has no account; its ``moderator`` is who judges.

        They come in pages of up to 1,000, each true when it was read.
        """
        if account:
            checks.check_account(account)
        sanctions: list[Sanction] = []
        more = True
        while more:
            last = sanctions[-1] if sanctions else None
            after = (last.account, last.channel, last.kind) if last else ("", "", "")
            request = admin.ListSanctions(account=account, after=after)
            page = await self._requests.ask(request, admin.SanctionList)
            sanctions.extend(page.sanctions)
            more = page.more and bool(page.sanctions)
        return tuple(sanctions)

    async def list_online(self) -> list[OnlineAccount]:
        """Who is online and where, without the vendor's limit of 200; pages of 5,000, each true when it was read."""
        online: list[OnlineAccount] = []
        more = True
        while more:
            after = online[-1].account if online else ""
            page = await self.read_online(after)
            online.extend(page.sessions)
            more = page.more and bool(page.sessions)
        return online

    async def read_online(self, after: str = "") -> SnapshotPage:
        """A page of who is online and where: up to 5,000 accounts in alphabetical order, those behind ``after``.

        It says up to which event of the ledger it is true, for a reader who goes on with what the special channels
        tell: their events up to ``page.seq`` of ``page.epoch`` are in it already, for the accounts of the page.
        """
        if after:
            checks.check_account(after, "after")
        return await self._requests.ask(admin.Snapshot(after=after), SnapshotPage)

    async def hold(self, channel: str, *, budget: float = 1.0, open_on_silence: bool = True) -> None:
        """Have a channel's messages come here first, as ``MessageHeld``; each waits for ``judge``.

        For ``budget`` seconds (0.01 to 10): after that ``open_on_silence`` delivers it, otherwise its sender gets 400.
        """
        checks.check_channel(channel)
        checks.check_budget(budget)
        effect = effects.Hold(channel=channel, budget_ms=round(budget * 1000), open_on_silence=open_on_silence)
        await self._outgoing.act(effect, Ok)

    async def release(self, channel: str) -> None:
        """Lift the hold on a channel; what waits is delivered."""
        checks.check_channel(channel)
        await self._outgoing.act(effects.Release(channel=channel), Ok)

    async def judge(self, number: int, action: Verdict, *, text: str = "", reason: str = "") -> None:
        """The verdict on the held message ``number``: ``deliver`` it, ``replace`` it by ``text``, or ``drop`` it.

        The sender of a dropped message gets 400 with ``reason``. Refused (1001) when its time is over, and when it was
        dropped meanwhile, for a mute, kick or ban of its sender: then the reason says so.
        """
        checks.check_message(text)
        checks.check_reason(reason)
        await self._outgoing.act(effects.Judge(number=number, action=action, text=text, reason=reason), Ok)

    async def read_ledger(self, epoch: str = "", after: int = 0, *, limit: int = 500) -> LedgerPage:
        """Events of the app's ledger behind a cursor, at most ``limit`` (1 to 1,000); from the beginning without one.

        ``gap`` says what of it is gone; the reader has caught up when it has seen the number ``last``.
        """
        checks.check_limit(limit)
        return await self._requests.ask(admin.ReadLedger(epoch=epoch, after=after, limit=limit), LedgerPage)


def _check_scope(channel: str) -> None:
    if channel:
        checks.check_channel(channel)
