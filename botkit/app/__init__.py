"""Bots and what runs them.

What authors use: ``bot`` (:class:`~botkit.app.bot.Bot`), ``router`` (:class:`~botkit.app.router.Router`), whose
``decorators`` read what handlers ask for (``signatures``), ``middleware``, ``providers``, ``error_handlers``,
``resources``, and ``context`` (:class:`~botkit.app.context.Context`). ``wiring`` puts a bot together: it finds for each
parameter where its value comes from (``injection``).

What runs them: ``app`` (:class:`~botkit.app.app.App`), which makes for each ``placement`` a ``running`` bot, that is a
supervisor and its ``bot_actor``; that one holds ``resources``, ``sessions`` and a ``dispatcher``, which puts events in
order and has each ``walk`` through the routers; handlers are called as ``targets``, within the border that ``handling``
is. ``feeds`` and ``feed_keeper`` read the special channels once for all bots. ``report`` says what runs, ``meters``
counts.
"""
