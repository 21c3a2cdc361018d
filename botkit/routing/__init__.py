"""From one event to the handlers that want it.

- ``filters``: small predicates on events that compose with ``&``, ``|`` and ``~``; bots import it as ``f``.
- ``table``: :class:`~botkit.routing.table.RouteTable`, a tree of routers, an index by event type, then filters.
- ``keys``: :func:`~botkit.routing.keys.key_of`, what must stay in order: a channel, an account, a call.
- ``runner``: :class:`~botkit.routing.runner.KeyedRunner`, in order per key, side by side across keys.
- ``deadlines``: for what is typically quick: cancels what takes too long, and tells of what cannot be cancelled.
- ``loops``: :class:`~botkit.routing.loops.LoopBreaker`, breaks loops of bots that answer one another.

Nothing here knows sessions or bots: targets are whatever the caller registers.
"""
