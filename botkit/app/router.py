"""A router: handlers under a name of their own, to be included in bots and in other routers."""

from botkit.app.decorators import Decorators
from botkit.app.handler_set import Declared, HandlerSet, Registration
from botkit.app.wiring import all_of, check_event_and_filters
from botkit.routing.filters import Filter


class Router(Decorators):
    """A part of a bot in a module of its own: it has the decorators of ``Bot``, and is included in one.

    ::

        from botkit import Bot, ChannelMessage, Context, Router, filters as f

        bot = Bot("desk")
        support = Router("support", f.channel.glob("support-*"))


        @support.on_channel_message(text="!help*")
        async def help(message: ChannelMessage, ctx: Context) -> None:
            await ctx.reply("somebody will be with you soon")


        bot.include(support)

    ``filters`` must all say yes, or the event goes past the router and those that it includes.

    **Who gets an event.** A bot, as a router without filters, is met first, then the routers that it includes, in the
    order of ``include``; each router is met before those that it includes. In the first router where handlers match,
    all of them are called, in the order of their registration, until one calls ``Context.stop``. Then the event has
    been handled, and routers after that do not see it, unless a handler has called ``Context.propagate``: then the
    next router is met where handlers match, and so on.

    What its handlers ask for must be there in the bot that includes it: that is looked at by ``include`` and when the
    bot starts. A router may be included in several bots, in each of them once.
    """

    def __init__(self, name: str, *filters: Filter) -> None:
        super().__init__(name, all_of(filters))

    def include(self, router: "Router") -> None:
        """Have events that go past this router's own handlers meet ``router``.

        Raises ``ValueError`` for a router that is this one, includes it, or is included here already.
        """
        self.include_set(router)

    def check(self, declared: Declared | HandlerSet) -> None:
        """Look at events and filters; what is asked for besides only a bot knows."""
        if isinstance(declared, Registration):
            check_event_and_filters(declared, [] if self.filter is None else [self.filter])
