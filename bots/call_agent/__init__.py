"""Answers calls by rule, leads callers through a flow by their digits, has them wait for people, and records it all.

In the YAML::

    bots:
      - bot: bots.call_agent:bot
        account: support
        settings:
          flow:
            blocks:
              main: [{do: menu, prompt: "1 for opening hours, 9 to hang up", choices: {1: hours, 9: bye}}]
              hours: [{do: say, text: We are open from nine to five.}, {do: go, to: main}]
              bye: [{do: end, text: Goodbye.}]

All keys under ``settings``, with what they are when left out, are in ``settings``; ``config/call_agent.yaml`` shows
them, and runs as it is.

**Who is let in.** A rule of ``refuse`` that fits an invitation refuses it; else one of ``accept`` must fit, by caller,
channel, what the invitation's JSON says, hours and load; and fewer than ``max_calls`` calls be going on: that is a hard
limit. Who is refused gets ``{"reason": …}``: ``no_rule``, ``closed``, ``busy``, ``full``, ``stopping``, or the rule's
own word.

**Flows.** What the agent says goes to the caller as instant messages; what the caller answers are DTMF digits. A flow
has blocks of steps (``flow.steps`` has each with all its keys): ``say``, ``menu``, ``gather`` (digits into a variable),
``set``, ``branch``, ``queue``, ``transfer``, ``end``, ``go``. Where a step leads is a block's name, or steps written in
its place. ``{name}`` in a text is a variable; ``caller``, ``channel``, ``extra.KEY``, and ``outcome``, ``human`` and
``waited`` of the last queue or transfer are always there. A flow is checked when it is loaded: unknown targets, steps
that nothing leads to, dead ends, rounds that never ask anything and messages beyond 8 KB are refused with file, line
and reason, and a reload (SIGHUP) with such a flow changes nothing. ``flow: flows/support.yaml`` names a file
instead, seen from where botkit was started.

**Handlers in Python** do the same with a :class:`Line`, and everything else, from the rules to the records, stays::

    from bots.call_agent import Line, call_agent

    async def clerk(line: Line) -> None:
        number = await line.gather("Your order number, then #.", min_digits=4, max_digits=8, finish="#")
        await line.say(f"Order {number.digits} is on its way, {line.caller}.")
        await line.transfer("anna")

    bot = call_agent("clerk", clerk)                      # in the YAML: {bot: "your_module:bot", …}

**People.** ``transfer`` rings one account, ``queue`` the free ones of a queue, first who has been free for longest. The
invitation that a human gets is to the caller's channel, and its JSON says who it is (``caller``), how long the caller
has waited (``waited_seconds``) and what the caller's own invitation carried (``context``). Blind: who answers has the
caller. Announced: who answers hears a briefing first, and presses 1. From then on the agent passes on what each side
presses or sends, until one hangs up. What the caller pressed while it rang, or in the queue, is for nobody: neither the
human nor the next question takes it. A human who is offline, refuses, or does not answer costs the caller nothing: the
flow goes on at ``otherwise``, and in a queue the caller keeps the place.

**Campaigns.** With ``campaign: {name: spring, accounts: people.txt}`` the agent calls people, at its pace, in its
hours, never more at once than it may and has places for, and never who is in ``do_not_call``. Who is offline (703) is
tried again sooner and more often than who does not answer (704); ``campaigns`` has all keys. Who answers meets the
flow. Where a campaign stands is in the same database, so that nobody is called twice because of a restart.

**Trying a flow out.** ``botkit calls test FLOW.yaml CALLERS.yaml`` plays scripted callers and humans against a flow, in
virtual time and without a network, prints what became of each, and exits with 1 if one did not hear what is written:
``config/flows`` has an example of both. ``scripts`` explains each key.

**Deadlines.** Every wait has one: ``ring_seconds``, ``idle_seconds``, ``max_call_seconds``, ``wrap_up_seconds``, the
times of each step and queue. A handler or a human that forgets a call does not keep it: at the limit the caller hears
``farewell``, and the call is over at both ends.

**Secrets.** Digits of a ``gather`` with ``secret: true`` are seen by the flow alone: records, logs and traces have a
mask in their place, and a flow that would say them is refused. What is pressed between a caller and a human is masked,
too.

**Stopping.** At SIGTERM, and at a reload that restarts the agent, no call is taken any more (``stopping``); those that
go on, waiting ones included, may come to their end for ``drain_seconds``. Then they are ended, and recorded as
``stopped``. A second signal does not wait.

**Records** are the table ``call_records`` in ``var/calls.db``, one row for each call, with a timeline in JSON; kept for
``keep_days``. ``botkit calls list`` shows the latest, ``botkit calls show ID`` one with its timeline, and ``botkit
calls export --format csv`` (or ``json``) writes them for other programs.

=============== =======================================================================================
outcome         what happened
=============== =======================================================================================
completed       the flow, or the handler, came to its end
transferred     the caller hung up while talking to a human
hung_up         the caller ended the call, or the connection was lost
abandoned       the caller hung up while waiting in a queue, or while a human was rung
no_input        the retries of a question were used up, the last time by silence
wrong_input     the retries of a question were used up, the last time by digits that are no answer
idle            nothing was said or pressed for ``idle_seconds``
too_long        the call had lasted ``max_call_seconds``
withdrawn       the caller had given up before the call was accepted
refused         ``reason`` says which rule
no_answer       it was not answered within ``ring_seconds``
offline         who was called was not there
failed          the agent could not go on: ``reason`` says why
stopped         the bot was stopped during the call
unknown         the bot was killed during the call; found at its next start
(empty)         the call is going on
=============== =======================================================================================

**If something is wrong.** *No calls come at all:* somebody has logged in elsewhere as the agent's account. That is an
alarm: a log line at ``critical`` that begins with ALARM, the metric ``botkit_call_agent_alarms_total``, and a line of
``botkit calls alarms``; the process is not ready any more, and ends with 1. The agent does not fight for the account:
end the other login, and restart. Callers hear nothing: an instant message needs a caller that reads them, as botkit's
sessions and the vendor's SDKs do. Calls are refused as ``closed``: hours are local to ``timezone``, which is UTC unless
said otherwise. Calls are refused as ``{"reason": "error"}``: the record could not be written, and the log says why.
Nobody in a queue is served: the accounts in ``humans`` must be logged in, and each is left alone for ``pause_seconds``
after not answering. The metrics ``botkit_call_agent_*`` count calls by outcome, refusals, hand-offs and who left queues
how.
"""

from bots.call_agent.handlers import bot, call_agent
from bots.call_agent.lines import Handler, Line

__all__ = ["Handler", "Line", "bot", "call_agent"]
