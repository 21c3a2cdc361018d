"""CPU time by event of discord.py's ``Client.dispatch`` and the listener that it calls. Prints µs; argument: events."""

import asyncio
import gc
import sys
import time

import discord

AT_ONCE = 100


async def measure(events: int) -> float:
    """µs of CPU for each event, from ``dispatch`` to the end of the listener."""
    client = discord.Client(intents=discord.Intents.none())
    client.loop = asyncio.get_running_loop()
    seen: list[str] = []

    @client.event  # type: ignore[untyped-decorator]  # not installed where types are checked
    async def on_message(message: str) -> None:
        seen.append(message)

    gc.collect()
    begin = time.process_time()
    for done in range(AT_ONCE, events + 1, AT_ONCE):
        for _ in range(AT_ONCE):
            client.dispatch("message", "!cmd19 hi")
        while len(seen) < done:  # noqa: ASYNC110 - its tasks are nobody's to wait for
            await asyncio.sleep(0)
    used = time.process_time() - begin
    assert len(seen) == events, "not all were handled"
    return used / events * 1e6


if __name__ == "__main__":
    print(asyncio.run(measure(int(sys.argv[1]))))
