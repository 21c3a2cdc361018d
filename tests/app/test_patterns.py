"""Patterns of channels, and the accounts and the pace of the sessions that they lead to."""

import pytest
import trio
from trio.testing import MockClock

from botkit.app.accounts import OwnAccounts, derived_accounts
from botkit.app.pace import Pace
from botkit.app.patterns import ChannelPatterns, is_pattern


@pytest.mark.parametrize(
    ("patterns", "channel", "matches"),
    [
        (["room-*"], "room-1", True),
        (["room-*"], "room-", True),
        (["room-*"], "Room-1", False),
        (["room-*"], "a room-1", False),
        (["room-?"], "room-12", False),
        (["shop-[a-c]"], "shop-b", True),
        (["shop-[a-c]"], "shop-d", False),
        (["shop-[!a]"], "shop-b", True),
        (["a*", "b*"], "bob", True),
        (["a*", "b*"], "cab", False),
        (["[*]"], "*", True),
        (["[*]"], "a", False),
        (["*"], "two\nlines", True),
        (["*"], "a,b", True),
        (["*"], "lobby", False),
        (["*"], "__agora_channel_event", False),
        (["__agora*"], "__agora_user_online", False),
        ([], "a", False),
        ([], "", False),
    ],
)
def test_what_matches(patterns: list[str], channel: str, matches: bool) -> None:
    assert ChannelPatterns(patterns, leave_out=["lobby"]).matches(channel) is matches


def test_what_is_a_pattern() -> None:
    assert [name for name in ("lobby", "a b", "room-*", "a?", "[ab]", "a]", "a~2") if is_pattern(name)] == [
        "room-*",
        "a?",
        "[ab]",
    ]


def test_accounts_that_are_made_up() -> None:
    assert list(derived_accounts("mod", range(1, 4))) == ["mod", "mod~2", "mod~3"]
    own = OwnAccounts(["mod~2"])
    assert [name for name in ("mod", "mod~2", "mod~22", "botkit-feed-x", "x-botkit-feed-") if name in own] == [
        "mod~2",
        "botkit-feed-x",
    ]


async def test_a_few_at_once_and_then_at_a_rate(autojump_clock: MockClock) -> None:
    pace, began = Pace(burst=3, per_second=2), trio.current_time()
    times: list[float] = []

    async def take() -> None:
        await pace.take()
        times.append(trio.current_time() - began)

    async with trio.open_nursery() as nursery:
        for _ in range(7):
            nursery.start_soon(take)
    assert times == pytest.approx([0, 0, 0, 0.5, 1, 1.5, 2])
    await trio.sleep(1)  # two of the three are there again
    times.clear()
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(take)
    assert times == pytest.approx([3, 3, 3.5, 4])


async def test_no_minute_has_more_logins_than_a_gateway_takes_from_one_address(autojump_clock: MockClock) -> None:
    pace = Pace()
    times: list[float] = []
    for _ in range(1500):
        await pace.take()
        times.append(trio.current_time())
    assert max(sum(start <= time < start + 60 for time in times) for start in times[::10]) < 600
    assert times[-1] - times[0] == pytest.approx(1400 / 8)
