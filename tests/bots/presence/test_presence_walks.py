"""Never silently wrong: random lives of a gateway and of a daemon that is killed, by seeds, against the truth."""

import pytest

from tests.bots.presence.presence_model import walk

FAST, SLOW = 300, 10_000


@pytest.mark.row("E07")
def test_it_is_never_silently_wrong() -> None:
    for seed in range(FAST):
        walk(seed)


@pytest.mark.slow
@pytest.mark.row("E07")
def test_it_is_never_silently_wrong_in_many_lives() -> None:
    for seed in range(FAST, SLOW):
        walk(seed)
