"""Connections that carry whole messages: the ``Transport`` protocol, WebSockets, and pairs in memory.

The client's side is trio-websocket; the gateway reads its sockets with the sans-I/O protocol of ``websockets``
and has no ``Transport``.
"""
