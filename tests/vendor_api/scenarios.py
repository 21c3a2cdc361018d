"""One scenario for each live code: what provokes it at a real gateway, and where the vendor's API tells it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import trio

from botkit.gateway.settings import AppCredentials
from botkit.signaling import SignalSettings
from botkit.signaling.vendor import open_signal
from botkit.testing import Refusal, WirePeer
from botkit.wire.tokens import make_token
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import TEST_APP, Person, Recorder, World, failed_login, log_in, open_world

Scenario: TypeAlias = Callable[[World], Awaitable[object]]
"""Provokes a code in an empty world and returns what was heard."""

CERTIFICATE = "0123456789abcdef"
GUARDED = "guarded"
APPS = (
    AppCredentials(id=TEST_APP, server_accounts=("server*",)),
    AppCredentials(id=GUARDED, certificate=CERTIFICATE),
)

SCENARIOS: dict[int, Scenario] = {}


def provokes(code: int) -> Callable[[Scenario], Scenario]:
    """Enter a scenario into the table."""

    def enter(scenario: Scenario) -> Scenario:
        assert code not in SCENARIOS
        SCENARIOS[code] = scenario
        return scenario

    return enter


@asynccontextmanager
async def people(world: World, *accounts: str) -> AsyncIterator[list[Person]]:
    """Accounts that are logged in."""
    async with world.open() as signal:
        yield [await log_in(signal, account) for account in accounts]


@asynccontextmanager
async def far(world: World, settings: SignalSettings | None = None) -> AsyncIterator[tuple[Person, Lines]]:
    """An account whose connections can be cut."""
    lines = Lines(world.gateway.connector)
    async with world.over(lines, settings=settings) as signal:
        yield await log_in(signal, "far"), lines


async def code_of(person: Person, callback: str) -> object:
    """The code in the next callback of that name."""
    arguments = await person.heard.next(callback)
    return arguments[0] if callback == "onError" else arguments[-1]


def token(world: World, seconds: int) -> str:
    """A token of ``ann`` for the guarded app that expires in so many seconds."""
    return make_token(GUARDED, CERTIFICATE, "ann", int(world.gateway.clock.seconds()) + seconds)


@provokes(0)
async def success(world: World) -> object:
    async with people(world, "ann") as (ann,):
        ann.session.userSetAttr("n", "v", ann.heard)
        assert await ann.heard.next("onUserSetAttr") == ("", {"result": "ok", "reason": ""})
        assert not ann.heard.all("onError")
        return 0


@provokes(100)
async def the_token_is_not_taken_any_more(world: World) -> object:
    async with open_world(apps=(AppCredentials(id=GUARDED, certificate="another"),)) as restarted:
        lines = Lines(world.gateway.connector)
        async with open_signal(GUARDED, lines.connect) as signal:
            ann = await log_in(signal, "ann", token(world, 600))
            lines.gateway = restarted.gateway.connector
            await lines.drop()
            return await code_of(ann, "onLogout")


@provokes(101)
async def logging_out(world: World) -> object:
    async with people(world, "ann") as (ann,):
        ann.session.logout()
        return await code_of(ann, "onLogout")


@provokes(102)
async def lost_for_good(world: World) -> object:
    async with far(world, SignalSettings(reconnect_attempts=1)) as (ann, lines):
        lines.cut = True
        await lines.drop()
        return await code_of(ann, "onLogout")


@provokes(103)
async def logged_in_elsewhere(world: World) -> object:
    async with people(world, "ann") as (ann,), people(world, "ann"):
        return await code_of(ann, "onLogout")


@provokes(105)
async def the_token_runs_out(world: World) -> object:
    async with world.open(app=GUARDED) as signal:
        return await code_of(await log_in(signal, "ann", token(world, 30)), "onLogout")


@provokes(108)
async def logging_out_twice(world: World) -> object:
    async with people(world, "ann") as (ann,):
        ann.session.logout()
        ann.session.logout()
        await ann.heard.next("onLogout")
        return await code_of(ann, "onLogout")


@provokes(200)
async def a_session_that_is_not_there(world: World) -> object:
    """Asked of the gateway by hand: clients log in anew instead of telling it."""
    async with WirePeer.connect(world.gateway.connector) as peer:
        try:
            await peer.resume("ann", "no such line")
        except Refusal as refusal:
            return refusal.code
        return None


@provokes(201)
async def no_way_there(world: World) -> object:
    lines = Lines(world.gateway.connector)
    lines.cut = True
    async with world.over(lines) as signal:
        return await failed_login(signal, "ann")


@provokes(202)
async def banned(world: World) -> object:
    async with people(world, "server") as (moderator,), world.open() as signal:
        await moderator.client.ban("ann")
        return await failed_login(signal, "ann")


@provokes(203)
async def cancelled(world: World) -> object:
    async with world.open() as signal:
        heard = Recorder()
        signal.login("ann", "_no_need_token", heard).logout()
        return (await heard.next("onLoginFailed"))[0]


@provokes(204)
async def an_old_token(world: World) -> object:
    async with world.open(app=GUARDED) as signal:
        return await failed_login(signal, "ann", token(world, -1))


@provokes(206)
async def a_wrong_token(world: World) -> object:
    async with world.open(app=GUARDED) as signal:
        return await failed_login(signal, "bob", token(world, 600))


@provokes(207)
async def back_after_a_login_elsewhere(world: World) -> object:
    """Asked of the gateway by hand: to a client's session it is 103."""
    async with WirePeer.connect(world.gateway.connector) as peer:
        await peer.login("ann", resumable=True)
        line = peer.line
    async with people(world, "ann"), WirePeer.connect(world.gateway.connector) as again:
        try:
            await again.resume("ann", line)
        except Refusal as refusal:
            return refusal.code
        return None


@provokes(208)
async def logged_in_already(world: World) -> object:
    async with world.open() as signal:
        await log_in(signal, "ann")
        return await failed_login(signal, "ann")


@provokes(209)
async def no_account(world: World) -> object:
    async with world.open() as signal:
        return await failed_login(signal, "a b")


@provokes(300)
async def a_channel_for_servers(world: World) -> object:
    async with people(world, "ann") as (ann,):
        ann.session.channelJoin("__agora_user_online", ann.heard)
        return await code_of(ann, "onChannelJoinFailed")


@provokes(400)
async def the_61st_message(world: World) -> object:
    async with people(world, "ann") as (ann,):
        for _ in range(61):
            ann.session.messageInstantSend("bob", "hello", ann.heard)
        return await code_of(ann, "onMessageSendError")


@provokes(401)
async def a_moderator_who_is_slow(world: World) -> object:
    async with people(world, "ann", "server") as (ann, moderator):
        channel = await ann.join("room")
        await moderator.client.hold("room", budget=10)
        channel.messageChannelSend("hello")
        return await code_of(ann, "onMessageSendError")


async def _query(person: Person) -> object:
    person.session.channelQueryUserNum("room", person.heard)
    err, _ = await person.heard.next("onChannelQueryUserNum")
    return int(str(err)[:3])


@provokes(500)
async def a_query_that_the_gateway_does_not_know(world: World) -> object:
    async with far(world) as (ann, lines):
        lines.misheard = lambda data: data.replace(b"channel_query_num", b"channel_query_age")
        return await _query(ann)


@provokes(501)
async def a_query_without_an_answer(world: World) -> object:
    async with far(world) as (ann, lines):
        lines.silent = True
        return await _query(ann)


@provokes(600)
async def put_out_while_away(world: World) -> object:
    async with far(world) as (ann, lines), people(world, "server") as (moderator,):
        await ann.join("room")
        lines.cut = True
        await lines.drop()
        await moderator.client.kick("far", "room")
        lines.cut = False
        return await code_of(ann, "onChannelLeaved")


@provokes(601)
async def put_out(world: World) -> object:
    async with people(world, "ann", "server") as (ann, moderator):
        await ann.join("room")
        await moderator.client.kick("ann", "room")
        return await code_of(ann, "onChannelLeaved")


@provokes(602)
async def leaving(world: World) -> object:
    async with people(world, "ann") as (ann,):
        (await ann.join("room")).channelLeave()
        return await code_of(ann, "onChannelLeaved")


@provokes(603)
async def left_by_logging_out(world: World) -> object:
    async with people(world, "ann") as (ann,):
        await ann.join("room")
        ann.session.logout()
        return await code_of(ann, "onChannelLeaved")


@provokes(604)
async def left_by_losing_the_connection(world: World) -> object:
    async with far(world, SignalSettings(reconnect_attempts=1)) as (ann, lines):
        await ann.join("room")
        lines.cut = True
        await lines.drop()
        return await code_of(ann, "onChannelLeaved")


async def _invite(person: Person, peer: str, extra: str = "") -> object:
    person.session.channelInviteUser2("room", peer, extra, person.heard)
    return await code_of(person, "onInviteFailed")


@provokes(700)
async def calling_oneself(world: World) -> object:
    async with people(world, "ann") as (ann,):
        return await _invite(ann, "ann")


@provokes(701)
async def inviting_twice(world: World) -> object:
    async with people(world, "ann", "bob") as (ann, bob):
        await ann.invite(bob)
        return await _invite(ann, "bob")


@provokes(702)
async def an_invitation_without_an_answer(world: World) -> object:
    async with far(world) as (ann, lines):
        lines.silent = True
        return await _invite(ann, "bob")


@provokes(703)
async def a_peer_that_is_offline(world: World) -> object:
    async with people(world, "ann") as (ann,):
        return await _invite(ann, "bob", '{"_require_peer_online":1}')


@provokes(704)
async def a_peer_that_does_not_answer(world: World) -> object:
    async with people(world, "ann", "bob") as (ann, _):
        return await _invite(ann, "bob", '{"_timeout":3}')


@provokes(1000)
async def callbacks_too_slow(world: World) -> object:
    class Slow(Recorder):
        async def onMessageInstantReceive(self, *_: object) -> None:
            await trio.sleep(1)

    slow = Slow()
    async with world.open(settings=SignalSettings(event_buffer=1)) as signal, people(world, "bob") as (bob,):
        signal.login("ann", "_no_need_token", slow)
        await slow.next("onLoginSuccess")
        for number in range(300):
            bob.session.messageInstantSend("ann", "hello", bob.heard)
            if number % 60 == 59:
                await trio.sleep(1)
        return (await slow.next("onError"))[0]


@provokes(1001)
async def no_member(world: World) -> object:
    async with people(world, "ann") as (ann,):
        channel = await ann.join("room")
        channel.channelLeave()
        channel.channelSetAttr("n", "v")
        return await code_of(ann, "onError")


@provokes(1002)
async def an_attribute_without_an_answer(world: World) -> object:
    async with far(world) as (ann, lines):
        channel = await ann.join("room")
        lines.silent = True
        channel.channelSetAttr("n", "v")
        return await code_of(ann, "onError")


@provokes(1003)
async def not_logged_in(world: World) -> object:
    async with world.open() as signal:
        heard = Recorder()
        signal.login("ann", "_no_need_token", heard).channelJoin("room", heard)
        return (await heard.next("onError"))[0]


@provokes(1004)
async def a_value_that_makes_no_sense(world: World) -> object:
    async with people(world, "ann") as (ann,):
        (await ann.join("room")).channelSetAttr("_channel_ttl", "soon")
        return await code_of(ann, "onError")


@provokes(1005)
async def one_attribute_too_many(world: World) -> object:
    async with people(world, "ann") as (ann,):
        for number in range(101):
            ann.session.userSetAttr(f"n{number}", "v", ann.heard)
        return await code_of(ann, "onError")
