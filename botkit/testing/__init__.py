"""The test kit: the gateway that is also deployed, in memory, and people to try a bot on.

::

    from botkit import Bot, ChannelMessage, Context, InstantMessage
    from botkit.testing import open_world

    from hello import bot


    async def test_hello(autojump_clock: MockClock) -> None:
        async with open_world(bot) as world:
            alice = await world.user("alice", channel="lobby")
            await alice.say("!hello")
            await alice.expect_text("hello, alice")

Nothing here is a fake: bots and users are the sessions that production runs, and speak over WebSockets to a real
gateway, on streams in memory instead of sockets. pytest-trio's ``autojump_clock`` makes time virtual: a minute of
silence costs nothing, and such a test takes some milliseconds.

``World`` has what goes wrong: ``world.road("alice")`` cuts, blocks (half-open), delays, drops, duplicates and reorders
what an account sends and gets; the world restarts its gateway, kicks, displaces, lets tokens expire
(``token_seconds``), and jumps in time. Lower down, ``open_test_gateway`` is the gateway alone, and ``WirePeer`` sends
frames by hand, for what a well-behaved client never does.

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
