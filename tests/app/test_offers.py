"""What the framework offers a bot besides the event: its meters, and who has which role."""

from collections.abc import AsyncIterator

from trio.testing import MockClock

from botkit import Bot, BotInfo, BotPlacement, ChannelMessage, Context, Meters
from botkit.observability.metrics import Counter
from botkit.testing import open_world


async def test_a_bot_counts_on_the_meters_of_the_process(autojump_clock: MockClock) -> None:
    bot = Bot("counter")

    @bot.resource
    async def greetings(meters: Meters) -> AsyncIterator[Counter]:
        yield meters.counter("greetings", "Greetings heard")

    @bot.on_channel_message()
    async def count(message: ChannelMessage, greetings: Counter, meters: Meters) -> None:
        assert meters.counter("greetings", "Greetings heard") is greetings
        greetings.add()

    async with open_world(bot) as world:
        ann = await world.user("ann", channel="lobby")
        await ann.say("hello")
        await ann.expect_text("hello")
        await ann.heard(ChannelMessage)
        assert world.metric("botkit_greetings_total") == 1


async def test_a_bot_can_ask_who_has_which_role(autojump_clock: MockClock) -> None:
    bot = Bot("roles")

    @bot.command("secret", roles=("admin", "moderator"))
    async def secret(ctx: Context) -> None:
        """For the few."""

    @bot.on_channel_message()
    async def tell(message: ChannelMessage, ctx: Context, info: BotInfo) -> None:
        await ctx.reply(f"you are {', '.join(info.roles_of(message.account)) or 'nobody'}")

    placement = BotPlacement(
        bot=bot, account="roles", channels=("lobby",), roles={"moderator": ["mod-*"], "admin": ["mod-ann"]}
    )
    async with open_world(placement) as world:
        for account, told in (("mod-ann", "admin, moderator"), ("mod-bob", "moderator"), ("eve", "nobody")):
            user = await world.user(account, channel="lobby")
            await user.say("who am I?")
            await user.expect_text(f"you are {told}")
