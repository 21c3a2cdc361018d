"""Instant messages from one botkit session to another, 64 in flight. Prints JSON; arguments: port, app, messages."""

import json
import sys
import time

import trio

from botkit import InstantMessage, Signal

IN_FLIGHT = 64


async def measure(port: int, app: str, messages: int) -> dict[str, float]:
    """Messages per second, and µs of CPU for each, of both ends."""
    signal = Signal(app, f"ws://127.0.0.1:{port}/")
    text, left = "x" * 100, iter(range(messages))
    async with signal.open_session("sender") as sender, signal.open_session("receiver") as receiver:
        begin, cpu = time.perf_counter(), time.process_time()

        async def send() -> None:
            for _ in left:
                await sender.send_instant("receiver", text)

        async with trio.open_nursery() as nursery:
            for _ in range(IN_FLIGHT):
                nursery.start_soon(send)
            heard = 0
            while heard < messages:
                heard += isinstance(await receiver.receive_event(), InstantMessage)
        took, used = time.perf_counter() - begin, time.process_time() - cpu
    return {"messages": messages / took, "CPU of both clients": used / messages * 1e6}


if __name__ == "__main__":
    print(json.dumps(trio.run(measure, int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
