"""Admin requests: what the vendor's API has no verb for and a moderator needs. Server accounts only."""

import heapq
from collections.abc import Iterator

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.handlers import refuse_if
from botkit.gateway.holds import Verdict
from botkit.gateway.hub import Hub
from botkit.gateway.sanctions import EVERYWHERE, reason_text
from botkit.gateway.session import Session
from botkit.stores.changes import SanctionKind
from botkit.types import Account, ChannelName
from botkit.wire import admin as ask
from botkit.wire.limits import SPECIAL_CHANNELS, account_violation, channel_violation, message_violation
from botkit.wire.replies import OK, Ok, fitting


def mute(hub: Hub, session: Session, request: ask.Mute) -> Ok:
    """Refuse an account's words from now on, and those that wait for a moderator."""
    _check(request.account, request.channel, request.reason)
    _impose(hub, session, "mute", request, request.channel)
    channel = ChannelName(request.channel) if request.channel != EVERYWHERE else None
    hub.holds.drop(reason_text("muted", request.reason), sender=Account(request.account), channel=channel)
    return OK


def unmute(hub: Hub, session: Session, request: ask.Unmute) -> Ok:
    """Let an account speak again."""
    _check(request.account, request.channel)
    hub.sanctions.lift("mute", Account(request.account), request.channel)
    _note_sanction(hub, session, "unmute", request.account, request.channel)
    return OK


def ban(hub: Hub, session: Session, request: ask.Ban) -> Ok:
    """Refuse an account's logins from now on; the session that it has ends."""
    _check(request.account, reason=request.reason)
    if request.account == session.account:
        raise SignalingError(ErrorCode.GENERAL_E_WRONG_PARAM, "nobody bans themselves")
    _impose(hub, session, "ban", request, EVERYWHERE)
    hub.holds.drop(ask.ban_text(request.reason), sender=Account(request.account))
    hub.banish(Account(request.account), request.reason)
    return OK


def unban(hub: Hub, session: Session, request: ask.Unban) -> Ok:
    """Let an account log in again."""
    _check(request.account)
    hub.sanctions.lift("ban", Account(request.account), EVERYWHERE)
    _note_sanction(hub, session, "unban", request.account, EVERYWHERE)
    return OK


def kick(hub: Hub, session: Session, request: ask.Kick) -> ask.Kicked:
    """Put an account out of a channel. Refused when it is not in there."""
    _check(request.account, request.channel, request.reason)
    target = hub.session_of(Account(request.account))
    if target is None or target.channel != request.channel or request.channel in SPECIAL_CHANNELS:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"{request.account} is not in {request.channel}")
    data = {"moderator": session.account, "why": request.reason}
    hub.ledger.append("kick", target.account, target.uid, channel=request.channel, data=data)
    channel = ChannelName(request.channel)
    hub.holds.drop(reason_text("kicked", request.reason), sender=target.account, channel=channel)
    hub.channels.shut_out(target)
    hub.expel(target, request.reason)
    return ask.Kicked(count=1)


def close_channel(hub: Hub, session: Session, request: ask.CloseChannel) -> ask.Kicked:
    """Put everybody out of a channel and destroy it."""
    refuse_if(channel_violation(request.channel))
    _check_reason(request.reason)
    if request.channel in SPECIAL_CHANNELS:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, "special channels are never destroyed")
    hub.ledger.append(
        "channel_closed", session.account, session.uid, channel=request.channel, data={"why": request.reason}
    )
    channel = ChannelName(request.channel)
    hub.holds.drop("the channel was closed meanwhile", channel=channel)
    return ask.Kicked(count=hub.close_channel(channel, request.reason))


def list_sanctions(hub: Hub, session: Session, request: ask.ListSanctions) -> ask.SanctionList:
    """A page of what is in force."""
    asked = (
        sanction
        for sanction in _in_force(hub)
        if request.account in ("", sanction.account) and _place(sanction) > request.after
    )
    page = heapq.nsmallest(ask.SANCTION_PAGE + 1, asked, key=_place)
    sanctions = fitting(tuple(page[: ask.SANCTION_PAGE]), hub.settings.answer_bytes)
    return ask.SanctionList(sanctions=sanctions, more=len(page) > len(sanctions))


def snapshot(hub: Hub, session: Session, request: ask.Snapshot) -> ask.SnapshotPage:
    """A page of who is online and where, without the limit of 200."""
    accounts = sorted(account for account in hub.sessions.accounts() if account > request.after)
    page = [hub.session_of(account) for account in accounts[: ask.SNAPSHOT_PAGE]]
    sessions = tuple(
        ask.OnlineAccount(account=online.account, uid=online.uid, channel=online.channel or "")
        for online in page
        if online is not None
    )
    sessions = fitting(sessions, hub.settings.answer_bytes)
    return ask.SnapshotPage(
        sessions=sessions,
        more=len(accounts) > len(sessions),
        ms=hub.clock.ms(),
        epoch=hub.ledger.epoch,
        seq=hub.ledger.last,
        seqs=hub.ledger.last_of_streams(),
    )


def hold(hub: Hub, session: Session, request: ask.Hold) -> Ok:
    """From now on this session judges a channel's messages before anybody sees them."""
    refuse_if(channel_violation(request.channel))
    if not session.botkit:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, "only a botkit client understands held messages")
    if request.channel in SPECIAL_CHANNELS:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, "nobody writes into a special channel")
    hub.holds.set(ChannelName(request.channel), session.account, request.budget_ms, open_on_silence=request.open)
    hub.ledger.append("hold", session.account, session.uid, channel=request.channel, reason="set")
    return OK


def release(hub: Hub, session: Session, request: ask.Release) -> Ok:
    """Let a channel's messages pass again."""
    refuse_if(channel_violation(request.channel))
    hub.holds.lift(ChannelName(request.channel))
    hub.ledger.append("hold", session.account, session.uid, channel=request.channel, reason="lifted")
    return OK


def judge(hub: Hub, session: Session, request: ask.Judge) -> Ok:
    """The verdict on one message."""
    _check_reason(request.reason)
    refuse_if(message_violation(request.text))
    verdicts = {
        "deliver": Verdict(hub.holds.text_of(request.number)),
        "replace": Verdict(request.text),
        "drop": Verdict(None, request.reason),
    }
    hub.holds.judge(session, request.number, verdicts[request.action])
    return OK


async def read_ledger(hub: Hub, _session: Session, request: ask.ReadLedger) -> ask.LedgerPage:
    """Events from a cursor on. This one waits for the store."""
    return await hub.ledger.read(request.epoch, request.after, request.limit)


def _in_force(hub: Hub) -> Iterator[ask.Sanction]:
    for sanction in hub.sanctions.in_force():
        yield ask.Sanction(
            kind=sanction.kind,
            account=sanction.account,
            channel=sanction.channel,
            until_ms=sanction.until_ms,
            reason=sanction.reason,
            moderator=sanction.moderator,
        )
    for hold in hub.holds.in_force():
        yield ask.Sanction(
            kind="hold", account="", channel=hold.channel, until_ms=0, reason="", moderator=hold.moderator
        )


def _place(sanction: ask.Sanction) -> tuple[str, str, str]:
    return sanction.account, sanction.channel, sanction.kind


def _check(account: str, channel: str = EVERYWHERE, reason: str = "") -> None:
    refuse_if(account_violation(account))
    if channel != EVERYWHERE:
        refuse_if(channel_violation(channel))
    _check_reason(reason)


def _impose(hub: Hub, session: Session, kind: SanctionKind, request: ask.Mute | ask.Ban, channel: str) -> None:
    account = Account(request.account)
    sanction = hub.sanctions.impose(
        kind, account, channel, seconds=request.seconds, reason=request.reason, moderator=session.account
    )
    _note_sanction(hub, session, kind, account, channel, why=request.reason, until_ms=sanction.until_ms)


def _note_sanction(
    hub: Hub, session: Session, what: str, account: str, channel: str, *, why: str = "", until_ms: int = 0
) -> None:
    uid = hub.uid_of(Account(account))
    data = {"moderator": session.account, "why": why, "until_ms": str(until_ms)}
    hub.ledger.append("sanction", account, uid, channel=channel, reason=what, data=data)


def _check_reason(reason: str) -> None:
    if len(reason.encode()) > ask.MAX_REASON_BYTES:
        text = f"reason too large: at most {ask.MAX_REASON_BYTES} bytes of UTF-8"
        raise SignalingError(ErrorCode.GENERAL_E_LARGE_PARAM, text)
