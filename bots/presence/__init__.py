"""Records who is online and who is in which channel: from when to when, and why it ended.

In the YAML::

    bots:
      - {bot: "bots.presence:bot", account: presence}

Keys under ``settings``, with what they are when left out, are in ``settings``; ``config/presence.yaml`` shows them,
and runs as it is.

**What it does.** botkit's feeds sit in the two special channels and tell it each login, logout, join and leave of the
app; the bot itself is in no channel. A stay in the service or in a channel is a span. At its start, and whenever
events may be missing, it asks the gateway for a snapshot of who is there; for that its account needs the server role
(``gateway.server_accounts``).

**The table** ``spans`` in ``var/presence.db`` has a row for each stay: ``kind`` (``online`` or ``member``), account,
channel, ``start_ms``, ``end_ms`` and ``reason``. The views ``online_now`` and ``members_now`` show the open ones::

    sqlite3 var/presence.db "SELECT account FROM members_now WHERE channel = 'lobby'"

**The file** ``var/presence.jsonl`` has a JSON object for each event, in order: ``online``, ``offline``, ``joined``,
``left``, ``gap``, ``snapshot``, ``started`` and ``stopped``; see ``lines.Line`` for their fields.

Reasons are the gateway's: ``logout``, ``disconnected``, ``replaced`` (logged in elsewhere), ``stopped`` (with the
gateway), ``leave``, ``moved`` (to another channel); and one is ours: ``unknown``.

**Never silently wrong.** Where events may be missing (a feed was cut off, the gateway was restarted, the bot did not
keep up) there is a ``gap`` in the file, and the spans that were open then have ``uncertain = 1`` for good: their end,
or an end and a new beginning, may have been missed. Within a second a snapshot follows: whoever it finds without a
span gets an uncertain one that starts then, and the span of whoever is not there is closed as ``unknown``. A beginning
that nobody saw is NULL. When the bot stops, what is open is closed as ``unknown``; if it was killed, its next start
does that.

**If something is wrong.** Nothing is recorded: the log says whether the feeds were let in; with a gateway elsewhere,
the accounts ``botkit-feed-*`` need its server role. The log says ``no snapshot``: the
bot's account has no server role, so it knows only of those who came while it was watching, and an open span may be of
somebody who left in a gap. The file cannot be written: its lines wait for the next try, the table goes on, and the log
has the error.
"""

from bots.presence.handlers import bot

__all__ = ["bot"]
