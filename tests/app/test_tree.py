"""The live tree of an app, pinned; and that nothing in it outlives what is above it."""

import re
from collections.abc import AsyncIterator

import msgspec
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, ChannelMessage, Context, InstantMessage, LoggedIn, LoginSession, UserOnline
from botkit.actor.quarantine import QuarantineSettings
from botkit.actor.tree import TreeNode, render_tree
from tests.app.world import open_world, until

TREE = """
                                                                                STATE           UP  RESTARTS  MAILBOX  LAST ERROR
app 970ca35de60c44645bbae8a215061b33                                            running      1m40s
├─ supervisor feed online                                                       running
│  └─ session botkit-feed-online-greeter, logged_in in __agora_user_online      running      1m40s
├─ supervisor feed channels                                                     running
│  └─ session botkit-feed-channels-greeter, logged_in in __agora_channel_event  running      1m40s
├─ supervisor bot greeter                                                       running
│  └─ bot greeter                                                               running      1m40s             0/4096
│     ├─ session greeter, logged_in in one                                      running      1m40s
│     ├─ session greeter~2, logged_in in two                                    running      1m40s
│     └─ pool greeter, 1 of 500 sessions                                        running
│        └─ session greeter~3, logged_in in room-7                              running      1m40s
├─ supervisor bot faulty                                                        running
│  └─ bot faulty                                                                running      1m40s         1   0/4096  RuntimeError: faulty has\\nblown
│     └─ session faulty, logged_in                                              running      1m40s
├─ supervisor bot looper, probe 1 in …s                                         quarantined                            RestartBudgetSpent: supervisor bot looper gives up: looper was restarted 5 times within 60 s
│  └─ bot looper                                                                ended                      5   0/4096  RuntimeError: looper has\\nblown
│     └─ session looper, logged_out                                             ended
└─ supervisor bot gone                                                          ended
   └─ bot gone                                                                  ended                          0/4096
      └─ session gone, logged_out                                               ended
"""  # noqa: E501 - as wide as a terminal shows it


def greeter() -> Bot:
    bot = Bot("greeter")

    @bot.on_user_online()
    async def greet(event: UserOnline) -> None:
        await trio.sleep(1000)

    @bot.on_channel_message()
    async def hear(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply("hello")

    return bot


def faulty(name: str) -> Bot:
    bot = Bot(name)

    @bot.resource
    async def fuse() -> AsyncIterator[trio.Event]:
        blown = trio.Event()

        async def watch() -> None:
            await blown.wait()
            raise RuntimeError(f"{name} has\nblown")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            yield blown
            nursery.cancel_scope.cancel()

    @bot.on_message(text="blow")
    async def blow(message: InstantMessage, blown: trio.Event) -> None:
        blown.set()

    return bot


@pytest.mark.row("A10")
async def test_the_tree_is_as_pinned(autojump_clock: MockClock) -> None:
    bots = [
        BotPlacement(bot=greeter(), account="greeter", channels=("one", "two", "room-*")),
        BotPlacement(bot=faulty("faulty"), account="faulty"),
        BotPlacement(bot=faulty("looper"), account="looper"),
        BotPlacement(bot=faulty("gone"), account="gone"),
    ]
    with capture_logs():
        async with open_world() as world, world.signal.open_session("ann") as ann:
            app = world.app(*bots, quarantine=QuarantineSettings(probe_after=1000))
            assert app.tree().state == "ended"
            async with trio.open_nursery() as nursery:
                begin = trio.current_time()
                await nursery.start(app.run)
                await ann.join("room-7")
                await ann.send_instant("faulty", "blow")
                async with world.signal.open_session("gone"):
                    await trio.sleep(1)
                for _ in range(6):
                    await until(lambda: world.has_session("looper"))
                    await ann.send_instant("looper", "blow")
                    await until(lambda: not world.has_session("looper"))
                await trio.sleep_until(begin + 100.75)
                tree = app.tree()
                nursery.cancel_scope.cancel()
            assert app.tree().state == "ended"
    shown = re.sub(r"probe 1 in \d{3}s", "probe 1 in …s  ", render_tree(tree))
    assert f"\n{shown}\n" == TREE
    assert msgspec.json.decode(msgspec.json.encode(tree), type=TreeNode) == tree


def quick_bot(name: str) -> Bot:
    """Has a bit of everything that runs: a resource with a task, beats, handlers that last."""
    bot = faulty(name)

    @bot.every(seconds=0.3)
    async def beat(ctx: Context) -> None:
        await trio.sleep(0.2)

    @bot.on_login()
    async def linger(event: LoggedIn) -> None:
        await trio.sleep_forever()

    return bot


def tasks_below(nursery: trio.Nursery) -> set[trio.lowlevel.Task]:
    children = set(nursery.child_tasks)
    return children | {task for child in children for inner in child.child_nurseries for task in tasks_below(inner)}


@pytest.mark.row("A10", "A01")
async def test_nothing_outlives_the_app_whenever_it_is_cancelled(autojump_clock: MockClock) -> None:
    """While it starts, while all is well, while a bot waits for its restart, in quarantine, on probation."""
    with capture_logs():
        async with open_world() as world, world.signal.open_session("ann") as ann:
            for moment in (0.0, 0.01, 0.5, 1.0, 2.1, 2.4, 3.0, 30.0, 45.0, 70.0):
                bots = [
                    BotPlacement(bot=quick_bot("steady"), account="steady", channels=("one", "two", "room-*")),
                    BotPlacement(bot=quick_bot("looper"), account="looper"),
                    BotPlacement(bot=greeter(), account="greeter"),
                ]
                tasks = trio.lowlevel.current_statistics().tasks_living
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(blow_again_and_again, ann)
                    nursery.start_soon(world.app(*bots).run)
                    await trio.sleep(moment)
                    nursery.cancel_scope.cancel()
                await trio.sleep(0.001)  # the gateway's side of what was closed
                assert world.gateway.sessions == 1, moment
                assert trio.lowlevel.current_statistics().tasks_living == tasks, moment


async def blow_again_and_again(ann: LoginSession) -> None:
    while True:
        await trio.sleep(2)
        await ann.send_instant("looper", "blow")


@pytest.mark.row("A10", "A01")
async def test_a_bot_that_is_cancelled_alone_logs_out_and_leaves_no_task(autojump_clock: MockClock) -> None:
    """One bot is one actor with its sessions in one nursery: to cancel that is to end all of it, and nothing else."""
    with capture_logs():
        async with open_world() as world, trio.open_nursery() as nursery:
            app = world.app(
                BotPlacement(bot=quick_bot("one"), account="one", channels=("lobby", "hall", "room-*")),
                BotPlacement(bot=quick_bot("two"), account="two"),
            )
            await nursery.start(app.run)
            await trio.sleep(10)
            one, two = app._crew.bots
            tasks, sessions = tasks_below(nursery), world.gateway.sessions
            (actor_task,) = [task for task in tasks if task.name == f"{one.title}/one"]
            below = {task for inner in actor_task.child_nurseries for task in tasks_below(inner)}
            assert len(below) > 5

            assert one._actor is not None
            one._actor.stop()  # a normal end, which its supervisor leaves alone
            await until(lambda: one.status().state == "ended")
            await trio.sleep(1)
            assert {status.status for status in one.status().sessions} == {"logged_out"}
            assert world.gateway.sessions == sessions - 2
            assert not (below | {actor_task}) & tasks_below(nursery)
            assert two.status().state == "running"
            assert {status.status for status in two.status().sessions} == {"logged_in"}
            nursery.cancel_scope.cancel()
