"""CPU time by event that botkit takes to find the last of 20 handlers and run it. Prints µs; argument: events."""

import gc
import sys
import time

import trio

from botkit import Bot, ChannelMessage, Context
from botkit import filters as f
from tests.app.dispatching import dispatching, said

HANDLERS, AT_ONCE = 20, 100


def make_bot(seen: list[ChannelMessage]) -> Bot:
    """Twenty handlers of channel messages, each for another command."""
    bot = Bot("twenty")

    def add(number: int) -> None:
        @bot.on_channel_message(f.text.startswith(f"!cmd{number} "))
        async def handle(message: ChannelMessage, ctx: Context) -> None:
            seen.append(message)

    for number in range(HANDLERS):
        add(number)
    return bot


async def measure(events: int) -> float:
    """µs of CPU for each event, from the session to the end of its handler."""
    seen: list[ChannelMessage] = []
    message = said("!cmd19 hi")
    async with dispatching(make_bot(seen)) as at:
        await at.tell(message)
        seen.clear()
        gc.collect()
        begin = time.process_time()
        for _ in range(events // AT_ONCE):
            for _ in range(AT_ONCE):
                await at.dispatcher.dispatch(message, at.session)
            await at.dispatcher.wait_all_done()
        used = time.process_time() - begin
    assert len(seen) == events, "not all were handled"
    return used / events * 1e6


if __name__ == "__main__":
    print(trio.run(measure, int(sys.argv[1])))
