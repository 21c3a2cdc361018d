"""The demo's cast: scripts that are checked, and played through real sessions."""

import msgspec
import pytest
import structlog
import trio
from structlog.testing import LogCapture
from trio.testing import MockClock

from botkit import Bot, BotPlacement, CallInvited, Context
from botkit.app.visitor_script import Demo, LogOut, MakeCall, Step, Visitor, visits
from botkit.app.visitors import run_visitors
from botkit.errors import ErrorCode, InviteRefused
from tests.app.world import World, open_world, until

answering = Bot("answering")


@answering.on_invite(channel="open-*")
async def answer(_invite: CallInvited, ctx: Context) -> None:
    """Takes two digits and hangs up."""
    async with ctx.call.accepted() as call:
        await call.say(f"you pressed {await call.gather_dtmf(count=2)}")


@answering.on_invite(channel="shut-*")
async def refuse(_invite: CallInvited, ctx: Context) -> None:
    """Refuses."""
    await ctx.call.refuse({"reason": "closed"})


@pytest.fixture
def log() -> LogCapture:
    """What is logged."""
    return LogCapture()


def visitor(account: str, *steps: dict[str, object]) -> Visitor:
    """A visitor as the YAML loader makes it."""
    return msgspec.convert({"account": account, "steps": steps}, Visitor)


async def play(
    world: World, log: LogCapture, *visitors: Visitor, seconds: float = 60, repeat_seconds: float = 0
) -> None:
    """Plays the script for so many seconds at most."""
    logger = structlog.wrap_logger(None, processors=[log], wrapper_class=structlog.make_filtering_bound_logger(0))
    with trio.move_on_after(seconds):
        await run_visitors(world.signal, visitors, repeat_seconds=repeat_seconds, log=logger)


def told(log: LogCapture, account: str) -> list[str]:
    """What the log says of a visitor."""
    return [str(entry["event"]).removeprefix("visitor ") for entry in log.entries if entry.get("visitor") == account]


async def test_a_script_is_played_on_time(autojump_clock: MockClock, log: LogCapture) -> None:
    ann = visitor(
        "ann",
        {"at": 1, "do": "join", "channel": "lobby"},
        {"at": 2, "do": "say", "text": "hello"},
        {"at": 3, "do": "tell", "account": "bob", "text": "psst"},
        {"at": 4, "do": "leave"},
        {"at": 5, "do": "log_out"},
    )
    bob = visitor("bob", {"at": 0, "do": "log_in"}, {"at": 6, "do": "log_out"})
    async with open_world() as world:
        began = trio.current_time()
        await play(world, log, ann, bob)
        assert trio.current_time() - began == pytest.approx(6, abs=0.1)
        assert world.gateway.sessions == 0
    assert told(log, "ann") == ["logs in", "joins", "says", "tells", "leaves", "logs out"]
    assert told(log, "bob") == ["logs in", "is told", "logs out"]


async def test_who_does_not_log_out_stays(autojump_clock: MockClock, log: LogCapture) -> None:
    async with open_world() as world:
        await play(world, log, visitor("ann", {"at": 1, "do": "join", "channel": "lobby"}), seconds=3600)
        assert told(log, "ann") == ["logs in", "joins"]
        await until(lambda: world.gateway.sessions == 0)


async def test_rounds_begin_afresh(autojump_clock: MockClock, log: LogCapture) -> None:
    ann = visitor("ann", {"at": 1, "do": "join", "channel": "lobby"})
    bob = visitor("bob", {"at": 2, "do": "log_in"}, {"at": 3, "do": "log_out"}, {"at": 4, "do": "log_in"})
    async with open_world() as world:
        await play(world, log, ann, bob, seconds=25, repeat_seconds=10)
    assert told(log, "ann") == ["logs in", "joins", "logs out"] * 2 + ["logs in", "joins"]
    assert told(log, "bob") == ["logs in", "logs out"] * 5 + ["logs in"]


async def test_a_rest_between_two_rounds_is_told(autojump_clock: MockClock, log: LogCapture) -> None:
    ann = visitor("ann", {"at": 1, "do": "join", "channel": "den"})
    async with open_world() as world:
        await play(world, log, ann, seconds=15, repeat_seconds=10)
    rests = [entry for entry in log.entries if entry["event"] == "visitors rest"]
    assert [rest["next_round_in"] for rest in rests] == [7, 7]
    assert rests[0]["join_in"] == "botkit chat --account you --channel den"


async def test_a_call_with_digits(autojump_clock: MockClock, log: LogCapture) -> None:
    eve = visitor(
        "eve",
        {"at": 1, "do": "call", "account": "desk", "channel": "open-1", "press": "42"},
        {"at": 30, "do": "log_out"},
    )
    async with open_world() as world, world.running(BotPlacement(bot=answering, account="desk")):
        await play(world, log, eve)
    assert [entry["text"] for entry in log.entries if "text" in entry] == ["you pressed 42"]
    assert [entry["hung_up_by"] for entry in log.entries if "hung_up_by" in entry] == ["desk"]


async def test_who_is_not_hung_up_on_hangs_up(autojump_clock: MockClock, log: LogCapture) -> None:
    eve = visitor("eve", {"at": 1, "do": "call", "account": "desk", "channel": "open-1", "hang_up_after": 3})
    async with open_world() as world, world.running(BotPlacement(bot=answering, account="desk")):
        await play(world, log, eve, seconds=5)
    assert [entry["hung_up_by"] for entry in log.entries if "hung_up_by" in entry] == ["eve"]


async def test_what_is_refused_is_told_and_the_script_goes_on(autojump_clock: MockClock, log: LogCapture) -> None:
    eve = visitor(
        "eve",
        {"at": 1, "do": "call", "account": "desk", "channel": "shut-1"},
        {"at": 2, "do": "join", "channel": "__agora_user_online"},
        {"at": 3, "do": "join", "channel": "lobby"},
        {"at": 4, "do": "log_out"},
    )
    async with open_world() as world, world.running(BotPlacement(bot=answering, account="desk")):
        await play(world, log, eve)
    assert told(log, "eve") == ["logs in", "calls", "is refused", "is refused", "joins", "logs out"]
    problems = [str(entry["problem"]) for entry in log.entries if "problem" in entry]
    assert problems[0] == str(InviteRefused('{"reason":"closed"}'))
    assert problems[1].startswith(str(int(ErrorCode.JOINCHANNEL_E_OTHER)))


async def test_a_login_that_is_refused_is_told(autojump_clock: MockClock, log: LogCapture) -> None:
    async with open_world(certificate="5cfd2fd1755d40ecb72977518be15d3b") as world:
        await play(world, log, visitor("ann", {"at": 1, "do": "log_in"}))
    assert told(log, "ann") == ["cannot go on"]


def test_stays_end_with_a_log_out() -> None:
    steps: list[Step] = [
        *visitor("a", {"at": 1, "do": "log_in"}, {"at": 2, "do": "log_out"}, {"at": 3, "do": "log_in"}).steps
    ]
    assert [len(stay) for stay in visits(steps)] == [2, 1]
    assert [len(stay) for stay in visits([*steps, LogOut(at=4)])] == [2, 2]


def test_a_call_needs_little() -> None:
    (step,) = visitor("a", {"at": 1, "do": "call", "account": "b", "channel": "c"}).steps
    assert step == MakeCall(at=1, account="b", channel="c")


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], "length >= 1"),
        ([{"at": 1, "do": "dance"}], "Invalid value 'dance'"),
        ([{"do": "log_in"}], "missing required field `at`"),
        ([{"at": -1, "do": "log_in"}], ">= 0"),
        ([{"at": 2, "do": "log_in"}, {"at": 1, "do": "log_out"}], "write them in order"),
        ([{"at": 1, "do": "say", "text": "x"}], "write a `join` before it"),
        (
            [{"at": 1, "do": "join", "channel": "c"}, {"at": 2, "do": "leave"}, {"at": 3, "do": "leave"}],
            "a `join` before",
        ),
        ([{"at": 1, "do": "join", "channel": ""}], "channel name is empty"),
        ([{"at": 1, "do": "tell", "account": "a b", "text": "x"}], "account has a blank"),
        ([{"at": 1, "do": "call", "account": "b", "channel": "c", "press": "x"}], "only 0-9, * and #"),
        ([{"at": 1, "do": "log_in", "channel": "c"}], "unknown field `channel`"),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(steps: list[dict[str, object]], says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        visitor("ann", *steps)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("demo", "says"),
    [
        ({"visitors": [{"account": "a", "steps": [{"at": 1, "do": "log_in"}]}] * 2}, "'a' twice"),
        (
            {"visitors": [{"account": "a", "steps": [{"at": 9, "do": "log_in"}]}], "repeat_seconds": 9},
            "last step is at 9 s",
        ),
        ({"visitors": [{"account": "", "steps": [{"at": 9, "do": "log_in"}]}]}, "account is empty"),
        ({"repeat": 9}, "unknown field `repeat`"),
    ],
)
def test_a_demo_that_cannot_be_is_refused(demo: dict[str, object], says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(demo, Demo)
    assert says in str(caught.value)
