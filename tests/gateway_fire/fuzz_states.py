"""The states that a peer of the gateway can be in: how it gets there, and what shows that it still is.

``STATES`` has them by name, each with the files of the corpus whose frames are tried in it.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from botkit.gateway.calls import Call
from botkit.types import Account, ChannelName
from botkit.wire.states import CallState
from tests.gateway_fire.fuzz_world import ADMIN, ANN, ME, World, log_in_as
from tests.gateway_fire.raw_peer import RawPeer


class State(NamedTuple):
    """``enter`` brings a connection there, ``holds`` says whether it still is; ``me`` is its account."""

    enter: Callable[[World, RawPeer], Awaitable[None]]
    holds: Callable[[World, RawPeer], bool]
    corpus: tuple[str, ...]
    me: Account = ME

    @property
    def server(self) -> bool:
        """Whether the account may read what servers may, and put others out."""
        return self.me == ADMIN


async def _log_in(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ME)


async def _join(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ME)
    await peer.ask("channel_join", name="lobby")


async def _stay_out(world: World, peer: RawPeer) -> None:
    """Connected is all that it is."""


async def _be_banned(world: World, peer: RawPeer) -> None:
    await world.moderator.ask("botkit_ban", account=ME, reason="enough")


async def _take_binary(world: World, peer: RawPeer) -> None:
    await _join(world, peer)
    await peer.exchange(b'["set_flag",{"binary":1}]')


async def _be_muted(world: World, peer: RawPeer) -> None:
    await _join(world, peer)
    await world.moderator.ask("botkit_mute", account=ME, channel="lobby", reason="loud")


async def _be_kicked(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ME, botkit=True)
    await peer.ask("channel_join", name="lobby")
    await world.moderator.ask("botkit_kick", account=ME, channel="lobby", reason="out")


async def _be_held(world: World, peer: RawPeer) -> None:
    await world.moderator.ask("botkit_hold", channel="lobby", budget_ms=10_000, open=True)
    await _join(world, peer)
    peer.unanswered.append(_request("channel_sendmsg", peer.line, '"name":"lobby","msg":"may I?"'))
    assert await peer.exchange(peer.unanswered[0]) == []


async def _invite(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ME)
    await peer.ask("voip_invite", channelName="talk", peer=ANN, extra="")


async def _invite_and_be_accepted(world: World, peer: RawPeer) -> None:
    await _invite(world, peer)
    await world.ann.fetch()
    await world.ann.ask("voip_invite_accept", channelName="talk", peer=ME, extra="")


async def _be_invited(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ME)
    await world.ann.ask("voip_invite", channelName="talk", peer=ME, extra="")
    await peer.fetch()


async def _be_invited_and_accept(world: World, peer: RawPeer) -> None:
    await _be_invited(world, peer)
    await peer.ask("voip_invite_accept", channelName="talk", peer=ANN, extra="")


async def _serve(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ADMIN)


async def _watch(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ADMIN)
    await peer.ask("channel_join", name="__agora_user_online")


async def _moderate(world: World, peer: RawPeer) -> None:
    await log_in_as(peer, ADMIN, botkit=True)
    await peer.ask("botkit_hold", channel="lobby", budget_ms=10_000, open=False)
    asked = _request("channel_sendmsg", world.ann.line, '"name":"lobby","msg":"may I?"')
    await world.ann.wait()  # for the answer to the one before
    assert await world.ann.exchange(asked) == []


async def _lose(world: World, peer: RawPeer) -> None:
    before = await world.bring(ME, botkit=True)
    await before.ask("channel_join", name="lobby")
    await before.drop()
    peer.line = before.line


async def _lose_and_resume(world: World, peer: RawPeer) -> None:
    await _lose(world, peer)
    await peer.resume(ME, peer.line)


async def _log_out(world: World, peer: RawPeer) -> None:
    await _join(world, peer)
    await peer.ask("user_logout")


async def _be_replaced(world: World, peer: RawPeer) -> None:
    await _join(world, peer)
    world.elsewhere = await world.bring(ME)
    await peer.wait()  # for the goodbye, which it leaves unanswered


def _request(function: str, line: str, arguments: str) -> bytes:
    return f'["call2",["{function}",1,{{"line":"{line}",{arguments}}}]]'.encode()


def _is_outside(world: World, peer: RawPeer) -> bool:
    connection = world.connection_of(peer)
    return connection is not None and connection.closing_since is None and connection.session is None


def _is_inside(world: World, peer: RawPeer) -> bool:
    return world.session_on(peer) is not None


def _is_out_of_channels(world: World, peer: RawPeer) -> bool:
    session = world.session_on(peer)
    return session is not None and session.channel is None


def _is_in(name: str) -> Callable[[World, RawPeer], bool]:
    def check(world: World, peer: RawPeer) -> bool:
        session = world.session_on(peer)
        return session is not None and session.channel == name

    return check


def _is_muted(world: World, peer: RawPeer) -> bool:
    return _is_in("lobby")(world, peer) and any(each.account == ME for each in world.hub.sanctions.in_force())


def _takes_binary(world: World, peer: RawPeer) -> bool:
    session = world.session_on(peer)
    return session is not None and session.connection is not None and session.connection.outbox.compact


def _is_held(world: World, peer: RawPeer) -> bool:
    session = world.session_on(peer)
    return session is not None and any(held.sender is session for held in world.hub.holds._waiting.values())


def _is_asked_for_a_verdict(world: World, peer: RawPeer) -> bool:
    return _is_inside(world, peer) and bool(world.hub.holds._waiting)


def _is_in_a_call(caller: Account, *states: CallState) -> Callable[[World, RawPeer], bool]:
    def check(world: World, peer: RawPeer) -> bool:
        call: Call | None = world.hub.calls._calls.get((ME, ChannelName("talk"), ANN))
        wanted = call is not None and call.state in states and call.caller.account == caller
        return wanted and _is_inside(world, peer)

    return check


def _is_awaited(world: World, peer: RawPeer) -> bool:
    session = world.hub.session_of(ME)
    return session is not None and session.connection is None and _is_outside(world, peer)


def _is_dismissed(world: World, peer: RawPeer) -> bool:
    connection = world.connection_of(peer)
    return connection is not None and connection.closing_since is not None


_RINGING = (CallState.INVITED, CallState.RINGING)

STATES: dict[str, State] = {
    "connected": State(_stay_out, _is_outside, ("login", "user")),
    "banned": State(_be_banned, _is_outside, ("login", "user")),
    "logged in": State(_log_in, _is_out_of_channels, ("user", "channel", "call", "admin", "login", "found")),
    "member": State(_join, _is_in("lobby"), ("channel", "user")),
    "member that takes binary": State(_take_binary, _takes_binary, ("channel", "user", "login")),
    "muted": State(_be_muted, _is_muted, ("channel", "user", "call")),
    "kicked": State(_be_kicked, _is_out_of_channels, ("channel", "user", "admin")),
    "held": State(_be_held, _is_held, ("channel", "user", "admin")),
    "calling": State(_invite, _is_in_a_call(ME, *_RINGING), ("call", "user")),
    "called": State(_be_invited, _is_in_a_call(ANN, *_RINGING), ("call", "user")),
    "caller in a call": State(_invite_and_be_accepted, _is_in_a_call(ME, CallState.CONNECTED), ("call", "user")),
    "callee in a call": State(_be_invited_and_accept, _is_in_a_call(ANN, CallState.CONNECTED), ("call", "user")),
    "server": State(_serve, _is_inside, ("admin", "channel", "user"), ADMIN),
    "feed": State(_watch, _is_in("__agora_user_online"), ("admin", "channel", "user"), ADMIN),
    "moderating": State(_moderate, _is_asked_for_a_verdict, ("admin", "channel"), ADMIN),
    "coming back": State(_lose, _is_awaited, ("login", "user", "channel")),
    "back": State(_lose_and_resume, _is_in("lobby"), ("login", "user", "channel")),
    "logged out": State(_log_out, _is_outside, ("login", "user", "channel")),
    "dismissed": State(_be_replaced, _is_dismissed, ("login", "user", "channel", "call")),
}
