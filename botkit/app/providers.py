"""Providers: functions that make, of an event, what handlers ask for by type; once per event, when first asked.

::

    from collections.abc import AsyncIterator
    from dataclasses import dataclass

    from botkit import Bot, Context, Database, InstantMessage, open_database

    SCHEMA = ("CREATE TABLE IF NOT EXISTS customers (account TEXT PRIMARY KEY, name TEXT NOT NULL)",)


    @dataclass(frozen=True)
    class Customer:
        name: str


    bot = Bot("shop")


    @bot.resource
    async def database() -> AsyncIterator[Database]:
        async with open_database("sqlite://shop", SCHEMA) as database:
            yield database


    @bot.provide
    async def customer(event: InstantMessage, database: Database) -> Customer:
        rows = await database.fetch("SELECT name FROM customers WHERE account = ?", (event.account,))
        return Customer(str(rows[0][0]) if rows else event.account)


    @bot.on_message()
    async def greet(message: InstantMessage, ctx: Context, customer: Customer) -> None:
        await ctx.reply(f"good day, {customer.name}")

A provider may ask for what a handler may, other providers included. One that has an event parameter serves the handlers
of such events. What it raises is its handler's failure.
"""

import inspect
from collections.abc import Callable

from botkit.app.context import Context
from botkit.app.injection import Provider
from botkit.app.signatures import is_event, place_of, read_signature


def read_provider(function: Callable[..., object]) -> Provider:
    """Read a provider: a ``def`` or ``async def`` that says what it returns. Raises ``HandlerError``."""
    place = place_of(function)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise place.error("a provider returns its value: one that yields is a resource, or a middleware")
    signature = read_signature(function)
    if signature.returns in (inspect.Signature.empty, None):
        raise place.error("a provider says what it provides: -> T")
    if signature.returns is Context or is_event(signature.returns):
        raise place.error("the event and its Context are there already")
    return Provider(signature, signature.returns)
