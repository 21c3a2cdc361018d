"""Conversations: what a bot remembers of a talk with somebody: typed, timed, and kept through restarts.

A state is a frozen msgspec struct. ``Bot.conversation`` declares it, and from then on handlers ask for the conversation
with the account that their event is about, in the channel where it came from (in private: ``InstantMessage``)::

    from typing import Literal

    from msgspec import Struct

    from botkit import Bot, Context, Conversation, ConversationTimedOut, InstantMessage


    class Order(Struct, frozen=True):
        step: Literal["size", "topping"] = "size"
        size: str = ""


    bot = Bot("pizzeria")
    orders = bot.conversation(Order, timeout=300)


    @bot.on_message(~orders.open)
    async def begin(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
        await order.set(Order())
        await ctx.reply("Which size?")


    @bot.on_message(orders.where(lambda order: order.step == "size"))
    async def take_size(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
        await order.set(Order(step="topping", size=message.text))
        await ctx.reply("Which topping?")


    @bot.on_message(orders.where(lambda order: order.step == "topping"))
    async def take_topping(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
        if order.state is not None:
            await ctx.reply(f"One {order.state.size} with {message.text}.")
        await order.close()


    @bot.on_conversation_timeout(orders)
    async def too_late(event: ConversationTimedOut, ctx: Context) -> None:
        await ctx.session.send_instant(event.account, "I take that as a no.")

``set`` returns when the store has the state. With ``store: {url: "sqlite:///var/botkit.db"}`` in the configuration that
is a file: after a crash, a restart or a new version the talk goes on where it was, and times out when it would have.
Without a store it ends with the process.

The filters ``open`` and ``where`` are asked when an event's turn has come, after the handlers of the events before it:
two messages in a row cannot meet the same step. A handler that asks for ``Conversations[Order]`` gets the way to all of
them.
"""

from botkit.app.conversations.conversation import Conversation, Conversations
from botkit.app.conversations.desk import ConversationDesk
from botkit.app.conversations.kinds import ConversationKind

__all__ = ["Conversation", "ConversationDesk", "ConversationKind", "Conversations"]
