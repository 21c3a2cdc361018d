"""Bots and what runs them.

What authors use: ``bot`` (:class:`~botkit.app.bot.Bot` and its decorators) and ``context``
(:class:`~botkit.app.context.Context`). What runs them: ``app`` (:class:`~botkit.app.app.App`), which makes for each
``placement`` a ``running`` bot, that is a supervisor and its ``bot_actor``; that one holds ``resources``,
``sessions`` and a ``dispatcher``, which calls the handlers with what their ``signatures`` ask for. ``feeds`` and
``feed_keeper`` read the special channels once for all bots. ``report`` says what runs, ``meters`` counts.
"""
