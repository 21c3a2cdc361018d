"""CPU time by message between botkit's actors. Prints JSON, µs by measure; arguments: messages, actors."""

import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from botkit.actor.actor import Actor, actor_child
from botkit.actor.ref import ActorRef, Question
from botkit.actor.supervisor import Supervisor

CAPACITY = 1000
"""Of a mailbox; whoever tells more at once waits for room."""


class HowMany(Question[int]):
    """How many messages there were."""


class Counter(Actor[str | HowMany]):
    """Counts what it is told, and says so when it is all there."""

    def __init__(self, messages: int, full: trio.Semaphore) -> None:
        self.messages, self.full = messages, full
        self.count = 0

    async def on_receive(self, message: str | HowMany) -> int:  # noqa: ARG002
        """Count a message; the answer is how many there were."""
        self.count += 1
        if self.count == self.messages:
            self.full.release()
        return self.count


async def tell(messages: int, actors: int) -> float:
    """µs for each of ``messages``, spread over ``actors``, one after the other."""
    full = trio.Semaphore(0)

    async def tell_all(refs: list[ActorRef[str | HowMany]]) -> None:
        for _ in range(messages // actors):
            for ref in refs:
                try:
                    ref.tell_nowait("a message")
                except trio.WouldBlock:
                    await ref.tell("a message")
        for _ in refs:
            await full.acquire()

    return await measured(tell_all, messages, [Counter(messages // actors, full) for _ in range(actors)])


async def ask(messages: int) -> float:
    """µs for each question with its answer, one at a time."""

    async def ask_all(refs: list[ActorRef[str | HowMany]]) -> None:
        for _ in range(messages):
            await refs[0].ask(HowMany())

    return await measured(ask_all, messages, [Counter(messages, trio.Semaphore(0))])


async def measured(
    work: Callable[[list[ActorRef[str | HowMany]]], Awaitable[None]], messages: int, actors: list[Counter]
) -> float:
    """µs of CPU by message, of work on actors that run meanwhile."""
    children = [actor_child(str(n), partial(_same, one), capacity=CAPACITY) for n, one in enumerate(actors)]
    async with trio.open_nursery() as nursery:
        await nursery.start(Supervisor("all", [child.spec for child in children]).run)
        gc.collect()
        begin = time.process_time()
        await work([child.ref for child in children])
        used = time.process_time() - begin
        nursery.cancel_scope.cancel()
    return used / messages * 1e6


def _same(actor: Counter) -> Counter:
    return actor


async def main(messages: int, actors: int) -> None:
    """Measure all."""
    figures = {
        "tell to 1 actor": await tell(messages, 1),
        "tell to many actors": await tell(messages, actors),
        "ask": await ask(messages),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
