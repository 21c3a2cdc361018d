"""Quarantine: when it begins, when its probes come, and what ends it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.actor.quarantine import Quarantine, QuarantineSettings
from botkit.actor.restarts import RestartBudget
from botkit.actor.supervisor import Supervisor
from botkit.backoff import Backoff
from botkit.errors import RestartBudgetSpent


class Sick:
    """Crashes a second after each start, until it is cured."""

    def __init__(self) -> None:
        self.cured = False
        self.starts: list[float] = []

    async def run(self, lifetime: Lifetime) -> None:
        self.starts.append(trio.current_time())
        with lifetime.work:
            lifetime.started()
            while self.cured:  # noqa: ASYNC110 - it falls ill again without a word
                await trio.sleep(1)
            await trio.sleep(1)
            raise RuntimeError("sick")


def supervisor_of(patient: Sick) -> Supervisor:
    return Supervisor(
        "ward",
        [ChildSpec(name="patient", run=patient.run)],
        budget=RestartBudget(2, 60.0),
        backoff=Backoff(0.5, 0.5, jitter=0),
    )


class Told:
    """What a quarantine told, with the time."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.times: list[float] = []

    def tell(self, what: str) -> None:
        self.lines.append(what)
        self.times.append(trio.current_time())


def quarantine_of(patient: Sick, told: Told, settings: QuarantineSettings, chance: float = 0.0) -> Quarantine:
    return Quarantine(
        supervisor_of(patient),
        settings,
        is_final=lambda error: isinstance(error.__cause__, KeyError),
        on_quarantine=lambda: told.tell("in"),
        on_readmitted=lambda: told.tell("out"),
        fraction=lambda: chance,
    )


@asynccontextmanager
async def running(quarantine: Quarantine) -> AsyncIterator[None]:
    with capture_logs():
        async with trio.open_nursery() as nursery:
            await nursery.start(quarantine.run)
            yield
            nursery.cancel_scope.cancel()


HOUR = QuarantineSettings(probe_after=30, longest=200)


@pytest.mark.row("A11")
async def test_probes_come_later_and_later_up_to_a_bound(autojump_clock: MockClock) -> None:
    patient, told = Sick(), Told()
    async with running(quarantine_of(patient, told, HOUR)):
        await trio.sleep(1000)
    # Three lives with their restarts (1 + 0.5 + 1 + 0.5 + 1 s), then one of a second for each probe.
    assert patient.starts[:3] == [0, 1.5, 3]
    assert told.lines == 7 * ["in"]
    assert told.times[0] == 4
    assert [probe - failed for failed, probe in zip(told.times, patient.starts[3:], strict=False)] == pytest.approx(
        [30, 60, 120, 200, 200, 200]
    )


async def test_chance_makes_a_probe_come_up_to_a_quarter_earlier(autojump_clock: MockClock) -> None:
    patient, told = Sick(), Told()
    async with running(quarantine_of(patient, told, HOUR, chance=1.0)):
        await trio.sleep(100)
    assert patient.starts[3] - told.times[0] == pytest.approx(22.5)


@pytest.mark.row("A11")
async def test_a_probe_that_lives_ends_the_quarantine_and_the_budget_is_whole_again(autojump_clock: MockClock) -> None:
    patient, told = Sick(), Told()
    quarantine = quarantine_of(patient, told, HOUR)
    async with running(quarantine):
        await trio.sleep(10)
        assert (quarantine.state, quarantine.on_probation, quarantine.detail) == (
            "quarantined",
            False,
            "probe 1 in 24s",
        )
        assert isinstance(quarantine.failure, RestartBudgetSpent)
        await trio.sleep(30)  # the first probe has failed
        patient.cured = True
        await trio.sleep(80)
        assert (quarantine.state, quarantine.on_probation, quarantine.detail) == ("running", True, "on probation")
        await trio.sleep(60)
        assert told.lines == ["in", "in", "out"]
        assert (quarantine.state, quarantine.detail) == ("running", "")
        patient.cured = False
        begin = len(patient.starts)
        await trio.sleep(10)
        assert len(patient.starts) == begin + 2
        assert told.lines == ["in", "in", "out", "in"]
        assert quarantine.detail.startswith("probe 1 in ")


async def test_a_final_error_is_not_probed(autojump_clock: MockClock) -> None:
    async def run(lifetime: Lifetime) -> None:
        raise KeyError("no such account")

    told = Told()
    supervisor = Supervisor("ward", [ChildSpec(name="patient", run=run)])
    quarantine = Quarantine(
        supervisor, is_final=lambda error: isinstance(error, KeyError), on_quarantine=lambda: told.tell("in")
    )
    with pytest.raises(KeyError):
        await quarantine.run()
    assert (told.lines, quarantine.state, quarantine.ever_started) == ([], "ended", False)


@pytest.mark.row("A11")
@pytest.mark.parametrize("probes", [0, 1, 3])
async def test_it_is_given_up_for_good_only_where_told(autojump_clock: MockClock, probes: int) -> None:
    patient, told = Sick(), Told()
    settings = QuarantineSettings(probe_after=10, longest=10, give_up_after=probes)
    quarantine = quarantine_of(patient, told, settings)
    with capture_logs(), pytest.raises(RestartBudgetSpent):
        await quarantine.run()
    assert told.lines == probes * ["in"]
    assert len(patient.starts) == 3 + probes
    assert (quarantine.state, quarantine.in_quarantine) == ("ended", False)


async def test_a_re_admission_makes_it_forget_the_failed_probes(autojump_clock: MockClock) -> None:
    patient, told = Sick(), Told()
    settings = QuarantineSettings(probe_after=10, longest=10, give_up_after=2)
    with capture_logs():
        async with running(quarantine_of(patient, told, settings)):
            for _ in range(3):
                await trio.sleep(20)  # in quarantine, and one probe has failed
                patient.cured = True
                await trio.sleep(100)
                patient.cured = False
            assert told.lines == 3 * ["in", "in", "out"]


@pytest.mark.row("A11")
async def test_others_can_end_it(autojump_clock: MockClock) -> None:
    patient, told = Sick(), Told()
    quarantine = quarantine_of(patient, told, HOUR)
    quarantine.give_up()  # it is in none
    ended: list[float] = []

    async def run() -> None:
        with pytest.raises(RestartBudgetSpent):
            await quarantine.run()
        ended.append(trio.current_time())

    with capture_logs():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await trio.sleep(10)
            assert quarantine.in_quarantine
            quarantine.give_up()
            assert quarantine.state == "ended"
    assert ended == [10]


async def test_children_that_end_normally_are_in_no_quarantine(autojump_clock: MockClock) -> None:
    async def run(lifetime: Lifetime) -> None:
        with lifetime.work:
            lifetime.started()

    told = Told()
    supervisor = Supervisor("ward", [ChildSpec(name="patient", run=run, restart=Restart.TRANSIENT)])
    quarantine = Quarantine(supervisor, on_quarantine=lambda: told.tell("in"))
    with capture_logs():
        async with running(quarantine):
            await trio.sleep(1)
        assert told.lines == []


@pytest.mark.parametrize(
    ("probe_after", "longest", "give_up_after"),
    [(0, 1, None), (2, 1, None), (1, float("inf"), None), (1, 1, -1), (float("nan"), 1, None)],
)
def test_settings_that_cannot_be(probe_after: float, longest: float, give_up_after: int | None) -> None:
    with pytest.raises(ValueError, match="quarantine: "):
        QuarantineSettings(probe_after=probe_after, longest=longest, give_up_after=give_up_after)
