"""One version of a bot's code, ready to be called: its handlers with everything filled in, and how many are at work."""

import trio

from botkit.app.binding import Injected
from botkit.app.causality import next_number
from botkit.app.commands.desk import CommandDesk
from botkit.app.context import Context
from botkit.app.handling import HandlerBorder
from botkit.app.meters import AppMeters
from botkit.app.placement import BotPlan
from botkit.app.targets import Target, TargetMaker
from botkit.app.walk import Walk
from botkit.events import CommandRefused, Event
from botkit.routing.deadlines import Deadlines
from botkit.routing.loops import LoopBreaker
from botkit.routing.table import RouteTable
from botkit.signaling import Call, LoginSession


class Version:
    """The handlers of ``plan``, which what is ``injected`` goes into. ``deadlines`` are those of whoever calls them.

    Whoever calls one of them does ``enter`` before, and ``leave`` afterwards, so that ``unused`` tells when what is
    injected is needed no more.
    """

    def __init__(
        self, plan: BotPlan, injected: Injected, meters: AppMeters, loops: LoopBreaker, deadlines: Deadlines
    ) -> None:
        self.plan, self.injected = plan, injected
        self.own_accounts = frozenset(plan.accounts) if plan.bot.ignore_self else frozenset()
        self.border = HandlerBorder(plan.info, meters, loops, deadlines)
        commands = CommandDesk(plan.bot.command_prefix, plan.roles, meters, self._tell_refused)
        targets = TargetMaker(injected, plan.bot.handler_timeout, commands)
        self.table = RouteTable[Target](targets.tree(plan.wiring.root), self.border.filter_failed)
        self.beats = targets.beats
        self.drains = targets.drains
        """The handlers of ``every``, with their seconds."""
        self._users = 0
        self._awaited = False
        self._left = trio.lowlevel.ParkingLot()
        self.nobodys = plan.roles.nobodys(plan.bot.commands)
        """The commands that are for roles of which nobody has one."""

    def enter(self) -> None:
        """A handler of this version is about to be called."""
        self._users += 1

    def leave(self) -> None:
        """It has returned."""
        self._users -= 1
        if self._awaited and not self._users:
            self._left.unpark_all()

    @property
    def users(self) -> int:
        """How many events and beats its handlers are at work on."""
        return self._users

    async def unused(self) -> None:
        """Wait until none of its handlers is at work."""
        while self._users:
            self._awaited = True
            await self._left.park()

    def context(self, session: LoginSession, event: Event | None = None, call: Call | None = None) -> Context:
        """The surroundings of an event, or of a beat."""
        plan = self.plan
        return Context(session, plan.info, plan.settings, event, call, number=next_number())

    async def _tell_refused(self, refused: CommandRefused, context: Context) -> None:
        await Walk(self.table, self.border, refused, self.context(context.session, refused)).run()
