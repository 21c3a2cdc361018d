"""Run as a process of its own: commits batch after batch, and says each number once its commit returned."""

import sys

import trio

from botkit.stores.gateway import ChannelAttributeSet, MessageStored, open_gateway_store
from botkit.types import Account, AppId, ChannelName

APP, ANN, LOBBY = AppId("app"), Account("ann"), ChannelName("lobby")
WIDTH = 20


async def main(url: str, first: int) -> None:
    async with open_gateway_store(url) as store:
        number = first
        while True:
            attributes = [
                ChannelAttributeSet(app=APP, channel=LOBBY, name=f"a{index}", value=str(number))
                for index in range(WIDTH)
            ]
            message = MessageStored(app=APP, account=ANN, version=number, line="x" * 500, expires_ms=0)
            await store.commit([*attributes, message])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            number += 1


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))
