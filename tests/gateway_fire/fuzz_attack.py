"""Sending frames in one state of a peer, and looking at all that comes of it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.gateway.server import Gateway, serve_gateway
from botkit.stores.gateway import GatewayStore
from botkit.wire.frames import split_frames
from tests.gateway_fire.answers import Answers
from tests.gateway_fire.fuzz_states import State
from tests.gateway_fire.fuzz_world import APPS, ME, PRIVATE, SECRET, SETTINGS, World, token_for
from tests.gateway_fire.mutation import mutate, read_corpus
from tests.gateway_fire.raw_peer import RawPeer
from tests.gateway_fire.twin_store import open_twin_store

CORPUS = Path(__file__).with_name("corpus")

FRAMES_BY_CONNECTION = 25
SETTLE_SECONDS = 200
"""When grace, calls, verdicts and rates are over, and the gateway has tidied."""

CLOSE_CODES = {1000, 1007, 1009, 4001}


class Attack:
    """Frames in one state, at one gateway.

    ``sent`` counts those that were sent while the state held, ``accepted`` and ``refused`` what was answered.
    """

    def __init__(self, world: World, state: State) -> None:
        self._world, self._state = world, state
        self.sent = self.accepted = self.refused = 0

    async def run(self, frames: Iterable[bytes]) -> None:
        """Send all ``frames``, over as many connections as that takes."""
        waiting = list(frames)[::-1]
        while waiting:
            await self._world.mend()
            await trio.sleep(1)  # rates are not what this is about
            await self._use_connection(waiting)

    async def _use_connection(self, waiting: list[bytes]) -> None:
        world, state = self._world, self._state
        peer = RawPeer(world.gateway)
        await peer.open()
        await state.enter(world, peer)
        assert state.holds(world, peer)
        answers, sent = Answers(peer.unanswered, takes_multi=peer.takes_multi), list[bytes]()
        try:
            while waiting and len(sent) < FRAMES_BY_CONNECTION and state.holds(world, peer):
                sent.append(self._fill_in(waiting.pop(), peer))
                await self._send(peer, sent[-1], answers)
            await self._finish(peer, answers)
        except Exception as error:
            error.add_note(f"sent on this connection: {sent}")
            raise
        self.sent += len(sent)
        self.accepted += answers.accepted
        self.refused += answers.refused

    def _fill_in(self, frame: bytes, peer: RawPeer) -> bytes:
        """Put this connection's own names into a frame."""
        me, number = self._state.me, next(iter(self._world.hub.holds._waiting), 1)
        names = {"$ME": me, "$LINE": peer.line, "$TOKEN": token_for(me), '"$NUMBER"': str(number)}
        for name, value in names.items():
            frame = frame.replace(name.encode(), value.encode())
        return frame

    async def _send(self, peer: RawPeer, frame: bytes, answers: Answers) -> None:
        counters = self._world.gateway.counters
        taken = counters.frames_in.value
        if peer.closed:
            assert await peer.shout(frame) == [], "told something after the goodbye"
            assert counters.frames_in.value == taken
            return
        answers.asked(frame)
        received = await peer.exchange(frame)
        if split_frames(frame) == (frame,):
            assert counters.frames_in.value == taken + 1
        answers.came(received)
        if not peer.closed:
            answers.check()
        self._check_secrets(received)

    async def _finish(self, peer: RawPeer, answers: Answers) -> None:
        """All that was asked is answered in the end, and a goodbye has a code and a reason."""
        if answers.waiting and not peer.closed:
            await trio.sleep(11)  # the longest that a message waits for a verdict
        received = await peer.wait()
        answers.came(received)
        self._check_secrets(received)
        if peer.closed:
            code, reason = peer.goodbye
            assert code in CLOSE_CODES
            assert reason
            self._check_secrets([reason.encode()])
        else:
            answers.check_all()
        elsewhere, self._world.elsewhere = self._world.elsewhere, None
        if elsewhere is not None:
            assert not elsewhere.closed
            await elsewhere.drop()
        await peer.drop()

    def _check_secrets(self, received: list[bytes]) -> None:
        """Whether the peer was told what is not its own."""
        for message in received:
            assert PRIVATE.encode() not in message
            assert self._state.server or SECRET.encode() not in message
            assert not any(line in message for line in self._world.lines)


@asynccontextmanager
async def open_gateway(store: GatewayStore | None = None) -> AsyncIterator[Gateway]:
    """A gateway with two apps."""
    async with trio.open_nursery() as nursery:
        yield await nursery.start(partial(serve_gateway, SETTINGS, store=store))
        nursery.cancel_scope.cancel()


async def run_once(gateway: Gateway, state: State, frames: Iterable[bytes]) -> Attack:
    """Everybody comes, frames are sent in a state, everybody goes; then nothing of them may be left."""
    await wait_all_tasks_blocked()
    tasks = trio.lowlevel.current_statistics().tasks_living
    world = World(gateway)
    await world.enter()
    attack = Attack(world, state)
    await attack.run(frames)
    if not state.server:
        await world.check_bystanders()
    await world.check_foreigners()
    await world.leave()
    await trio.sleep(SETTLE_SECONDS)
    await wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    assert gateway.sessions == 0
    assert b"botkit_gateway_open_connections 0.0\n" in gateway.meters.render()
    counters = gateway.counters
    assert counters.handler_errors.value == counters.connection_errors.value == counters.timer_errors.value == 0
    return attack


def fuzz(state: State, frames: Iterable[bytes]) -> Attack:
    """Send frames in a state to a gateway of their own, in virtual time."""

    async def main() -> Attack:
        async with open_gateway() as gateway:
            return await run_once(gateway, state, frames)

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def fuzz_stored(state: State, frames: Iterable[bytes]) -> Attack:
    """The same at a gateway whose promises wait for a store; the next gateway on it agrees with it."""

    async def main() -> Attack:
        async with open_twin_store() as store:
            async with open_gateway(store) as gateway:
                before = store.changes
                attack = await run_once(gateway, state, frames)
                kept = in_force(gateway)
            assert store.changes > before
            async with open_gateway(store) as again:
                assert in_force(again) == kept
            return attack

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def in_force(gateway: Gateway) -> list[object]:
    """What a gateway has to know again after a restart, of both apps, as far as it does not change with time."""
    hubs = [gateway.hubs[app] for app in APPS]
    sanctions = [sorted(hub.sanctions.in_force(), key=str) for hub in hubs]
    holds = [sorted(hub.holds.in_force(), key=str) for hub in hubs]
    return [sanctions, holds, [hub.uid_of(ME) for hub in hubs]]


def mutated(state: State, programs: Iterable[bytes]) -> list[bytes]:
    """Frames for a state."""
    seeds, odd = read_corpus(CORPUS, *state.corpus), read_corpus(CORPUS, "odd")
    return [mutate(seeds, odd, program) for program in programs]
