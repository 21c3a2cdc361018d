"""What provokes the codes of channels, messages, queries and calls (300 to 1005), and where they are told."""

import trio

from botkit.signaling import SignalSettings
from tests.vendor_api.overload import open_overloadable
from tests.vendor_api.people import Person, Recorder, World
from tests.vendor_api.scenario_table import code_of, far, people, provokes


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
async def a_query_at_a_gateway_whose_store_does_not_keep_up(_: World) -> object:
    async with open_overloadable() as (world, overload), people(world, "ann") as (ann,):
        await overload.begin()
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
