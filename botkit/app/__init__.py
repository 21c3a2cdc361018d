"""Bots and what runs them. The guide's first chapter: handlers.

A bot is a name and functions. Here is a whole one, with most of what there is::

    from trio.testing import MockClock

    from botkit import Bot, ChannelMessage, Context, InstantMessage, Router, UserJoined, filters as f
    from botkit.testing import open_world

    bot = Bot("host")


    @bot.on_user_joined()
    async def welcome(event: UserJoined, ctx: Context) -> None:
        await ctx.session.send_instant(event.account, f"welcome to {event.channel}")


    @bot.on_channel_message(f.text.startswith("!time"), timeout=5)
    async def tell_time(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"{message.account}: {message.ms} ms since 1970")

**Handlers** are ``async def`` functions, and stay what they are: the decorator returns them untouched. The first
parameter is the event, or ``Context``. ``on_channel_message``, ``on_message`` (instant messages), ``on_user_joined``,
``on_user_left``, ``on_invite``, ``on_dtmf``, ``on_call_ended`` and ``on_attribute`` are about the bot's own account
and channel; ``on_user_online``, ``on_user_offline``, ``on_member_joined`` and ``on_member_left`` about the whole app:
a feed is started for them when some handler needs it. ``on`` takes any event of ``botkit.events``, ``every`` is a beat,
``on_drain`` what is to be finished before a stop, and ``command`` is in ``botkit.app.commands``.

What a handler asks for, it is given **by type**: the event, ``Context``, ``BotInfo``, the bot's settings, resources
(opened before the login, closed after the logout), and what providers make of an event. That is checked when it is
registered. A wrong or an unknown type is a ``HandlerError`` with file and line at import, not at the first message::

    from collections.abc import AsyncIterator

    from msgspec import Struct


    class Settings(Struct, frozen=True):
        greeting: str = "good day"


    class Guests:
        def __init__(self) -> None:
            self.names: set[str] = set()


    doorman = Bot("doorman", settings=Settings)


    @doorman.resource
    async def guests() -> AsyncIterator[Guests]:
        yield Guests()      # what is after this line runs at the end, also after a crash


    @doorman.on_message(f.text.is_("let me in"))
    async def let_in(message: InstantMessage, ctx: Context, settings: Settings, guests: Guests) -> None:
        guests.names.add(message.account)
        await ctx.reply(f"{settings.greeting}, guest {len(guests.names)}")

**Routers** are parts of a bot, in modules of their own. The first router with a handler that wants the event keeps it;
``ctx.propagate()`` lets it go on, ``ctx.stop()`` ends it (``help("botkit.Router")`` has the rule)::

    support = Router("support", f.channel.glob("support-*"))


    @support.on_channel_message()
    async def answer(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply("somebody will be with you soon")


    bot.include(support)

**Middlewares** go around handlers: ``middleware`` around each handler whose filter has said yes, ``outer_middleware``
around all that happens to an event (``botkit.app.middleware``). **Errors** of handlers are logged, counted, and given
to the first ``on_error`` that takes them (``botkit.app.error_handlers``); the bot goes on with the next event::

    @doorman.outer_middleware
    def only_adults(event: InstantMessage, ctx: Context) -> None:
        if event.account.startswith("kid-"):
            ctx.stop()


    @doorman.on_message(f.text.is_("throw me out"))
    async def throw_out(message: InstantMessage, ctx: Context) -> None:
        raise LookupError("no door")


    @doorman.on_error
    async def sorry(error: LookupError, message: InstantMessage, ctx: Context) -> None:
        await ctx.reply(f"that did not work: {error}")

**Order.** Events of one channel, one account or one call are handled one after another; others do not wait for them.
A handler that takes longer than its ``timeout`` (300 s unless said) is cancelled, logged and counted; one that cannot
be cancelled, since it waits for a thread, is named while it goes on. How much may wait is bounded (``RunnerLimits``);
what is dropped is counted and told as ``EventsLost``. What was missed while a feed was away is read from the
gateway's ledger: it comes in order and once, or as ``EventsLost``.

**Crashes.** A bot that fails is restarted by its own supervisor, up to 5 times in 60 s. Then it is in quarantine,
alone, until a probe shows that it is well again. No other bot notices.

This is what people in that channel see of it::

    async def test_host(autojump_clock: MockClock) -> None:
        async with open_world(bot) as world:
            ann = await world.user("ann", channel="lobby")
            await ann.expect_text("welcome to lobby")
            await ann.say("!time")
            said = await ann.expect(ChannelMessage, account="host")
            assert said.text.startswith("ann: ")


    async def test_doorman(autojump_clock: MockClock) -> None:
        async with open_world(doorman, expect_failures=True) as world:
            ann = await world.user("ann")
            await ann.tell("doorman", "let me in")
            await ann.expect_text("good day, guest 1")
            await ann.tell("doorman", "throw me out")
            await ann.expect_text("that did not work: no door")
            kid = await world.user("kid-1")
            await kid.tell("doorman", "let me in")
            await kid.expect_nothing(InstantMessage)

The modules
===========

What authors use: ``bot`` (:class:`~botkit.app.bot.Bot`), ``router`` (:class:`~botkit.app.router.Router`), whose
``decorators`` read what handlers ask for (``signatures``), ``middleware``, ``providers``, ``error_handlers``,
``resources``, and ``context`` (:class:`~botkit.app.context.Context`). ``wiring`` puts a bot together: it finds for each
parameter where its value comes from (``injection``), and ``binding`` fills them in.

What runs them: ``app`` (:class:`~botkit.app.app.App`; ``apps`` are several in one process), whose ``crew`` makes for
each ``placement`` a ``running`` bot, that is a supervisor and its ``bot_actor``; ``changes`` says which of them
another list of placements concerns. The actor has its resources open as ``holdings``, its ``sessions``, its ``beats``
and a ``dispatcher``, which puts events in order: each is a ``delivery`` for the ``version`` of the code that is in
force, or has a ``walk`` through its routers where middlewares stand before them; handlers are called as ``targets``,
within the border that ``handling`` is.

``feeds`` says which special channels are read once for all bots: each by a ``feed_keeper``'s session, whose
``feed_reader`` goes by a cursor of the ledger and tells each ``subscriber``, a bot whose mailbox may be full, and
``live_channels``, which knows where people are. There the ``pool`` of a bot with patterns of channels sends its
sessions, each a ``pool_stay``, under ``accounts`` made up for them and at a ``pace``.

What looks at it: ``meters`` and ``outgoing_meters`` count, ``gauges`` show what is there now, ``report`` says what
runs; the ``canary`` finds out for ``readiness`` whether bots really receive; the ``watchdog`` names the ``culprit``
that blocks the loop; ``causality`` knows which handler and event something was done for, ``effect_log`` writes it
down and ``effect_store`` keeps it for ``effect_trace``. The ``visitors`` of a demo act by a ``visitor_script``.
"""
