"""The end of a call that the gateway may never have heard of, since the connection was lost: told again after it.

A client gives its gateway up after 25 s of silence, a gateway its client after 30 s, and then it holds the session for
30 s more: a road that is blocked for 32 s is a connection that is lost for the client, and a session that resumes.
"""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import InviteFailed
from botkit.events import CallAccepted, CallEnded, CallInvited, Reconnected
from botkit.signaling import Signal
from botkit.signaling.call import Call
from botkit.testing import User, World, open_world
from botkit.wire import requests
from botkit.wire.replies import OK
from tests.signaling.scripted import ScriptedGateway, accepted, next_event, refused, resumed

LOST = 32.0
"""Seconds that a road is blocked: the client knows, and the gateway still holds the session."""


async def invited(user: User) -> Call:
    """The call that somebody invites this user to."""
    call = user.session.call((await user.expect(CallInvited, within=60)).call)
    assert call is not None
    return call


async def talk(ann: User, bob: User) -> tuple[Call, Call]:
    """A call of the two, taken; ann's side and bob's."""
    mine = await ann.session.invite("room", "bob")
    theirs = await invited(bob)
    await theirs.accept()
    await ann.expect(CallAccepted)
    return mine, theirs


def open_calls(world: World) -> int:
    """The calls that the gateway knows of, from either side."""
    (app,) = world.host.gateway.hubs.values()
    return len(app.calls._calls) // 2


async def come_back(world: World, user: User) -> None:
    """Open the road, and wait until the same session goes on."""
    world.road(user.account).open()
    assert (await user.expect(Reconnected, within=60)).resumed


@pytest.mark.parametrize("caller_ends", [True, False])
async def test_an_end_that_was_lost_with_the_connection_is_told_again(
    autojump_clock: MockClock, caller_ends: bool
) -> None:
    async with open_world() as world:
        ann, bob = await world.user("ann"), await world.user("bob")
        mine, theirs = await talk(ann, bob)
        ending, by, other = (mine, ann, bob) if caller_ends else (theirs, bob, ann)
        world.road(by.account).block()
        with pytest.raises(InviteFailed) as caught:
            await ending.end('{"why": "late"}')
        assert caught.value.code == 702
        await trio.sleep(LOST - 10)
        assert open_calls(world) == 1
        await come_back(world, by)
        ended = await other.expect(CallEnded, within=5)
        assert (ended.by_peer, ended.extra) == (True, '{"why": "late"}')
        assert open_calls(world) == 0


async def test_an_end_while_there_is_no_connection_is_told_by_the_next(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ann, bob = await world.user("ann"), await world.user("bob")
        mine, _ = await talk(ann, bob)
        world.road("ann").block()
        await trio.sleep(LOST)
        await mine.end()
        await come_back(world, ann)
        assert (await bob.expect(CallEnded, within=5)).by_peer
        assert open_calls(world) == 0


async def test_an_invitation_that_was_given_up_unheard_is_taken_back(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ann, bob = await world.user("ann"), await world.user("bob")
        world.road("ann").lose(from_gateway='"call')  # answers, and those alone, are lost
        with pytest.raises(InviteFailed):
            await ann.session.invite("room", "bob")
        await bob.expect(CallInvited)
        world.road("ann").lose()
        world.road("ann").cut()
        assert (await bob.expect(CallEnded, within=20)).by_peer
        assert open_calls(world) == 0


async def test_an_end_that_is_told_again_spares_the_next_call(autojump_clock: MockClock) -> None:
    """It was heard the first time, its answer was lost, and the peer has called anew meanwhile."""
    async with open_world() as world:
        ann, bob = await world.user("ann"), await world.user("bob")
        mine, _ = await talk(ann, bob)
        world.road("ann").lose(from_gateway='"call2-ret"')
        with trio.move_on_after(1):
            await mine.end()
        await bob.expect(CallEnded)
        again = await bob.session.invite("room", "ann")
        await trio.sleep(1)  # the invitation is handed out, and gets lost
        world.road("ann").lose()
        world.road("ann").cut()
        assert (await ann.expect(Reconnected, within=20)).resumed
        await (await invited(ann)).accept()
        await bob.expect(CallAccepted, within=5)
        await trio.sleep(60)
        assert open_calls(world) == 1
        assert not again.state.terminal


async def test_an_end_is_not_told_to_another_session(gateway: ScriptedGateway, signal: Signal) -> None:
    gateway.login = lambda _: accepted(boot="b")
    gateway.answer(requests.EndCall, None)
    async with signal.open_session("ann") as session:
        call = await session.invite("room", "bob")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call.end)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        gateway.line_login = lambda _: refused("no such session", 200)
        await gateway.peer.drop()
        assert not (await next_event(session, Reconnected)).resumed
        await wait_all_tasks_blocked()
        assert len(gateway.asked(requests.EndCall)) == 1


async def test_an_end_is_told_until_it_is_answered_and_then_no_more(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    gateway.login = lambda _: accepted(boot="b")
    gateway.line_login = lambda _: resumed()
    gateway.answer(requests.EndCall, None)
    async with signal.open_session("ann") as session, trio.open_nursery() as nursery:
        call = await session.invite("room", "bob")
        nursery.start_soon(call.end, '"once"')
        await wait_all_tasks_blocked()
        for number in (2, 3, 4):
            if number == 3:
                gateway.answer(requests.EndCall, OK)
            await gateway.peer.drop()
            assert (await next_event(session, Reconnected)).resumed
            await wait_all_tasks_blocked()
            assert [end.extra for end in gateway.asked(requests.EndCall)] == ['"once"'] * min(number, 3)


async def test_an_end_goes_out_before_the_inbox_is_asked_for(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    """A gateway that gives calls no numbers takes it for the call that this session knows of."""
    gateway.login = lambda _: accepted(boot="b")
    gateway.line_login = lambda _: resumed()
    async with signal.open_session("ann") as session:
        call = await session.invite("room", "bob")
        gateway.down = True
        await gateway.peer.drop()
        await call.end()
        gateway.requests.clear()
        gateway.down = False
        await next_event(session, Reconnected)
        await wait_all_tasks_blocked()
        kinds = [type(request) for request in gateway.requests]
        assert kinds[:2] == [requests.EndCall, requests.GetMessages]


async def test_an_answer_that_cannot_be_read_is_an_answer(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    """Or else a gateway that answers so would be asked for ever."""
    gateway.login = lambda _: accepted(boot="b")
    gateway.line_login = lambda _: resumed()
    gateway.answer(requests.EndCall, None)
    async with signal.open_session("ann") as session, trio.open_nursery() as nursery:
        call = await session.invite("room", "bob")
        with trio.move_on_after(1):
            await call.end()
        await gateway.peer.send_raw(f'["call2-ret",[{gateway.call_ids[-1]},"","no JSON"]]'.encode())
        assert (await next_event(session, Reconnected)).resumed
        await wait_all_tasks_blocked()
        assert len(gateway.asked(requests.EndCall)) == 1
        nursery.cancel_scope.cancel()
