"""Records who is online and who is in which channel, and tells others: never silently wrong.

In the YAML::

    bots:
      - {bot: "bots.presence:bot", account: presence}

Keys under ``settings``, with what they are when left out, are in ``settings``; ``config/presence.yaml`` shows them,
and runs as it is. Its account needs the server role (``gateway.server_accounts``), and no channel: it is in no user
list.

**What it does.** It reads the gateway's ledger, every login, logout, join and leave of the app, from a cursor that is
on its own disk together with what came of it. Killed at any moment, it goes on exactly where it was, and what
happened meanwhile comes in order. botkit's feeds only tell it when to read.

**What it writes** are records (``records.Record``): versioned, numbered, each with the event of the ledger that it
comes from, the session (the login that it belongs to), and for an end the reason: ``logout``, ``disconnected``,
``replaced`` (logged in elsewhere), ``expired`` (its token), ``banned``, ``kicked``, ``leave``, ``moved`` (to another
channel), ``stopped`` or ``crashed`` (the gateway), and the others of ``botkit.wire.ledger``. The database has them in
``records``; in ``stays`` who was where from when to when; in ``gaps`` when that is not known; the views
``online_now`` and ``members_now`` say who is there.

**Never silently wrong.** If the ledger no longer has what the daemon has not read (it was away for too long, or the
gateway was started without its past) a ``gap`` is recorded: from its ``from_ms`` on everybody is unknown, but for
those of whom a later event tells. The gateway is asked who is there, and ``snapshot`` ends the gap; what it shows to
be different is recorded ``uncertain``. Of what was in the gap every answer says ``unknown``, for ever.
"""

from bots.presence.handlers import bot

__all__ = ["bot"]
