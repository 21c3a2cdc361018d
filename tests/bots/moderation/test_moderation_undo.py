"""The total undo: of a case, a rule, a window of time, a moderator; after restarts, after kills, twice."""

import pytest
from trio.testing import MockClock

from tests.bots.moderation.undo_world import walk_in_one_life, walk_through_kills


@pytest.mark.row("D10")
@pytest.mark.parametrize("seed", range(12))
async def test_after_random_acts_everything_is_as_before(autojump_clock: MockClock, seed: int) -> None:
    assert await walk_in_one_life(seed, steps=15) > 0


@pytest.mark.row("D10")
@pytest.mark.parametrize("seed", range(100, 116))
async def test_and_with_a_bot_that_is_killed_in_the_middle_of_it(autojump_clock: MockClock, seed: int) -> None:
    assert await walk_through_kills(seed, steps=15) > 0


@pytest.mark.slow
@pytest.mark.row("D10")
@pytest.mark.parametrize("first", range(1_000, 1_100, 25))
async def test_many_more_of_these(autojump_clock: MockClock, first: int) -> None:
    for seed in range(first, first + 25):
        walk = walk_through_kills if seed % 3 else walk_in_one_life
        assert await walk(seed, steps=25) > 0
