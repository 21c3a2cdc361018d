"""Presence events from a gateway through a feed into a handler, all in this process. Argument: events. Prints 1/s."""

import sys
import time

import trio

from botkit import Bot, UserOffline, UserOnline
from botkit.testing import open_world
from botkit.types import Account, Uid

AT_ONCE = 100


async def measure(events: int) -> float:
    """Events per second of CPU."""
    bot, seen, wanted = Bot("watcher"), 0, 0
    enough = trio.Event()

    @bot.on_user_online()
    async def online(event: UserOnline) -> None:
        count()

    @bot.on_user_offline()
    async def offline(event: UserOffline) -> None:
        count()

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == wanted:
            enough.set()

    async def wait_for(number: int) -> None:
        nonlocal wanted, enough
        if seen < number:
            wanted, enough = number, trio.Event()
            await enough.wait()

    async with open_world(bot) as world:
        gateway = world.host.gateway
        (hub,) = gateway.hubs.values()
        seen, told = 0, 0
        begin = time.process_time()
        while told < events:
            for number in range(AT_ONCE // 2):
                who = Account(f"user-{number}"), Uid(number + 1)
                hub.presence.online(*who)
                hub.presence.offline(*who, "logout")
            told += AT_ONCE
            await gateway.flusher.flush()
            await wait_for(told - AT_ONCE)  # as a busy gateway: the next are told while these are handled
        await wait_for(told)
        used = time.process_time() - begin
    assert seen == told, "somebody else came or went"
    return told / used


if __name__ == "__main__":
    print(trio.run(measure, int(sys.argv[1])))
