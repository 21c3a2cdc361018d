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

**No ghosts.** Who is gone without a word (a client that is half-open, a gateway that was killed) is offline within
twice the heartbeat of the gateway (``gateway.timeouts.idle``, 30 s): then the gateway tells it. When the gateway
itself is not heard for 30 s, ``now`` says ``unknown`` of everybody, until it is.

**Asking it.** ``botkit presence now``, ``at TIME``, ``history ACCOUNT``, ``explain ACCOUNT --at TIME`` (with the
evidence, and how certain it is) and ``time`` (how long accounts were there: exactly, or from at least to at most
where gaps lie) read the database, also while the bot runs, and in other processes; ``--json`` is for programs,
``--database`` names the database. ``botkit presence plot --out FILE`` draws a PNG or an SVG (with the extra
``plot``), gaps shaded.

**Telling others.** Each entry of ``sinks`` is told everything from the log, in order, at least once::

    bots:
      - bot: bots.presence:bot
        account: presence
        settings:
          sinks:
            - {to: file, name: raw, path: var/presence.jsonl, window: 0}
            - to: webhook
              name: backend
              url: https://backend.example.org/presence
              secret: "${PRESENCE_SECRET}"
              window: 3
            - {to: message, name: boss, account: boss, watches: [vips, team]}
          listen: "127.0.0.1:8082"
          watches:
            - {watch: accounts, name: vips, accounts: [ann, "vip-*"]}
            - {watch: everyone, name: team, accounts: [ann, bob], channel: meeting}

``to`` is ``file`` (rotated JSON lines), ``stdout``, ``sqlite``, ``webhook``, ``attribute`` (of a channel that the bot
is in: there it is seen), ``message`` (to an account) or ``handler`` (``async def f(record)`` of your own, as
``package.module:f``). ``window`` is for how many seconds an end is held back, since who is back by then was never
gone (2 unless told otherwise; 0 is the raw view). When ``outage.accounts`` (100) go at once without wanting to, that
is one ``outage``, and only those who are not back after ``outage.seconds`` (60) have an end. ``cursor`` rises from
record to record of a sink: whoever passes over what is not above the last one has each once.

A sink that fails or hangs is tried again after 1 s, 2 s, … 60 s; past its ``retry_seconds`` (a day) what it did not
take goes to the table ``dead_letters`` (the latest 10,000 of each sink), and the log goes on. It holds up nobody
else.

**Webhooks** are batches, one at a time, in order. ``Botkit-Signature`` is an HMAC-SHA256 over the time and the body:
``bots.presence.signing.verify_signature`` checks it, in constant time, and refuses what is more than five minutes
old; within them, and for our own retries (the same ``Idempotency-Key``), the ``cursor`` tells what is not new. Who
has lost track asks ``GET /snapshot?sink=NAME`` of ``listen``, with its secret as a bearer token: the answer is who is
there as that sink was told, and the ``cursor`` from which to go on.

**Watches** tell sinks that name them: ``accounts`` (by name or pattern), ``channel``, ``occupied`` (first in, last
out), ``count`` (``at_least`` so many), ``absent`` (for ``seconds``), ``everyone`` (of a set is there). In a gap
nobody is said to be absent.

**If something is wrong.** A wrong file is refused with file, line and key, at the start and at a reload; then all
stays as it was. ``the gateway does not tell who is there``: its account has no server role, or there is no
connection; it asks on. ``presence is unknown from here on``: a gap, with its cause; let the gateway keep its ledger
on disk (``store.url``) and for longer (``gateway.ledger``). ``a sink fails and is tried again``, ``a sink did not
take records in time``: with the sink's name and its words. A database that cannot be written restarts the bot, and
nothing is lost by that. Counted are ``presence_records``, ``presence_gaps``, ``presence_read_failures``, and by sink
``presence_sink_records``, ``presence_sink_failures`` and ``presence_sink_dead_letters``. Records older than
``keep_days`` (30), or beyond ``keep_records``, are forgotten; of the time before that every answer says ``unknown``.
A database has one bot: a second one does not start, and says so.
"""

from bots.presence.handlers import bot

__all__ = ["bot"]
