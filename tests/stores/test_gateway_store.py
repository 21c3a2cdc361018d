"""One suite for every gateway store."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.errors import ConfigError, StoreError
from botkit.stores.changes import SanctionKind
from botkit.stores.gateway import (
    AccountSeen,
    Change,
    ChannelAttributeDeleted,
    ChannelAttributesCleared,
    ChannelAttributeSet,
    ChannelDestroyed,
    ChannelEmptied,
    GatewayStore,
    HoldLifted,
    HoldSet,
    InboxAdvanced,
    InboxSnapshot,
    LedgerAppended,
    LedgerBlock,
    LedgerSlice,
    LedgerSnapshot,
    LedgerStarted,
    LedgerTrimmed,
    MemberPutOut,
    MemoryGatewayStore,
    MessagesAcknowledged,
    MessagesExpired,
    MessageStored,
    PutOutForgotten,
    SanctionLifted,
    SanctionSet,
    SessionClosed,
    SessionMoved,
    SessionOpened,
    SessionSnapshot,
    Snapshot,
    UserAttributeSet,
    check_gateway_store_url,
    open_gateway_store,
)
from botkit.stores.sqlite import open_database
from botkit.types import Account, AppId, ChannelName, Line, Uid

APP, OTHER_APP = AppId("app"), AppId("other")
ANN, BOB = Account("ann"), Account("bob")
LOBBY = ChannelName("lobby")


class Kept:
    """A store that can be closed and opened again, as a gateway does that restarts."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url, self._stack = url, stack
        self._memory: MemoryGatewayStore | None = None
        self.store: GatewayStore

    async def open(self) -> None:
        if self._memory is not None:
            self.store = self._memory
            return
        self.store = await self._stack.enter_async_context(open_gateway_store(self._url))
        if isinstance(self.store, MemoryGatewayStore):
            self._memory = self.store

    async def after(self, *changes: Change) -> Snapshot:
        """What a gateway that starts after ``changes`` finds."""
        await self.store.commit(changes)
        before = await self.store.load()
        await self.store.aclose()
        await self.open()
        after = await self.store.load()
        assert after == before
        return after


@pytest.fixture(params=["memory", "sqlite"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/gateway.db"
    async with AsyncExitStack() as stack:
        kept = Kept(url, stack)
        await kept.open()
        yield kept


async def test_a_new_store_is_empty(kept: Kept) -> None:
    assert await kept.after() == Snapshot()


def test_what_is_durable_says_so(tmp_path: Path) -> None:
    async def durable(url: str) -> bool:
        async with open_gateway_store(url) as store:
            return store.durable

    assert not trio.run(durable, "memory:")
    assert not trio.run(durable, "sqlite://")
    assert trio.run(durable, f"sqlite:///{tmp_path}/gateway.db")


async def test_an_account_keeps_its_uid(kept: Kept) -> None:
    snapshot = await kept.after(
        AccountSeen(app=APP, account=ANN, uid=Uid(1)),
        AccountSeen(app=OTHER_APP, account=ANN, uid=Uid(2**32 - 1)),
        AccountSeen(app=APP, account=ANN, uid=Uid(1)),
    )
    assert snapshot == Snapshot(accounts={(APP, ANN): Uid(1), (OTHER_APP, ANN): Uid(2**32 - 1)})


async def test_user_attributes_are_set_and_set_again(kept: Kept) -> None:
    snapshot = await kept.after(
        UserAttributeSet(app=APP, account=ANN, name="b", value="1"),
        UserAttributeSet(app=APP, account=ANN, name="a", value=""),
        UserAttributeSet(app=APP, account=ANN, name="b", value="größer"),
        UserAttributeSet(app=APP, account=BOB, name="b", value="2"),
    )
    assert snapshot.user_attributes == {(APP, ANN): {"b": "größer", "a": ""}, (APP, BOB): {"b": "2"}}
    assert list(snapshot.user_attributes[APP, ANN]) == ["b", "a"]


async def test_channel_attributes_are_set_deleted_and_cleared(kept: Kept) -> None:
    def put(name: str, value: str) -> Change:
        return ChannelAttributeSet(app=APP, channel=LOBBY, name=name, value=value)

    other = ChannelAttributeSet(app=OTHER_APP, channel=LOBBY, name="a", value="theirs")
    drop = ChannelAttributeDeleted(app=APP, channel=LOBBY, name="a")
    theirs = {(OTHER_APP, LOBBY): {"a": "theirs"}}
    snapshot = await kept.after(put("a", "1"), put("b", "2"), put("a", "3"), other, drop, drop)
    assert snapshot.channel_attributes == theirs | {(APP, LOBBY): {"b": "2"}}
    assert (await kept.after(put("c", "4"), drop)).channel_attributes[APP, LOBBY] == {"b": "2", "c": "4"}
    clear = ChannelAttributesCleared(app=APP, channel=LOBBY)
    assert (await kept.after(clear, clear)).channel_attributes == theirs


async def test_a_channel_is_empty_since_a_time_and_then_not(kept: Kept) -> None:
    def emptied(ms: int) -> Change:
        return ChannelEmptied(app=APP, channel=LOBBY, ms=ms)

    assert (await kept.after(emptied(5), emptied(7))).emptied == {(APP, LOBBY): 7}
    assert (await kept.after(emptied(0))).emptied == {}
    assert (await kept.after(emptied(0))).emptied == {}


async def test_a_destroyed_channel_leaves_only_its_sanctions(kept: Kept) -> None:
    mute = SanctionSet(app=APP, kind="mute", account=ANN, channel=LOBBY, until_ms=0, reason="", moderator=BOB)
    snapshot = await kept.after(
        ChannelAttributeSet(app=APP, channel=LOBBY, name="a", value="1"),
        ChannelEmptied(app=APP, channel=LOBBY, ms=5),
        mute,
        ChannelDestroyed(app=APP, channel=LOBBY),
    )
    assert snapshot == Snapshot(sanctions=[mute])


def stored(version: int, line: str = "msg-v2 a b - instant 1 hello", expires_ms: int = 1000) -> MessageStored:
    return MessageStored(app=APP, account=ANN, version=version, line=line, expires_ms=expires_ms)


async def test_messages_wait_in_order_until_acknowledged(kept: Kept) -> None:
    snapshot = await kept.after(stored(1), stored(2, "two"), stored(3))
    line = stored(1).line
    assert snapshot.inboxes == {
        (APP, ANN): InboxSnapshot(last=3, messages=[(1, line, 1000), (2, "two", 1000), (3, line, 1000)])
    }
    snapshot = await kept.after(MessagesAcknowledged(app=APP, account=ANN, version=2))
    assert snapshot.inboxes == {(APP, ANN): InboxSnapshot(acknowledged=2, last=3, messages=[(3, line, 1000)])}


async def test_versions_are_remembered_when_no_message_is_left(kept: Kept) -> None:
    snapshot = await kept.after(stored(7), MessagesAcknowledged(app=APP, account=ANN, version=7))
    assert snapshot.inboxes == {(APP, ANN): InboxSnapshot(acknowledged=7, last=7)}


async def test_numbers_can_be_used_up_without_a_message(kept: Kept) -> None:
    advanced = InboxAdvanced(app=APP, account=ANN, version=3)
    snapshot = await kept.after(stored(1), advanced, InboxAdvanced(app=APP, account=ANN, version=2))
    assert snapshot.inboxes == {(APP, ANN): InboxSnapshot(last=3, messages=[(1, stored(1).line, 1000)])}


async def test_an_older_acknowledgement_takes_nothing_back(kept: Kept) -> None:
    snapshot = await kept.after(
        stored(1),
        MessagesAcknowledged(app=APP, account=ANN, version=1),
        stored(2),
        MessagesAcknowledged(app=APP, account=ANN, version=0),
    )
    inbox = snapshot.inboxes[APP, ANN]
    assert (inbox.acknowledged, inbox.last, [message[0] for message in inbox.messages]) == (1, 2, [2])


async def test_a_message_stored_twice_waits_once(kept: Kept) -> None:
    snapshot = await kept.after(stored(1), stored(2), stored(1, "again"))
    assert snapshot.inboxes[APP, ANN].messages == [(1, "again", 1000), (2, stored(2).line, 1000)]


async def test_expired_messages_go_in_every_inbox(kept: Kept) -> None:
    bobs = MessageStored(app=OTHER_APP, account=BOB, version=1, line="x", expires_ms=10)
    strangers = MessageStored(app=OTHER_APP, account=ANN, version=1, line="x", expires_ms=10)
    snapshot = await kept.after(
        AccountSeen(app=OTHER_APP, account=BOB, uid=Uid(1)),
        *(stored(1, expires_ms=10), stored(2, expires_ms=11), stored(3, expires_ms=9), bobs, strangers),
        MessagesExpired(ms=10),
    )
    assert snapshot.inboxes == {
        (APP, ANN): InboxSnapshot(last=3, messages=[(2, stored(2).line, 11)]),
        (OTHER_APP, BOB): InboxSnapshot(last=1),
    }


async def test_sanctions_are_set_changed_and_lifted(kept: Kept) -> None:
    def sanction(kind: SanctionKind, channel: str, until_ms: int = 0) -> SanctionSet:
        return SanctionSet(
            app=APP, kind=kind, account=ANN, channel=channel, until_ms=until_ms, reason="spam, spam", moderator=BOB
        )

    snapshot = await kept.after(
        sanction("mute", "lobby"), sanction("mute", ""), sanction("mute", "lobby", 99), sanction("ban", "")
    )
    assert snapshot.sanctions == [sanction("ban", ""), sanction("mute", ""), sanction("mute", "lobby", 99)]
    snapshot = await kept.after(
        SanctionLifted(app=APP, kind="mute", account=ANN, channel=""),
        SanctionLifted(app=APP, kind="ban", account=BOB, channel=""),
    )
    assert snapshot.sanctions == [sanction("ban", ""), sanction("mute", "lobby", 99)]


async def test_sessions_are_kept_with_the_channel_that_they_are_in(kept: Kept) -> None:
    opened = SessionOpened(
        app=APP, account=ANN, line=Line("secret"), server=True, resumable=False, expires_ms=9, proof="p"
    )
    snapshot = await kept.after(
        opened,
        SessionMoved(app=APP, account=ANN, channel="lobby"),
        SessionMoved(app=APP, account=BOB, channel="lobby"),
    )
    held = SessionSnapshot(line=Line("secret"), server=True, resumable=False, expires_ms=9, channel="lobby", proof="p")
    assert snapshot.sessions == {(APP, ANN): held}
    snapshot = await kept.after(SessionClosed(app=APP, account=ANN))
    assert snapshot.sessions == {}


@pytest.mark.row("G06")
@pytest.mark.parametrize(("most_bytes", "events"), [(0, 0), (1, 1), (6, 1), (7, 2), (12, 2), (13, 3), (10**6, 4)])
async def test_ledger_is_read_up_to_so_many_bytes(kept: Kept, most_bytes: int, events: int) -> None:
    """Each text has six bytes, four of them in one letter."""
    for seq in range(1, 6):
        await kept.after(
            LedgerStarted(app=APP, epoch="e1"), LedgerAppended(app=APP, seq=seq, stream="calls", ms=0, text=f"🎺-{seq}")
        )
    read = await kept.store.read_ledger(APP, 1, 9, most_bytes)
    assert [seq for seq, _ in read.events] == [2, 3, 4, 5][:events]


async def test_ledger_tells_its_size_by_blocks(kept: Kept) -> None:
    def event(seq: int, text: str = "x", ms: int = 0) -> LedgerAppended:
        return LedgerAppended(app=APP, seq=seq, stream="calls", ms=ms, text=text)

    snapshot = await kept.after(
        LedgerStarted(app=APP, epoch="e1"), *(event(seq) for seq in range(250, 515)), event(300, "日本", 70)
    )
    assert snapshot.ledgers[APP].blocks == [
        LedgerBlock(first=250, last=255, ms=0, size=6),
        LedgerBlock(first=256, last=511, ms=70, size=255 + 6),
        LedgerBlock(first=512, last=514, ms=0, size=3),
    ]
    snapshot = await kept.after(LedgerTrimmed(app=APP, seq=510, before_ms=0))
    assert snapshot.ledgers[APP].blocks == [
        LedgerBlock(first=511, last=511, ms=0, size=1),
        LedgerBlock(first=512, last=514, ms=0, size=3),
    ]


async def test_ledger_is_read_from_a_cursor_and_forgets_its_oldest(kept: Kept) -> None:
    def event(seq: int, stream: str = "presence") -> LedgerAppended:
        return LedgerAppended(app=APP, seq=seq, stream=stream, ms=seq * 10, text=f"event {seq}")

    await kept.after(LedgerStarted(app=APP, epoch="e1"), *(event(seq) for seq in range(1, 6)), event(6, "calls"))
    read = kept.store.read_ledger
    assert await read(APP, 2, 2, 10**6) == LedgerSlice(oldest=1, events=((3, "event 3"), (4, "event 4")))
    assert await read(APP, 6, 2, 10**6) == LedgerSlice(oldest=1, events=())
    assert await read(OTHER_APP, 0, 2, 10**6) == LedgerSlice(oldest=0, events=())
    snapshot = await kept.after(LedgerStarted(app=APP, epoch="another"), LedgerTrimmed(app=APP, seq=2, before_ms=0))
    assert snapshot.ledgers == {
        APP: LedgerSnapshot(
            epoch="e1",
            last=6,
            last_of={"presence": 5, "calls": 6},
            blocks=[LedgerBlock(first=3, last=6, ms=60, size=28)],
        )
    }
    assert (await kept.store.read_ledger(APP, 0, 1, 1)).oldest == 3
    await kept.after(LedgerTrimmed(app=APP, seq=0, before_ms=10_000))
    assert (await kept.store.read_ledger(APP, 0, 9, 1)).events == ((6, "event 6"),), "the newest stays"


async def test_whoever_loads_owns_the_answer(kept: Kept) -> None:
    await kept.store.commit([stored(1)])
    mine = await kept.store.load()
    mine.inboxes[APP, ANN].messages.clear()
    mine.accounts[APP, ANN] = Uid(1)
    assert (await kept.store.load()) == Snapshot(
        inboxes={(APP, ANN): InboxSnapshot(last=1, messages=[(1, stored(1).line, 1000)])}
    )


async def test_a_commit_that_is_cancelled_before_it_begins_leaves_nothing(kept: Kept) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await kept.store.commit([stored(1)])
    assert await kept.store.load() == Snapshot()


_apps = st.sampled_from([APP, OTHER_APP])
_accounts = st.sampled_from([ANN, BOB])
_channels = st.sampled_from([LOBBY, ChannelName("with a blank")])
_names = st.sampled_from(["a", "b", "ä"])
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_numbers = st.integers(0, 6)


STARTS = [LedgerStarted(app=APP, epoch="e1"), LedgerStarted(app=OTHER_APP, epoch="e2")]


def _changes() -> st.SearchStrategy[Change]:
    user, channel = {"app": _apps, "account": _accounts}, {"app": _apps, "channel": _channels}
    sanction = user | {"channel": st.sampled_from(["", "lobby"]), "kind": st.sampled_from(["mute", "ban"])}
    return st.one_of(
        st.builds(AccountSeen, **user, uid=st.integers(0, 2**32).map(Uid)),
        st.builds(UserAttributeSet, **user, name=_names, value=_texts),
        st.builds(ChannelAttributeSet, **channel, name=_names, value=_texts),
        st.builds(ChannelAttributeDeleted, **channel, name=_names),
        st.builds(ChannelAttributesCleared, **channel),
        st.builds(ChannelEmptied, **channel, ms=_numbers),
        st.builds(ChannelDestroyed, **channel),
        st.builds(MemberPutOut, **channel, account=_accounts),
        st.builds(PutOutForgotten, **channel, account=_accounts),
        st.builds(MessageStored, **user, version=st.integers(1, 6), line=_texts, expires_ms=_numbers),
        st.builds(InboxAdvanced, **user, version=_numbers),
        st.builds(MessagesAcknowledged, **user, version=_numbers),
        st.builds(MessagesExpired, ms=_numbers),
        st.builds(
            SessionOpened,
            **user,
            line=_texts,
            server=st.booleans(),
            resumable=st.booleans(),
            expires_ms=_numbers,
            proof=_texts,
        ),
        st.builds(SessionMoved, **user, channel=_texts),
        st.builds(SessionClosed, **user),
        st.builds(LedgerAppended, app=_apps, seq=st.integers(1, 9), stream=_names, ms=_numbers, text=_texts),
        st.builds(LedgerTrimmed, app=_apps, seq=_numbers, before_ms=_numbers),
        st.builds(HoldSet, **channel, moderator=_accounts, budget_ms=_numbers, open_on_silence=st.booleans()),
        st.builds(HoldLifted, **channel),
        st.builds(SanctionSet, **sanction, until_ms=_numbers, reason=_texts, moderator=_accounts),
        st.builds(SanctionLifted, **sanction),
    )


@given(st.lists(st.lists(_changes(), max_size=6), max_size=12))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_all_stores_agree_on_any_history(commits: Sequence[Sequence[Change]]) -> None:
    async def replay(url: str) -> tuple[Snapshot, list[LedgerSlice]]:
        async with open_gateway_store(url) as store:
            await store.commit(STARTS)
            for changes in commits:
                await store.commit(changes)
            slices = [
                await store.read_ledger(app, after, 3, most_bytes)
                for app in (APP, OTHER_APP)
                for after in (0, 4)
                for most_bytes in (0, 1, 5)
            ]
            return await store.load(), slices

    (memory, memory_slices), (sqlite, sqlite_slices) = trio.run(replay, "memory:"), trio.run(replay, "sqlite://")
    assert memory == sqlite
    assert memory_slices == sqlite_slices
    assert [list(names) for names in memory.channel_attributes.values()] == [
        list(sqlite.channel_attributes[key]) for key in memory.channel_attributes
    ]


@given(st.lists(_changes(), max_size=10))
@settings(deadline=None)
def test_the_same_change_twice_is_as_good_as_once(changes: Sequence[Change]) -> None:
    async def replay(times: int) -> Snapshot:
        store = MemoryGatewayStore()
        await store.commit(STARTS)
        for change in changes:
            await store.commit([change] * times)
        return await store.load()

    assert trio.run(replay, 1) == trio.run(replay, 2)


@pytest.mark.parametrize("url", ["", "memory", "redis://localhost", "sqlite:/x", "/var/gateway.db"])
def test_another_url_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        check_gateway_store_url(url)


async def test_a_row_that_no_gateway_wrote_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with open_gateway_store(url) as store:
        await store.commit([AccountSeen(app=APP, account=ANN, uid=Uid(1))])
    async with open_database(url) as database:
        await database.execute("UPDATE gateway_accounts SET uid = 'one'")
    async with open_gateway_store(url) as store:
        with pytest.raises(StoreError, match="gateway_accounts"):
            await store.load()


async def test_a_file_of_an_earlier_version_gets_what_it_lacks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    earlier = """CREATE TABLE gateway_sessions (
        app TEXT NOT NULL, account TEXT NOT NULL, line TEXT NOT NULL, server INTEGER NOT NULL,
        resumable INTEGER NOT NULL, expires_ms INTEGER NOT NULL, channel TEXT NOT NULL, PRIMARY KEY (app, account))"""
    async with open_database(url, [earlier]) as database:
        await database.execute("INSERT INTO gateway_sessions VALUES ('app', 'ann', 'secret', 1, 1, 9, 'lobby')")
    for _ in range(2):
        async with open_gateway_store(url) as store:
            sessions = (await store.load()).sessions
            ann = SessionSnapshot(line=Line("secret"), server=True, resumable=True, expires_ms=9, channel="lobby")
            assert sessions[APP, ANN] == ann
            await store.commit(
                [
                    SessionOpened(
                        app=APP, account=BOB, line=Line("l"), server=False, resumable=True, expires_ms=0, proof="p"
                    )
                ]
            )
    async with open_gateway_store(url) as store:
        assert (await store.load()).sessions[APP, BOB].proof == "p"


async def test_a_commit_after_closing_is_a_store_error(tmp_path: Path) -> None:
    async with open_gateway_store(f"sqlite:///{tmp_path}/gateway.db") as store:
        await store.aclose()
        with pytest.raises(StoreError, match="closed"):
            await store.commit([stored(1)])
