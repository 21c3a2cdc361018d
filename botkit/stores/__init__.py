"""What survives a restart: SQLite databases for bots, and the gateway's state.

- ``sqlite``: :func:`~botkit.stores.sqlite.open_database`, one writer, for whoever keeps rows of their own.
- ``gateway``: :class:`~botkit.stores.gateway.GatewayStore`, what a gateway keeps, and
  :func:`~botkit.stores.gateway.open_gateway_store` which opens one by URL.
- ``changes``: the typed changes that a gateway commits, and the snapshot that it starts from.
- ``gateway_memory``, ``gateway_sqlite``: the two implementations; one suite tests both.
"""
