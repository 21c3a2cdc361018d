"""The test kit: the gateway that is also deployed, in memory, and people to try a bot on.

::

    import trio
    from trio.testing import MockClock

    from botkit import Bot, BotPlacement, CallInvited, ChannelMessage, Context, InstantMessage, LoggedOut
    from botkit.testing import CALM, Weather, open_world

    bot = Bot("hello")


    @bot.on_channel_message(text="!hello")
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"hello, {message.account}")


    @bot.on_invite()
    async def answer(invite: CallInvited, ctx: Context) -> None:
        async with ctx.call.accepted():
            digits = await ctx.call.gather_dtmf(2)
            await ctx.call.say(f"you pressed {digits}")


    async def test_hello(autojump_clock: MockClock) -> None:
        async with open_world(bot) as world:
            alice = await world.user("alice", channel="lobby")
            await alice.say("!hello")
            await alice.expect_text("hello, alice")
            await alice.say("hello")
            await alice.expect(ChannelMessage, account="alice", text="hello")
            await alice.expect_nothing(InstantMessage)

Nothing here is a fake: bots and users are the sessions that production runs, and speak over WebSockets to a real
gateway, on streams in memory instead of sockets. pytest-trio's ``autojump_clock`` makes time virtual: a minute of
silence costs nothing, and such a test takes some milliseconds. In ``pyproject.toml`` ``trio_mode = true`` is all that
pytest needs for ``async def`` tests.

**People** ``say``, ``tell``, ``call``, ``press``, ``answer``, ``refuse``, ``hang_up``; they ``expect`` an event by its
type, filters and fields, ``expect_text``, and ``expect_nothing``. What they hear is kept, so the order of expectations
need not be that of events::

    async def test_a_call(autojump_clock: MockClock) -> None:
        async with open_world(bot) as world:
            alice = await world.user("alice")
            await alice.call("hello")
            await alice.wait_answered()
            await alice.press("42")
            await alice.expect_text("you pressed 42")
            await alice.wait_hung_up()

At its end a world fails the test when a handler or a filter raised, or a bot was given up (``expect_failures=True``
when that is what the test is about).

**What goes wrong.** ``world.road("alice")`` is the way between an account and the gateway. It can be ``cut`` (both ends
see it), ``block`` (half-open: nobody is told, until ``open``); ``drop_next`` and ``duplicate_next`` are for frames, and
``weather`` drops, duplicates, reorders and delays by a seed::

    async def test_it_comes_back(autojump_clock: MockClock) -> None:
        async with open_world(bot) as world:
            alice = await world.user("alice", channel="lobby")
            world.road("hello").cut()                       # the bot's connection breaks; it comes back and resumes
            await trio.sleep(10)
            await alice.say("!hello")
            await alice.expect_text("hello, alice")
            world.road("hello").weather = Weather(delay=0.2, jitter=0.1)
            await alice.say("!hello")
            await alice.expect_text("hello, alice")
            world.road("hello").weather = CALM
            await trio.sleep(1)                             # the bot hears that its answer has arrived
            await world.restart_gateway(down_seconds=5, crash=True)
            await trio.sleep(30)
            await alice.say("!hello")
            await alice.expect_text("hello, alice")
            world.jump(60)                                  # as if the process had been suspended for a minute
            await trio.sleep(30)
            await alice.say("!hello")
            await alice.expect_text("hello, alice")

The gateway ``restart``s, with or without a crash; ``kick`` and ``ban`` are what a moderator does; ``displace`` is a
login elsewhere; with a ``certificate`` tokens expire after ``token_seconds``::

    async def test_displaced(autojump_clock: MockClock) -> None:
        async with open_world() as world:
            alice = await world.user("alice", channel="lobby")
            await world.displace("alice")
            assert (await alice.expect(LoggedOut)).code == 103

**Settings and channels** are in a ``BotPlacement``, as in the YAML::

    async def test_in_two_channels(autojump_clock: MockClock) -> None:
        everywhere = BotPlacement(bot=bot, account="hello", channels=("lobby", "attic"))
        async with open_world(everywhere) as world:
            alice = await world.user("alice", channel="attic")
            await alice.say("!hello")
            await alice.expect_text("hello, alice")

A handler is a plain function, too: a test may call it. Lower down, ``open_test_gateway`` is the gateway alone, and
``WirePeer`` sends frames by hand, for what a well-behaved client never does.

A bot that keeps a database takes ``sqlite://NAME`` in a test: a database in memory that all who open the name share.
The test opens it first, and reads it while the bot runs and afterwards. (Files work too, but a virtual clock does not
wait for a disk.)
"""

from botkit.testing.gateway import TEST_APP, open_test_gateway
from botkit.testing.peer import Notice, Refusal, WirePeer
from botkit.testing.road import Road
from botkit.testing.user import User
from botkit.testing.weather import CALM, Weather
from botkit.testing.world import World, open_world

__all__ = [
    "CALM",
    "TEST_APP",
    "Notice",
    "Refusal",
    "Road",
    "User",
    "Weather",
    "WirePeer",
    "World",
    "open_test_gateway",
    "open_world",
]
