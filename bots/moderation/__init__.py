"""Moderates channels: rules decide, before a message is delivered; what is done is a case, and can be taken back.

In the YAML::

    gateway: {server_accounts: [moderator, "moderator~*"]}     # or it can only warn, and after the delivery
    bots:
      - bot: bots.moderation:bot
        account: moderator
        channels: [lobby, "room-*"]                            # a pattern: every such channel, while somebody is in it
        roles: {moderator: ["mod-*"], helper: ["help-*"]}      # who may write !undo and !mute; who only !why
        settings:
          rules:
            - {id: spam, kind: words, words: [spam, "buy now"]}
            - {id: links, kind: links, allowed: [example.org]}
            - {id: flood, kind: flood}

Without ``settings`` there are rules for floods, repeats and waves of joins. ``config/moderation.yaml`` shows all
keys, and runs as it is; ``bots.moderation.settings`` and ``bots.moderation.rules.settings`` say what each means.
``rules`` may be the path of a file: ``rules: rules.yaml``. A mistake in it is told with file, line and reason, and
refused.

**Rules.** ``words``, ``regex`` (on an engine whose time is linear), ``links`` (but for those allowed), ``mentions``,
``caps``, ``flood``, ``repeat``, ``new_joiner``, ``cross_channel``, ``join_wave`` and ``score`` (by ``scorers``, which
``help("bots.moderation.scorers")`` explains). Each has ``then``, what
is done: ``strike`` (the default: a step of the ``ladder``, forgotten after ``decay``), ``warn``, ``notice``, ``alert``,
``slow 2 10m``, ``mute 10m everywhere``, ``kick``, ``ban 1d``, ``hold`` (for review). Of several verdicts on one message
the hardest is carried out. Moderators and the bot's own accounts are left alone by all; ``exempt`` names others.

**Before delivery.** The bot holds its channels: a message comes to it first, and what a rule objects to reaches
nobody (its author gets 400 with the reason), unless the rule says ``deliver: true``. Within ``hold.budget_seconds``
the gateway goes on by itself: ``when_silent: open`` delivers, ``closed`` refuses; the same goes for a rule whose
scorer is dead. Without the server role, or with ``hold: null``, messages are judged after their delivery.

**To try a rule**, let it have ``mode: shadow``. It runs beside the others as if it were in force, on powers that only
keep book, and ``botkit moderation report --lane shadow`` tells what it would have done. ``dry_run: true`` beside
``bot:`` does that with all rules. The report is what the rule would have done in force as long as no other rule acts on
the same people: who is muted or banned by one in force says less, and a rule in shadow sees no more than what is said.

**Moderators** write to the bot, in a channel or in private; answers come in private. ``!help`` lists all of it:
``!cases bob``, ``!why 12``, ``!report shadow``, ``!rules reload``; ``!warn bob mind it``, ``!mute bob 10m``, ``!kick
bob``, ``!ban bob 1d``, ``!slow 2 10m``; ``!undo case 12``, ``!undo rule spam``, ``!undo by mod-eve``, ``!undo since
10m``; ``!approve 12`` and ``!reject 12`` for what is held for review. What they do by hand is a case like others.

On the shell, also while the bot runs, and on a copy of the database::

    botkit moderation cases --account bob
    botkit moderation why 12
    botkit moderation undo --rule spam@1a2b3c4d --by me
    botkit moderation report
    botkit moderation audit verify

**Undo** restores what was in force before: mutes, bans, limits of channels, strikes, raids, what waits for review. It
may be asked twice, in any order, and after a restart; the bot sets what is left to set as soon as it can. What was said
(warnings, notices) and who was kicked cannot be taken back, and it tells how many. Sanctions that somebody else put in
force, or changed since, are left alone.

**A raid**: a wave of joins (``join_wave``) slows the channel, mutes who came with it and who comes while it lasts, and
tells ``alerts``; when it has been quiet for ``quiet_seconds`` all that is taken back by itself.

**The database** (``var/moderation.db``, SQLite) has ``cases`` and ``acts``, and ``audit``: every record carries a hash
over itself and the one before, and the database refuses to change it. ``audit verify`` names the first record that was
changed all the same. Keep the hash that it prints elsewhere, to notice a log whose end was cut off. Cases grow with
offences, not with messages. What a rule said when a case was made stays in ``rule_versions``; a rule that says the same
again has the same version again.

**After a change** of the configuration send SIGHUP: the bot starts anew with the new rules, or goes on with the old
ones if there is a mistake, and says so. ``!rules reload`` reads a file of rules without a restart, and rules that
stay the same keep what they remember. **After a crash** the next start sees to what was under way: sanctions are set,
messages of which nobody knows whether they were sent count as failed.

**If something is wrong.** Whatever fails is in the log, in ``acts`` with its ``problem``, in the metric
``botkit_moderation_acts_total``, and told to ``alerts``; it stops nothing else. "for server accounts": the bot's
account is missing in ``gateway.server_accounts``. ``botkit_moderation_late_total`` rises: the budget of the hold is
too short. ``moderation_left_out``: more cases than can be written; the disk is slow. Nothing happens to somebody:
``!why`` of another case shows who is exempt."""

from bots.moderation.chat import bot

__all__ = ["bot"]
