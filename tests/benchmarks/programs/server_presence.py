"""A gateway whose ledger tells of people that are not there. Arguments: accounts, events a second.

Each line of its standard input is a number of events: it has them happen, and says the number of the last one.
"""

import random
import sys

import trio

from botkit.gateway.hub import Hub
from botkit.gateway.server import serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.types import Account, Uid

APP = "benchmarks"
TICK_SECONDS = 0.01
CHANNELS = 500


class Crowd:
    """Logs in, all of them; then they walk from channel to channel, and some go and come back."""

    def __init__(self, hub: Hub, accounts: int) -> None:
        self._hub, self._chance = hub, random.Random(7)
        self._waiting = [Account(f"user-{number:05}") for number in range(accounts)]
        self._there: dict[Account, str] = {}

    def happen(self) -> int:
        """One of them does something; how many events that is."""
        if self._waiting:
            account = self._waiting.pop()
            self._hub.presence.online(account, Uid(7))
            self._there[account] = ""
            return 1
        account = self._chance.choice(list(self._there)) if len(self._there) < 100 else self._anybody()
        channel = self._there[account]
        if channel:
            self._hub.presence.left(account, Uid(7), channel, "moved")
        if self._chance.random() < 0.1:
            del self._there[account]
            self._hub.presence.offline(account, Uid(7), "logout")
            self._waiting.append(account)
        else:
            self._there[account] = f"room-{self._chance.randrange(CHANNELS)}"
            self._hub.presence.joined(account, Uid(7), self._there[account])
        return 1 + bool(channel)

    def _anybody(self) -> Account:
        while (account := Account(f"user-{self._chance.randrange(100_000):05}")) not in self._there:
            pass
        return account


async def main(accounts: int, per_second: int) -> None:
    """Serve until standard input ends."""
    settings = GatewaySettings(
        apps=(AppCredentials(id=APP, server_accounts=("presence", "botkit-feed-*")),), listen=Address("127.0.0.1", 0)
    )
    async with trio.open_nursery() as nursery:
        gateway = await nursery.start(serve_gateway, settings)
        hub = gateway.hubs[APP]
        crowd = Crowd(hub, accounts)
        print(f"ready {gateway.ws_url.rstrip('/').rpartition(':')[2]}", flush=True)
        lines = trio.wrap_file(sys.stdin)
        while line := await lines.readline():
            goal, began, done = int(line), trio.current_time(), 0
            while done < goal:
                due = min(goal, round((trio.current_time() - began) * per_second) + 1)
                while done < due:
                    done += crowd.happen()
                await trio.sleep(TICK_SECONDS)
            print(hub.ledger.last, flush=True)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
