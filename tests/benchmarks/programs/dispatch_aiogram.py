"""CPU time by event that aiogram takes to find the last of 20 handlers and run it. Prints µs; argument: events."""

import asyncio
import gc
import sys
import time
from datetime import UTC, datetime

from aiogram import Bot, Dispatcher, F
from aiogram.types import Chat, Message, Update, User

HANDLERS = 20


async def measure(events: int) -> float:
    """µs of CPU for each event, from ``feed_update`` to the end of the handler."""
    dispatcher = Dispatcher()
    seen: list[Message] = []

    def add(number: int) -> None:
        @dispatcher.message(F.text.startswith(f"!cmd{number} "))  # type: ignore[untyped-decorator]  # not installed here
        async def handle(message: Message) -> None:
            seen.append(message)

    for number in range(HANDLERS):
        add(number)
    bot = Bot("42:nothing")
    message = Message(
        message_id=1,
        date=datetime.now(UTC),
        chat=Chat(id=1, type="group"),
        from_user=User(id=2, is_bot=False, first_name="ann"),
        text="!cmd19 hi",
    )
    update = Update(update_id=1, message=message)
    gc.collect()
    begin = time.process_time()
    for _ in range(events):
        await dispatcher.feed_update(bot, update)
    used = time.process_time() - begin
    assert len(seen) == events, "not all were handled"
    await bot.session.close()
    return used / events * 1e6


if __name__ == "__main__":
    print(asyncio.run(measure(int(sys.argv[1]))))
