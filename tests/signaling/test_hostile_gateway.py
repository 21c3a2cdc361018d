"""Random and mutated frames from a gateway, in each state of a session: they cost it a connection at most.

The frames are made from those in ``corpus/``; the states, and what is looked at, are in ``hostile.py``.
"""

import gc
import logging
import random
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import hypothesis.strategies as st
import pytest
import structlog
import trio
from hypothesis import Phase, given, settings
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling import Call, LoginSession
from tests.gateway_fire.mutation import mutate
from tests.signaling.hostile import ALL_FILES, PATIENCE, STATES, State, Visit, read_frames

RUNS, FRAMES = 10, 100
WARM_UP = 3
BLOCKS_BY_FRAME = 1.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log: thousands of warnings that say what is shown here, and that pytest would keep until the test's end."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def visit(state: State, frames: Iterable[bytes]) -> int:
    """Send all frames in a state, in as many visits as that takes; how many were sent while it held."""
    waiting = list(frames)[::-1]

    async def main() -> int:
        sent = 0
        tasks = trio.lowlevel.current_statistics().tasks_living
        while waiting:
            with trio.fail_after(PATIENCE):
                async with trio.open_nursery() as nursery:
                    sent += await Visit(nursery).run(state, waiting)
            await wait_all_tasks_blocked()
            assert trio.lowlevel.current_statistics().tasks_living == tasks
        return sent

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def mutated(state: State, programs: Iterable[bytes]) -> list[bytes]:
    """Frames for a state."""
    seeds, odd = read_frames(*state.corpus), read_frames("odd")
    return [mutate(seeds, odd, program) for program in programs]


def test_every_file_of_the_corpus_is_used() -> None:
    assert {"odd", *(name for state in STATES.values() for name in state.corpus)} == set(ALL_FILES)


@pytest.mark.parametrize("name", STATES)
def test_the_whole_corpus_in_each_state(name: str) -> None:
    for file in ALL_FILES:
        frames = [frame.encode() for frame in read_frames(file)]
        assert visit(STATES[name], frames) == len(frames)


@pytest.mark.parametrize("name", STATES)
@settings(max_examples=5)
@given(programs=st.lists(st.binary(min_size=6, max_size=24), min_size=1, max_size=20))
def test_some_frames_in_each_state(name: str, programs: list[bytes]) -> None:
    frames = mutated(STATES[name], programs)
    assert visit(STATES[name], frames) == len(frames)


@pytest.mark.slow
@pytest.mark.parametrize("name", STATES)
def test_a_thousand_frames_in_each_state(name: str) -> None:
    state, sent, left = STATES[name], 0, list[int]()

    @settings(max_examples=RUNS, phases=[Phase.reuse, Phase.generate])
    @given(seed=st.integers(0, 2**63))
    def run(seed: int) -> None:
        nonlocal sent
        dice = random.Random(seed)
        frames = mutated(state, [dice.randbytes(24) for _ in range(FRAMES)])
        before = count_blocks()
        sent += visit(state, frames)
        left.append(count_blocks() - before)
        assert not any(isinstance(each, LoginSession | Call | Visit) for each in gc.get_objects())

    with frozen_heap():
        run()
    assert sent >= 1000
    assert sum(left[WARM_UP:]) < BLOCKS_BY_FRAME * FRAMES * len(left[WARM_UP:])


def count_blocks() -> int:
    """How many blocks of memory are in use."""
    gc.collect()
    return sys.getallocatedblocks()


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Leave what is there already out of every collection and every count."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
