"""The parts of one app's world, made from what all apps share and from what the store had."""

from collections.abc import Callable

from botkit.gateway.accounts import Accounts
from botkit.gateway.attribute_set import AttributeRoom
from botkit.gateway.channels import Channels
from botkit.gateway.kept_channels import KeptChannels
from botkit.gateway.ledger import Ledger
from botkit.gateway.mailboxes import Mailboxes
from botkit.gateway.quota import Quota
from botkit.gateway.shared import Shared
from botkit.stores.changes import Snapshot
from botkit.types import Account, AppId


def open_accounts(app: AppId, shared: Shared, snapshot: Snapshot) -> Accounts:
    """Its accounts, with the numbers that they have."""
    uids = {account: uid for (owner, account), uid in snapshot.accounts.items() if owner == app}
    room = _attribute_room(shared, "user", depth=2, each=shared.settings.answer_bytes)
    return Accounts(app, shared.journal, uids, room, shared.settings.changes_per_second)


def open_channels(app: AppId, shared: Shared) -> Channels:
    """Its channels; the store's come with ``load``."""
    settings, refused = shared.settings, shared.counters.refused_attributes
    return Channels(
        app,
        room=_attribute_room(shared, "channel", depth=1, each=settings.answer_bytes // 2),
        kept=KeptChannels(together=settings.channels, by_account=settings.channels_per_account, refused=refused),
        longest_ttl=settings.channel_ttl,
        histories=shared.histories,
        journal=shared.journal,
        counters=shared.counters,
        timers=shared.timers,
        clock=shared.clock,
        marks=shared.marks,
    )


def open_mailboxes(app: AppId, shared: Shared, known: Callable[[Account], bool]) -> Mailboxes:
    """Its inboxes, of which ``known`` accounts have theirs for ever."""
    settings = shared.settings
    return Mailboxes(
        app,
        shared.journal,
        shared.counters,
        limit=settings.inbox_limit,
        quota=Quota(settings.inbox_bytes, settings.inbox_bytes_per_sender),
        page_bytes=settings.answer_bytes,
        known=known,
    )


def open_ledger(app: AppId, shared: Shared, snapshot: Snapshot) -> Ledger:
    """Its ledger, where that stands."""
    settings = shared.settings
    return Ledger(
        app,
        snapshot.ledgers.get(app),
        shared.store,
        journal=shared.journal,
        clock=shared.clock,
        page_bytes=settings.answer_bytes,
        keep_events=settings.ledger_events,
        keep_bytes=settings.ledger_bytes,
        keep_seconds=settings.ledger_days * 86_400,
        cut=shared.counters.cut_ledgers,
    )


def _attribute_room(shared: Shared, owner: str, *, depth: int, each: int) -> AttributeRoom:
    settings = shared.settings
    quota = Quota(settings.attribute_bytes, settings.attribute_bytes_per_account)
    return AttributeRoom(owner, quota, depth=depth, each=each, refused=shared.counters.refused_attributes)
