"""Children that do what they are told, and write down what happens to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.actor.restarts import RestartBudget, Strategy
from botkit.actor.supervisor import Supervisor


class Puppet:
    """A child that does what it is told, and writes down when it starts and stops."""

    def __init__(
        self, name: str, log: list[str], restart: Restart = Restart.PERMANENT, stop_seconds: float = 5.0
    ) -> None:
        self.name, self.log = name, log
        self.orders = trio.Event()
        self.order = ""
        self.start_errors: list[BaseException | None] = []
        """What its next starts do: raise this, or, for None, return without a word."""
        self.clean_up_seconds = 0.0
        self.spec = ChildSpec(
            name=name,
            run=self.run,
            restart=restart,
            stop_seconds=stop_seconds,
            on_gone=lambda _end: log.append(f"{name} gone"),
        )

    async def run(self, lifetime: Lifetime) -> None:
        if self.start_errors:
            self.log.append(f"{self.name} tries")
            error = self.start_errors.pop(0)
            if error is None:
                return
            raise error
        self.log.append(f"{self.name} up")
        lifetime.started()
        try:
            with lifetime.work:
                await self.orders.wait()
                self.orders = trio.Event()
                if self.order == "raise":
                    raise RuntimeError(self.name)
                if self.order == "exit":
                    raise SystemExit(1)
                return
            await trio.sleep(self.clean_up_seconds)
            self.log.append(f"{self.name} down")
        except trio.Cancelled:
            self.log.append(f"{self.name} cut")
            raise

    def end(self, order: str) -> None:
        self.order = order
        self.orders.set()


MANY = RestartBudget(100, 60.0)


@asynccontextmanager
async def supervised(
    puppets: Sequence[Puppet], strategy: Strategy = Strategy.ONE_FOR_ONE, budget: RestartBudget = MANY
) -> AsyncIterator[Supervisor]:
    """A running supervisor of these; stopped at the end."""
    supervisor = Supervisor("top", [puppet.spec for puppet in puppets], strategy=strategy, budget=budget)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        yield supervisor
        nursery.cancel_scope.cancel()
