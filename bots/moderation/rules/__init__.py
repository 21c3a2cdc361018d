"""Deciding: facts in, verdicts out. Pure: no I/O, no clock, no session; the bot and a backtest use the same code.

::

    from trio.testing import MockClock

    from bots.moderation.rules import Message, RuleSet, RuleState
    from bots.moderation.rules.settings import FloodRule, WordsRule


    async def test_a_verdict(autojump_clock: MockClock) -> None:
        rules = RuleSet([WordsRule(id="spam", words=("buy now",)), FloodRule(id="flood", messages=2, seconds=10)])
        state = RuleState()
        said = Message(channel="lobby", account="bob", text="BUY  now!", ms=1_000)
        (verdict,) = rules.judge(said, state).verdicts
        assert (verdict.rule, verdict.start, verdict.end, verdict.evidence) == ("spam", 0, 8, "BUY  now")
        assert verdict.version == rules.versions["spam"]

The parts, each of which knows those above it only:

- ``facts``: :class:`Message` and :class:`Joined`, with the gateway's time in ``ms``, and the author's roles;
  :class:`Finding`, what a check found; :class:`Verdict`, a finding with its rule, its version and what to do.
- ``actions``: what may be done, written as in a file: ``mute 10m everywhere``.
- ``settings``: the typed form of each kind of rule (``kind: words``), and of a file of rules. What cannot be meant is
  refused with its reason; ``load_settings`` adds file and line.
- ``state``: :class:`RuleState`, all that rules remember between facts: a bounded value that can be compared and copied.
- ``content``: checks that look at one text alone. ``rates``: those that remember. Each is a :class:`Check`.
- ``exemptions``: whom a rule leaves alone, and in which words it says so.
- ``ruleset``: :class:`RuleSet`, compiled rules; ``judge`` takes a fact and a state.

Scores (``kind: score``) are made outside, since a scorer may be a process or a service: ``RuleSet.scorers`` says which
are wanted, ``judge`` takes them as ``scores``, None for one that gave no answer.

A rule that raises, or has no score, is not allowed to stop the others: it is in ``Judgement.failures``, and the caller
says so loudly, and does with the message what its policy says.
"""

from bots.moderation.rules.facts import Fact, Finding, Joined, Message, Scores, Verdict
from bots.moderation.rules.ruleset import Judgement, RuleSet
from bots.moderation.rules.state import RuleState

__all__ = ["Fact", "Finding", "Joined", "Judgement", "Message", "RuleSet", "RuleState", "Scores", "Verdict"]
