"""Answers calls by rule, leads callers through a menu by their digits, and records every call.

In the YAML::

    bots:
      - bot: bots.call_agent:bot
        account: support
        settings:
          accept: [{channel: "support-*", hours: "09:00-17:30", timezone: Europe/Berlin}]
          greeting: Welcome.
          menu:
            prompt: Press 1 for opening hours, 9 to hang up.
            choices: {1: {say: We are open from nine to half past five.}, 9: {end: true}}

All keys under ``settings``, with what they are when left out, are in ``settings``; ``config/call_agent.yaml`` shows
them, and runs as it is.

**What it does.** An invitation is accepted if a rule of ``accept`` fits its channel and the hour, and fewer than
``max_calls`` calls are going on: that is a hard limit. Otherwise it is refused with ``{"reason": …}``: ``no_rule``,
``closed`` or ``full``. What the agent says goes to the caller as instant messages; what the caller answers are DTMF
digits. A choice says something, leads into another menu, or ends the call. No digit in time, or one that is no
choice, and the caller is asked again, ``retries`` times. No call lasts longer than ``max_call_seconds``.

**The table** ``calls`` in ``var/calls.db`` has a row for each invitation: caller, channel, ``start_ms``,
``answered_ms``, ``end_ms``, the digits, ``outcome`` and ``reason``::

    sqlite3 var/calls.db "SELECT caller, digits, outcome, (end_ms - answered_ms) / 1000 FROM calls"

=============== =======================================================================================
outcome         what happened
=============== =======================================================================================
completed       the menu was gone through to an end; without a menu, the caller was greeted
hung_up         the caller ended the call, or the connection was lost
no_input        the retries were used up, the last time by silence
wrong_input     the retries were used up, the last time by a digit that is no choice
too_long        the call had lasted ``max_call_seconds``
withdrawn       the caller had given up before the call was accepted
refused         no rule, closed or full: ``reason`` says which
failed          the agent could not go on: ``reason`` says why
stopped         the bot was stopped during the call
unknown         the bot was killed during the call; found at its next start
(empty)         the call is going on
=============== =======================================================================================

**If something is wrong.** Callers hear nothing: an instant message needs a caller that reads them, as botkit's sessions
and the vendor's SDKs do. Calls are refused as ``closed``: hours are local to ``timezone``, which is UTC unless said
otherwise. Calls are refused as ``{"reason": "error"}``: the record could not be written, and the log says why.
"""

from bots.call_agent.handlers import bot

__all__ = ["bot"]
