"""The gateway: a self-hosted server that speaks the vendor's wire protocol.

``server`` starts and stops it, ``gateway`` is one that runs; ``connections`` owns the peers' tasks, ``connection`` and
``outbox`` the bytes of one peer; ``dispatch`` hands frames to the ``handlers``; ``hub`` is the world of one app, with
its ``channels``, ``mailboxes``, ``post``, ``calls``, ``presence``, ``accounts``, ``sanctions`` and ``ledger``;
``journal`` makes durable what must survive a restart; ``timers`` is the one clock for all deadlines.

Whatever accounts can make grow is bounded, and every bound has a counter: requests by rates (``limits``), answers by
their bytes (``settings.answer_bytes``), attributes and inboxes by a ``quota``, what waits to be sent by the ``outbox``,
what is kept for those who come back by the ``history``, the ledger by its ``ledger_size``.

On the healthy path nothing is awaited per delivery: a request is decoded, handled and answered within one call,
its frames are encoded once and queued by peer, and one flush at the end of the read hands each peer's bytes to
its socket in one non-blocking send.
"""
