"""The rhythm of pings: when a connection is lost, and what does not count."""

import pytest

from botkit.signaling.heartbeat import Heartbeat


def heartbeat() -> Heartbeat:
    return Heartbeat(5.0, 5, 100.0)


def test_a_ping_each_interval() -> None:
    beat = heartbeat()
    assert not beat.ping_due(104.9)
    assert beat.ping_due(105.0)
    assert [beat.ping(105.0), beat.ping(111.0)] == [1, 2]
    assert (beat.ping_due(115.9), beat.ping_due(116.0)) == (False, True)


def test_lost_without_a_pong_for_so_many_intervals() -> None:
    beat = heartbeat()
    assert (beat.lost(124.9), beat.lost(125.0)) == (False, True)
    beat.pong(124.9)
    assert (beat.lost(149.8), beat.lost(149.9)) == (False, True)


@pytest.mark.parametrize(
    "sleepers",
    [
        [(110.0, 126.0)],
        [(110.0, 126.0), (125.0, 126.0)],
        [(125.0, 126.0), (110.0, 126.0)],
        [(125.0, 126.0), (110.0, 126.1)],
        [(110.0, 126.0), (110.0, 126.0), (110.0, 126.0)],
    ],
)
def test_a_block_counts_once_whoever_slept_through_it(sleepers: list[tuple[float, float]]) -> None:
    beat = heartbeat()
    news = [beat.forgive(since, now) for since, now in sleepers]
    assert news == [True] + [False] * (len(sleepers) - 1)
    assert beat.lost_at == pytest.approx(125.0 + max(now for _, now in sleepers) - 110.0)


def test_two_blocks_count_both_and_never_more_than_a_pong() -> None:
    beat = heartbeat()
    assert beat.forgive(105.0, 115.0)
    assert beat.lost_at == 135.0
    assert beat.forgive(116.0, 126.0)
    assert beat.lost_at == 145.0
    assert beat.forgive(127.0, 1127.0)
    assert beat.lost_at == 1145.0
    assert beat.forgive(1128.0, 1128.5)
    beat.pong(1130.0)
    assert beat.lost_at == 1155.0


def test_who_was_blocked_from_the_beginning_has_all_its_time() -> None:
    beat = heartbeat()
    beat.forgive(100.0, 200.0)
    assert beat.lost_at == 225.0
