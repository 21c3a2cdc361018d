"""The tree of what runs, as values and as text."""

import msgspec
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit.actor.actor import Actor, actor_child
from botkit.actor.child import Restart, task_child
from botkit.actor.kinds import Kind
from botkit.actor.restarts import RestartBudget, Strategy
from botkit.actor.supervisor import Supervisor
from botkit.actor.tree import MailboxLevel, TreeNode, error_line, render_tree

WORKER = Kind[str]("worker")

TREE = """
                                   STATE       UP  RESTARTS  MAILBOX  LAST ERROR
supervisor outer                   running
├─ worker busy                     running  1m40s               3/10
│  └─ task helper                  running  1m40s
├─ task done                       ended
└─ supervisor inner, rest_for_one  running  1m40s
   └─ worker broken, in pieces     running  1m39s         1   0/1024  RuntimeError: on\\norder
      └─ task helper               running  1m39s
"""


class Worker(Actor[str]):
    """Sleeps or fails, as it is told; has a helper under a supervisor of its own."""

    def __init__(self) -> None:
        self.helpers = Supervisor("helpers", [task_child("helper", trio.sleep_forever)])

    async def on_start(self) -> None:
        self.start_soon(self.helpers.run)

    async def on_receive(self, message: str) -> object:
        if message == "fail":
            raise RuntimeError("on\norder")
        await trio.sleep(1000)
        return None

    def below(self) -> tuple[TreeNode, ...]:
        return self.helpers.nodes()


@pytest.mark.row("A10")
async def test_the_tree_of_a_supervisor_is_a_frozen_value(autojump_clock: MockClock) -> None:
    busy = actor_child("busy", Worker, kind=WORKER, capacity=10)
    broken = actor_child("broken", Worker, kind=WORKER, detail=lambda: "in pieces")

    async def work_once() -> None:
        await trio.sleep(1)

    inner = Supervisor("inner", [broken.spec], strategy=Strategy.REST_FOR_ONE, budget=RestartBudget(1, 3600.0))
    outer = Supervisor("outer", [busy.spec, task_child("done", work_once, restart=Restart.TEMPORARY), inner.as_child()])
    with capture_logs():
        async with trio.open_nursery() as nursery:
            await nursery.start(outer.run)
            await broken.ref.tell("fail")
            for _ in range(4):
                await busy.ref.tell("sleep")
            await trio.sleep(100)
            tree = TreeNode(kind="supervisor", name="outer", state="running", children=outer.nodes())
            nursery.cancel_scope.cancel()
    assert f"\n{render_tree(tree)}\n" == TREE
    assert tree.children[0].mailbox == MailboxLevel(waiting=3, capacity=10)
    assert msgspec.json.decode(msgspec.json.encode(tree), type=TreeNode) == tree
    with pytest.raises(AttributeError):
        tree.children[0].state = "ended"  # type: ignore[misc]


async def test_states_while_starting_and_waiting(autojump_clock: MockClock) -> None:
    child = actor_child("worker", Worker)
    supervisor = Supervisor("top", [child.spec])
    (before,) = supervisor.nodes()
    assert (before.state, before.uptime) == ("ended", None)
    with capture_logs():
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            await child.ref.tell("fail")
            await trio.sleep(0.01)
            (waiting,) = supervisor.nodes()
            nursery.cancel_scope.cancel()
    assert (waiting.state, waiting.uptime, waiting.last_error) == ("waiting", None, "RuntimeError: on\\norder")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.9, "0s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (86399, "23h59m"), (90000, "1d01h")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert shown in render_tree(TreeNode(kind="task", name="t", state="running", uptime=seconds))


def test_an_error_is_one_short_visible_line() -> None:
    assert error_line(None) == ""
    assert error_line(ValueError("a\x1b[31mb")) == "ValueError: a\\x1b[31mb"
    assert len(error_line(ValueError("x" * 1000))) == 200
