"""Never silently wrong: random lives of a gateway and of a daemon that is killed, by seeds, against the truth."""

import pytest

from tests.bots.presence.presence_model import walk

FAST, SLOW = 300, 10_000


@pytest.mark.row("E07")
def test_it_is_never_silently_wrong() -> None:
    gaps = [len(walk(seed).disk.gaps) for seed in range(FAST)]
    assert 1 in gaps  # what was before the first start, and nothing more
    assert max(gaps) > 1


@pytest.mark.slow
@pytest.mark.row("E07")
def test_it_is_never_silently_wrong_in_many_lives() -> None:
    assert sum(len(walk(seed).disk.gaps) > 1 for seed in range(FAST, SLOW)) > 1_000
