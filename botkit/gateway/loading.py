"""A hub's start: from what the store had to where the app stood."""

from botkit.gateway.auth import check_session
from botkit.gateway.hub import Hub
from botkit.gateway.session import Session
from botkit.stores.changes import SessionSnapshot, Snapshot
from botkit.types import Account, AppId, ChannelName
from botkit.wire.limits import SPECIAL_CHANNELS


def load_hub(hub: Hub, app: AppId, snapshot: Snapshot) -> None:
    """Take over ``app``'s part of ``snapshot``.

    Sessions whose clients come back are where they were, and are waited for; of the others it is told that they are
    gone. So are those that today's configuration would not let in as what they were: without their certificate, or
    without the name or token that made them servers. Their clients have to log in.
    """
    for (owner, account), values in snapshot.user_attributes.items():
        if owner == app:
            hub.accounts.load_attributes(account, values)
    _load_channels(hub, app, snapshot)
    for (owner, account), inbox in snapshot.inboxes.items():
        if owner == app:
            hub.mailboxes.load(account, inbox)
    for sanction in snapshot.sanctions:
        if sanction.app == app:
            hub.sanctions.load(sanction)
    for (owner, _), hold in snapshot.holds.items():
        if owner == app:
            hub.holds.load(hold)
    for (owner, account), session in snapshot.sessions.items():
        if owner == app:
            _load_session(hub, account, session)
    _load_put_out(hub, app, snapshot)


def _load_channels(hub: Hub, app: AppId, snapshot: Snapshot) -> None:
    for (owner, channel), values in snapshot.channel_attributes.items():
        if owner == app:
            loaded = hub.channels.load(channel, values, snapshot.emptied.get((owner, channel), 0))
            hub.attributes.resume(loaded)


def _load_put_out(hub: Hub, app: AppId, snapshot: Snapshot) -> None:
    for (owner, channel), accounts in snapshot.put_out.items():
        if owner == app:
            hub.channels.load_put_out(channel, accounts)


def _load_session(hub: Hub, account: Account, snapshot: SessionSnapshot) -> None:
    session = Session(
        AppId(hub.app.id), account, hub.accounts.uid_of(account), hub.accounts.rate_of(account), snapshot.line
    )
    server = check_session(hub.app, account, snapshot.line, snapshot.proof, hub.clock.seconds())
    allowed = server is not None and server >= snapshot.server
    session.server, session.resumable = bool(server), snapshot.resumable
    session.botkit = snapshot.resumable
    hub.sessions.restore(session, snapshot.expires_ms)
    if snapshot.resumable and allowed:
        if snapshot.channel:
            hub.channels.restore(session, hub.channels.open(ChannelName(snapshot.channel)))
        hub.await_return(session)
        return
    hub.sessions.close(session)
    reason = "crashed" if allowed else "expired"
    if snapshot.channel and snapshot.channel not in SPECIAL_CHANNELS:
        hub.presence.left(account, session.uid, snapshot.channel, reason)
    hub.presence.offline(account, session.uid, reason)
