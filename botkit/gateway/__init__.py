"""The gateway: a self-hosted server that speaks the vendor's wire protocol.

``server`` owns sockets and tasks; ``connection`` and ``outbox`` the bytes of one peer; ``hub`` the world of one app,
with its ``channels``, ``mailboxes``, ``calls``, ``presence``, ``accounts`` and ``sanctions``;
``handlers`` answer requests;
``journal`` makes durable what must survive a restart; ``timers`` is the one clock for all deadlines.

On the healthy path nothing is awaited per delivery: a request is decoded, handled and answered within one call,
its frames are encoded once and queued by peer, and one flush at the end of the read hands each peer's bytes to
its socket in one non-blocking send.
"""
