"""Many sessions of one process come back together, and get in each other's way no more than they must."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import ConnectFailed, LoginFailed
from botkit.events import Reconnected
from botkit.signaling import Signal, SignalSettings
from botkit.testing import TEST_APP
from botkit.transport.base import Transport
from tests.gateway_fire.crashing import CrashingGateway, open_crashing_gateway

CONNECT_SECONDS = 4.0


class SlowRoad:
    """It takes everybody ``CONNECT_SECONDS`` times the number of those who are on it, as on a busy machine."""

    def __init__(self, crashing: CrashingGateway) -> None:
        self._crashing = crashing
        self._on_it = 0
        self.most = 0

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        self._on_it += 1
        self.most = max(self.most, self._on_it)
        try:
            with trio.fail_after(6):
                await trio.sleep(CONNECT_SECONDS / 10 * self._on_it)
        except trio.TooSlowError:
            raise ConnectFailed("memory", "too slow") from None
        finally:
            self._on_it -= 1
        async with self._crashing.connector() as transport:
            yield transport


@pytest.mark.row("G18")
async def test_all_are_back_although_all_at_once_would_be_too_slow(autojump_clock: trio.testing.MockClock) -> None:
    async with open_crashing_gateway(commit_seconds=0.001) as crashing:
        road = SlowRoad(crashing)
        signal = Signal(TEST_APP, road.connector, settings=SignalSettings(max_connecting=5))
        back: list[str] = []
        inside: set[int] = set()
        all_inside = trio.Event()

        async def visit(number: int) -> None:
            async with signal.open_session(f"user-{number}") as session:
                await session.join(f"room-{number % 7}")
                inside.add(number)
                if len(inside) == 100:
                    all_inside.set()
                async for event in session.events():
                    if isinstance(event, Reconnected):
                        assert event.rejoined == f"room-{number % 7}"
                        back.append(session.account)
                        return

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(visit, number)
            await all_inside.wait()
            crashing.kill()
            await crashing.start()
        assert len(set(back)) == len(back) == 100
        assert road.most == 5


async def test_who_gives_up_leaves_its_turn_to_others(autojump_clock: trio.testing.MockClock) -> None:
    async with open_crashing_gateway(commit_seconds=0.001) as crashing:
        closed = trio.Event()

        @asynccontextmanager
        async def road() -> AsyncIterator[Transport]:
            if not closed.is_set():
                await trio.sleep_forever()
            async with crashing.connector() as transport:
                yield transport

        signal = Signal(TEST_APP, road, settings=SignalSettings(max_connecting=1))
        for account in ("ann", "bob"):  # the one who has the turn, and who waits for it
            with trio.move_on_after(5):
                async with signal.open_session(account):
                    raise AssertionError("logged in")
        crashing.kill()
        closed.set()
        with pytest.raises(LoginFailed):
            async with signal.open_session("ann"):
                raise AssertionError("logged in")
        await crashing.start()
        async with signal.open_session("ann"), signal.open_session("bob"):
            pass
