"""Ten thousand random and mutated frames in each state of a peer: nothing breaks, leaks, or stays behind.

The frames are made from those in ``corpus/`` (``mutation.py``). What is looked at while they are sent is in
``fuzz_attack.py``, who else is there in ``fuzz_world.py``, and the states are in ``fuzz_states.py``.
"""

import gc
import random
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import hypothesis.strategies as st
import pytest
import trio
from hypothesis import Phase, given, settings
from trio.testing import MockClock

from botkit.gateway import sweep, timers
from botkit.gateway.calls import Call
from botkit.gateway.connection import Connection
from botkit.gateway.holds import Held
from botkit.gateway.later import Later
from botkit.gateway.outbox import Outbox
from botkit.gateway.session import Session
from botkit.wire.requests import REQUESTS
from tests.gateway_fire.fuzz_attack import CORPUS, fuzz, fuzz_stored, mutated, open_gateway, run_once
from tests.gateway_fire.fuzz_states import STATES
from tests.gateway_fire.fuzz_world import World
from tests.gateway_fire.mutation import read_corpus

RUNS, FRAMES = 20, 500
"""Gateways, and frames that each gets: ten thousand in a state."""
WARM_UP = 5
"""Runs after which all caches are as large as they get, but for a few names."""
BLOCKS_BY_FRAME = 0.2
"""Blocks of memory that may stay behind; what is kept for each connection would be more than that."""

WRITERS = ("logged in", "member", "kicked", "held", "server", "moderating", "coming back", "back")
"""States in which much of what is sent is kept over a restart."""
STORED_RUNS, STORED_FRAMES = 3, 200

ROUNDS, FRAMES_AGAIN, BYTES_BY_FRAME = 3, 120, 50

LIVING = (Session, Connection, Outbox, Call, Held, Later, World)
SESSIONLESS = {"connected", "banned", "coming back", "logged out", "dismissed"}
ALL_FILES = sorted(path.stem for path in CORPUS.glob("*.txt"))


def test_every_request_is_in_the_corpus() -> None:
    frames = read_corpus(CORPUS, *ALL_FILES)
    assert [name for name in REQUESTS if not any(f'["{name}",' in frame for frame in frames)] == []
    assert {"odd", *(name for state in STATES.values() for name in state.corpus)} == set(ALL_FILES)


@pytest.mark.parametrize("name", STATES)
def test_the_whole_corpus_in_each_state(name: str) -> None:
    frames = [frame.encode() for frame in read_corpus(CORPUS, *ALL_FILES)]
    assert fuzz(STATES[name], frames).sent == len(frames)


@pytest.mark.parametrize("name", STATES)
@settings(max_examples=3)
@given(programs=st.lists(st.binary(min_size=6, max_size=24), min_size=1, max_size=50))
def test_some_frames_in_each_state(name: str, programs: list[bytes]) -> None:
    frames = mutated(STATES[name], programs)
    assert fuzz(STATES[name], frames).sent == len(frames)


@pytest.mark.parametrize("name", WRITERS)
def test_the_whole_corpus_in_each_state_that_writes_with_a_store(name: str) -> None:
    frames = [frame.encode() for frame in read_corpus(CORPUS, *ALL_FILES)]
    assert fuzz_stored(STATES[name], frames).sent == len(frames)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_many_frames_in_each_state_that_writes_with_a_store(name: str) -> None:
    """Both kinds of stores have the same in the end, and the next gateway finds what the last one had."""
    state = STATES[name]

    @settings(max_examples=STORED_RUNS, phases=[Phase.reuse, Phase.generate])
    @given(seed=st.integers(0, 2**63))
    def run(seed: int) -> None:
        dice = random.Random(seed)
        assert fuzz_stored(state, mutated(state, [dice.randbytes(24) for _ in range(STORED_FRAMES)])).sent

    run()


@pytest.mark.slow
@pytest.mark.row("G14", "C19")
@pytest.mark.parametrize("name", STATES)
def test_ten_thousand_frames_in_each_state(name: str) -> None:
    state, sent, accepted, refused = STATES[name], 0, 0, 0
    distinct, left = set[bytes](), list[int]()

    @settings(max_examples=RUNS, phases=[Phase.reuse, Phase.generate])
    @given(seed=st.integers(0, 2**63))
    def run(seed: int) -> None:
        nonlocal sent, accepted, refused
        dice = random.Random(seed)
        frames = mutated(state, (dice.randbytes(24) for _ in range(FRAMES)))
        distinct.update(frames)
        before = count_blocks()
        attack = fuzz(state, frames)
        sent, accepted, refused = sent + attack.sent, accepted + attack.accepted, refused + attack.refused
        del attack
        assert count_living() == 0
        left.append(count_blocks() - before)

    with frozen_heap():
        run()
    assert sent >= 10_000
    assert len(distinct) > sent / 2
    assert sum(left[WARM_UP:]) < BLOCKS_BY_FRAME * FRAMES * len(left[WARM_UP:])
    if name not in SESSIONLESS:
        assert min(accepted, refused) > sent / 20, "too few reach a handler, or too few are wrong"


@pytest.mark.slow
@pytest.mark.parametrize("name", STATES)
def test_the_same_frames_again_leave_nothing_more_at_a_gateway(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What accounts and channels keep is kept once, and the second time is already there."""
    monkeypatch.setattr(timers, "FEW", 10)  # else up to 1,000 deadlines that were cancelled are kept
    monkeypatch.setattr(sweep, "SWEEP_SECONDS", 30.0)  # else two hours of virtual time take long
    dice = random.Random(name)
    frames = mutated(STATES[name], [dice.randbytes(24) for _ in range(FRAMES_AGAIN)])
    sizes = list[int]()

    async def main() -> None:
        async with open_gateway() as gateway:
            for _ in range(2 + 1 + ROUNDS):
                await run_once(gateway, STATES[name], frames)
                await trio.sleep(7300)  # until empty channels are destroyed
                assert count_living() == 0
                sizes.append(tracemalloc.get_traced_memory()[0])

    with frozen_heap(), traced_memory():
        trio.run(main, clock=MockClock(autojump_threshold=0))
    assert sizes[-1] - sizes[2] < BYTES_BY_FRAME * FRAMES_AGAIN * ROUNDS, sizes


def count_blocks() -> int:
    """How many blocks of memory are in use."""
    gc.collect()
    return sys.getallocatedblocks()


def count_living() -> int:
    """How many objects of sessions and connections there are."""
    gc.collect()
    return sum(isinstance(each, LIVING) for each in gc.get_objects())


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Leave what is there already out of every collection and every count."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def traced_memory() -> Iterator[None]:
    """Count bytes."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
