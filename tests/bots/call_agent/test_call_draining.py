"""A call agent that is stopped: nobody new comes in, nobody who is in is dropped, up to the deadline."""

import signal
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from botkit import App, CallEnded
from botkit.errors import InviteRefused
from tests.bots.call_agent.offices import get_through, hear, make_flow, office
from tests.processes import Start, start_botkit

__all__ = ["start_botkit"]

FLOW = make_flow([{"do": "queue", "to": "team", "otherwise": [{"do": "end"}]}, {"do": "end"}])


@pytest.mark.row("F14")
async def test_during_a_drain_nobody_is_accepted_and_nobody_dropped(autojump_clock: MockClock) -> None:
    async with office(max_calls=50, drain_seconds=60) as at:
        callers = [await at.world.user(f"caller-{number}") for number in range(20)]
        for number, caller in enumerate(callers):
            await get_through(caller, f"support-{number}")
        late = [await at.world.user(f"late-{number}") for number in range(10)]
        async with trio.open_nursery() as nursery:
            drained = trio.Event()
            nursery.start_soon(drain, at.app, drained)
            await trio.sleep(0.1)
            for number, user in enumerate(late):
                await user.call("support", channel=f"support-late-{number}")
                with pytest.raises(InviteRefused) as refused:
                    await user.wait_answered()
                assert msgspec.json.decode(refused.value.extra) == {"reason": "stopping"}
            for caller in callers:
                await hear(caller, 2)
                await caller.press("9")
                assert await hear(caller, 1) == ["Bye."]
                await caller.wait_hung_up()
            await drained.wait()
        outcomes = [record.outcome for record in await at.records()]
        assert sorted(outcomes) == ["completed"] * 20 + ["refused"] * 10


async def drain(app: App, drained: trio.Event) -> None:
    """Drain, and say when that is done."""
    await app.drain()
    drained.set()


@pytest.mark.row("F14")
async def test_callers_in_a_queue_are_handed_over_while_it_drains(autojump_clock: MockClock) -> None:
    async with office(flow=FLOW, drain_seconds=300) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        async with trio.open_nursery() as nursery:
            drained = trio.Event()
            nursery.start_soon(drain, at.app, drained)
            leg = await anna.answer()
            await trio.sleep(30)
            assert not drained.is_set()
            await leg.end()
            await drained.wait()
        (record,) = await at.records()
        assert (record.outcome, record.human) == ("completed", "anna")


@pytest.mark.row("F14")
async def test_a_drain_has_a_deadline(autojump_clock: MockClock) -> None:
    async with office(flow=FLOW, drain_seconds=20) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        began = trio.current_time()
        await at.app.drain()
        assert trio.current_time() - began == pytest.approx(20, abs=0.5)
        await ann.expect_nothing(CallEnded)
    # The stop that follows ends the call politely: the world would have failed otherwise.


CONFIG = """\
app: {id: the-app}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
bots:
  - bot: "bots.call_agent:bot"
    account: support
    settings:
      drain_seconds: 30
      database: "sqlite:///calls.db"
      flow:
        blocks:
          main:
            - {do: gather, prompt: "Your number?", into: number, min_digits: 4, max_digits: 4, next_seconds: 20}
            - {do: end, text: "It is {number}."}
demo:
  visitors:
    - account: eve
      steps:
        - {at: 0.1, do: call, account: support, channel: support-eve, press: "4711", pause_seconds: 0.7}
    - account: zoe
      steps:
        - {at: 1.5, do: call, account: support, channel: support-zoe}
"""


@pytest.mark.slow
@pytest.mark.row("F14")
def test_sigterm_lets_the_call_come_to_its_end_and_takes_none(start_botkit: Start, tmp_path: Path) -> None:
    (tmp_path / "botkit.yaml").write_text(CONFIG)
    running = start_botkit("run", "botkit.yaml")
    running.read_until("visitor presses", "eve")
    code, out, err = running.stop(signal.SIGTERM)
    assert (code, err) == (0, "")
    assert "It is 4711." in out
    assert "'stopping'" in out or '"stopping"' in out or "reason=stopping" in out
    assert out.index("drained") < out.index("stopped: every session is logged out")
