"""The two channels that tell everything (M13a, M13b, M13c)."""

import pytest
import trio
from trio.testing import MockClock

from botkit.gateway.settings import AppCredentials
from botkit.signaling.vendor import Signal
from botkit.wire.ledger import LedgerEvent, decode_event
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import TEST_APP, Person, World, log_in, open_world

ONLINE, PLACES = "__agora_user_online", "__agora_channel_event"


async def _watch(signal: Signal, account: str, name: str) -> Person:
    watcher = await log_in(signal, account)
    await watcher.join(name)
    return watcher


async def _next(watcher: Person, about: str) -> LedgerEvent:
    """The next event about an account; those about others are skipped."""
    while True:
        _, account, uid, msg = await watcher.heard.next("onMessageChannelReceive")
        event = decode_event(str(msg))
        assert (event.account, event.uid) == (account, uid)
        if account == about:
            return event


@pytest.mark.row("M13a", "0.2")
async def test_logins_and_logouts(wired_signal: Signal) -> None:
    watcher = await _watch(wired_signal, "server-1", ONLINE)
    ann = await log_in(wired_signal, "ann")
    online = await _next(watcher, "ann")
    assert (online.event, online.uid, online.reason, online.v) == ("user_online", ann.uid, "", 1)
    ann.session.logout()
    offline = await _next(watcher, "ann")
    assert (offline.event, offline.uid, offline.reason) == ("user_offline", ann.uid, "logout")
    assert (offline.epoch, offline.prev) == (online.epoch, online.seq)
    another = await _watch(wired_signal, "server-2", ONLINE)  # who watches is told of as well
    assert (await _next(watcher, "server-2")).event == "user_online"
    watcher.session.logout()
    assert (await _next(another, "server-1")).reason == "logout"


@pytest.mark.row("M13a")
async def test_who_watches_is_told_of_like_anybody_else(
    world: World, signal: Signal, autojump_clock: MockClock
) -> None:
    """To itself its own login is in the past when it has joined: it finds that in the ledger."""
    watcher = await _watch(signal, "server-1", ONLINE)
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as far, world.open() as elsewhere:
        other = await _watch(far, "server-2", ONLINE)
        online = await _next(watcher, "server-2")
        assert (online.event, online.uid) == ("user_online", other.uid)
        page = await other.client.read_ledger()
        assert [event for event in page.events if event.account == "server-2"] == [online]
        again = await _watch(elsewhere, "server-2", ONLINE)
        assert (await _next(watcher, "server-2")).reason == "replaced"
        assert (await _next(watcher, "server-2")).event == "user_online"
        again.session.logout()
        assert (await _next(watcher, "server-2")).reason == "logout"
        await _watch(far, "server-2", ONLINE)
        assert (await _next(watcher, "server-2")).event == "user_online"
        lines.cut = True
        await lines.drop()
        assert (await _next(watcher, "server-2")).reason == "disconnected"
        lines.cut = False


@pytest.mark.row("M13a")
async def test_other_ends_of_sessions(world: World, signal: Signal, autojump_clock: MockClock) -> None:
    watcher = await _watch(signal, "server-1", ONLINE)
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as far, world.open() as elsewhere:
        await log_in(far, "ann")
        assert (await _next(watcher, "ann")).event == "user_online"
        await log_in(elsewhere, "ann")
        assert (await _next(watcher, "ann")).reason == "replaced"
        assert (await _next(watcher, "ann")).event == "user_online"
        await log_in(far, "bob")
        assert (await _next(watcher, "bob")).event == "user_online"
        lines.cut = True
        start = trio.current_time()
        await lines.drop()
        assert (await _next(watcher, "bob")).reason == "disconnected"
        assert 30 <= trio.current_time() - start < 32
        await watcher.client.ban("ann", seconds=60)
        assert (await _next(watcher, "ann")).reason == "banned"
        lines.cut = False


@pytest.mark.row("M13a", "M13b")
async def test_only_of_this_app(autojump_clock: MockClock) -> None:
    apps = tuple(AppCredentials(id=app, server_accounts=("server*",)) for app in (TEST_APP, "other"))
    async with open_world(apps=apps) as world, world.open() as here, world.open(app="other") as there:
        watchers = [await _watch(here, "server-1", ONLINE), await _watch(here, "server-2", PLACES)]
        stranger = await log_in(there, "stranger")
        await stranger.join("room")
        friend = await log_in(here, "friend")
        await friend.join("room")
        await trio.sleep(60)
        for watcher in watchers:
            accounts = {account for _, account, *_ in watcher.heard.all("onMessageChannelReceive")}
            assert accounts & {"stranger", "friend"} == {"friend"}


@pytest.mark.row("M13b", "M15d", "0.2")
async def test_joins_and_leaves_of_every_channel(wired_signal: Signal) -> None:
    watcher = await _watch(wired_signal, "server-1", PLACES)
    ann = await log_in(wired_signal, "ann")
    room = await ann.join("room")
    event = await _next(watcher, "ann")
    assert (event.event, event.channel, event.uid, event.reason) == ("channel_join", "room", ann.uid, "")
    await ann.join("\u96ea with blanks")
    event = await _next(watcher, "ann")
    assert (event.event, event.channel, event.reason) == ("channel_leave", "room", "moved")
    event = await _next(watcher, "ann")
    assert (event.event, event.channel) == ("channel_join", "\u96ea with blanks")
    room = await ann.join("room")
    for _ in range(2):
        await _next(watcher, "ann")
    await watcher.client.kick("ann", "room")
    assert (await _next(watcher, "ann")).reason == "kicked"
    room = await ann.join("room")
    room.channelSetAttr("_userNotification", "0")
    room.channelLeave()
    assert (await _next(watcher, "ann")).event == "channel_join"
    assert (await _next(watcher, "ann")).reason == "leave"  # also where members are not notified
    await ann.join("room")
    ann.session.logout()
    assert (await _next(watcher, "ann")).event == "channel_join"
    assert (await _next(watcher, "ann")).reason == "logout"


@pytest.mark.row("M13b")
async def test_a_loss_is_a_leave(world: World, signal: Signal, autojump_clock: MockClock) -> None:
    watcher = await _watch(signal, "server-1", PLACES)
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as far:
        ann = await log_in(far, "ann")
        await ann.join("room")
        lines.cut = True
        await lines.drop()
        assert (await _next(watcher, "ann")).event == "channel_join"
        assert (await _next(watcher, "ann")).reason == "disconnected"
        lines.cut = False
        assert (await _next(watcher, "ann")).event == "channel_join"


@pytest.mark.row("M13c", "C11")
@pytest.mark.parametrize("name", [ONLINE, PLACES])
async def test_only_for_servers(wired_signal: Signal, name: str) -> None:
    ann, server = await log_in(wired_signal, "ann"), await log_in(wired_signal, "server-1")
    channel = ann.session.channelJoin(name, ann.heard)
    assert await ann.heard.next("onChannelJoinFailed") == (channel, 300)
    ann.session.channelQueryUserNum(name, ann.heard)
    await server.join(name)
    assert await ann.heard.next("onChannelQueryUserNum") == ("", 0)
    await log_in(wired_signal, "bob")
    assert not ann.heard.all("onMessageChannelReceive", "onChannelJoined")


@pytest.mark.row("M13c")
@pytest.mark.parametrize("name", [ONLINE, PLACES])
async def test_never_destroyed(signal: Signal, autojump_clock: MockClock, name: str) -> None:
    server = await log_in(signal, "server-1")
    channel = await server.join(name)
    channel.channelSetAttr("_channel_ttl", "1")
    assert (await server.heard.next("onError"))[0] == 1001
    channel.messageChannelSend("hello")
    assert await server.heard.next("onMessageSendError") == (400,)
    ann = await log_in(signal, "ann")
    await ann.join("room")
    before = await _next(server, "ann")
    ann.session.logout()
    await _next(server, "ann")
    channel.channelLeave()
    await server.heard.next("onChannelLeaved")
    await trio.sleep(7300)
    await server.join(name)
    await (await log_in(signal, "ann")).join("room")
    after = await _next(server, "ann")
    assert after.epoch == before.epoch
    assert after.seq > before.seq
    with pytest.raises(Exception, match="never destroyed"):
        await server.client.close_channel(name)
