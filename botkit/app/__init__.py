"""Bots and what runs them.

What authors use: ``bot`` (:class:`~botkit.app.bot.Bot`), ``router`` (:class:`~botkit.app.router.Router`), whose
``decorators`` read what handlers ask for (``signatures``), ``middleware``, ``providers``, ``error_handlers``,
``resources``, and ``context`` (:class:`~botkit.app.context.Context`). ``wiring`` puts a bot together: it finds for each
parameter where its value comes from (``injection``).

What runs them: ``app`` (:class:`~botkit.app.app.App`), which makes for each ``placement`` a ``running`` bot, that is a
supervisor and its ``bot_actor``; that one holds ``resources``, ``sessions`` and a ``dispatcher``, which puts events in
order and has each ``walk`` through the routers; handlers are called as ``targets``, within the border that ``handling``
is. ``feeds`` says which special channels are read once for all bots: each by a ``feed_keeper``'s session, whose
``feed_reader`` goes by a cursor of the ledger and tells each ``subscriber``, a bot whose mailbox may be full, and
``live_channels``, which knows where people are. There the ``pool`` of a bot with patterns of channels sends its
sessions, each a ``pool_stay``, under ``accounts`` made up for them and at a ``pace``. ``report`` says what runs,
``meters`` counts.
"""
