"""Moderates channels by word, link and flood rules: warns, then mutes, and audits every verdict.

In the YAML::

    gateway: {server_accounts: [moderator, "moderator~*"]}     # or it cannot mute
    bots:
      - bot: bots.moderation:bot
        account: moderator
        channels: [lobby, "room-*"]                            # a pattern: every such channel, while somebody is in it
        settings:
          words: {blocked: [spam, "buy now"]}
          links: {allowed: [example.org]}

All keys under ``settings``, with what they are when left out, are in ``settings``; ``config/moderation.yaml`` shows
them, and runs as it is.

**What it does.** Each message of its channels is judged, after its delivery. Words are found whole, whatever their
case, width or invisible characters; links by the domain that a browser would open; floods by the gateway's time. A
verdict is a strike: the account is warned by instant message, and from strike ``mute_after`` on it is muted, so that
the gateway refuses what it says (400) until the time is over. Strikes are counted over all channels of the bot, from
the table, so a restart forgets none; each is forgotten after ``forget_hours``. A rule can be told to ``mute`` at once,
or to ``record``: then it only writes down what it would have objected to, which is how to try a new rule. Of what an
account sent before its mute took effect, the verdicts are only recorded.

**To see first what it would do**, let it run dry: ``dry_run: true`` beside ``bot:``. Then it writes the table, with
``dry`` as the outcome, and does nothing to anybody; such strikes never count once it is in earnest.

**The table** ``verdicts`` in ``var/moderation.db`` has a row for each verdict, written before anything is done::

    sqlite3 var/moderation.db "SELECT datetime(ms/1000, 'unixepoch'), account, rule, evidence, action FROM verdicts"

``outcome`` is ``done`` or ``failed`` (``reason`` says why; nothing else is stopped by it), ``dry`` in a dry run, and
``pending`` while the bot is at it. Mutes are the gateway's: they hold when the bot is gone, and ``session.unmute``
lifts one.

**If something is wrong.** ``failed`` with "for server accounts": the bot's account is missing in
``gateway.server_accounts``; a bot in several channels has the accounts ``moderator``, ``moderator~2`` and so on.
Nothing happens to somebody: look for the account in ``exempt``. No row can be written: then nothing is done either,
and the log has the handler's error.
"""

from bots.moderation.handlers import bot

__all__ = ["bot"]
