"""Commands: words behind a prefix, in a channel or in private, with typed arguments, roles and help.

::

    from datetime import timedelta

    from trio.testing import MockClock

    from botkit import Account, Bot, BotPlacement, Context, InstantMessage, RestOfLine
    from botkit.testing import open_world

    bot = Bot("warden")


    @bot.command("mute", roles=("moderator", "admin"))
    async def mute(ctx: Context, account: Account, time: timedelta, reason: RestOfLine = "") -> None:
        \"\"\"Mutes somebody for a while.\"\"\"
        await ctx.session.mute(account, seconds=time.total_seconds(), reason=reason)
        await ctx.reply(f"{account} is muted for {time}")


    async def test_mute(autojump_clock: MockClock) -> None:
        warden = BotPlacement(bot=bot, account="warden", channels=("lobby",), roles={"moderator": ["ann"]})
        async with open_world(warden, server_accounts=["warden"]) as world:
            ann = await world.user("ann", channel="lobby")
            await ann.say("!mute bob 10m no more of that")
            await ann.expect_text("bob is muted for 0:10:00")
            await ann.say("!mute bob soon")
            wrong = await ann.expect(InstantMessage, account="warden")
            assert "time" in wrong.text

``!mute ann 10m no more of that`` calls it with ``Account("ann")``, ten minutes and ``"no more of that"``.

**Arguments** are the parameters of the types below, in their order; all others are given by type, as everywhere. One
with a default, or whose type may be ``None``, may be left out.

=================================  ========================================================================
``str``                            one word, or several in double quotes
``int``, ``float``                 a number; ``Annotated[int, Meta(ge=1, le=10)]`` bounds it (``msgspec.Meta``)
``bool``                           yes or no, on or off, true or false, 1 or 0
``Account``, ``ChannelName``       what can be one
``timedelta``                      a duration: ``90s``, ``10m``, ``1h30m``, ``2d``, ``1w``
an ``Enum``                        one of its values or names, in any case
``Literal["on", "off"]``           one of these
``list[T]``, ``*rest: T``          all further words, each a ``T``; a list has at least one
``RestOfLine``                     all further text as it stands, quotes included
=================================  ========================================================================

**Quoting.** Words are what blanks separate. A word that begins with a double quote ends at the next one, blanks
included; in it ``\\"`` is a quote and ``\\\\`` a backslash. Anywhere else a quote is a character like others.

**Where.** A command whose event parameter is a ``ChannelMessage`` is one of channels, with ``InstantMessage`` it is
private, and with both, or without such a parameter, it is anywhere.

**Roles** are given to accounts, or patterns of them, where the bot is placed (``roles`` in YAML). A command with
``roles`` is for those who have one of them. Others are refused: the sender is told, it is logged, counted, and given to
the handlers of ``on_command_refused``.

**Help.** ``!help`` lists the commands that the sender may use, and ``!help mute`` says more about one. Help, refusals,
and what is wrong with an argument go to the sender as instant messages, also from a channel: nobody else reads them.
"""
