"""Scorers: what says from 0 to 1 how much a text is to be objected to, for rules of ``kind: score``.

::

    bots:
      - bot: bots.moderation:bot
        account: moderator
        settings:
          scorers:
            - name: spam
              sources:                                   # asked in this order, until one answers
                - {kind: http, url: "http://127.0.0.1:9000/score", timeout_seconds: 0.2, calls_per_minute: 600}
                - {kind: model, file: var/spam.json}     # of `botkit moderation train`
              budget_seconds: 0.3                        # for all of them together
          rules:
            - {id: spam, kind: score, scorer: spam, at_least: 0.9}

**Kinds of sources.** ``model``: a file of ``botkit moderation train``. ``function``: ``package.module:name``, called
with the text; a plain function runs in a thread, an ``async`` one where the bot runs. ``process``: a command that reads
lines of ``{"text": …}`` and writes a line of ``{"score": …}`` for each; it is started again when it dies. ``http``: a
``POST`` of ``{"text": …}`` that is answered by ``{"score": …}``.

**When one fails.** It raises, hangs, dies, answers nonsense, or is used up for this minute: then the next one is asked,
within the budget. After ``failures`` in a row it is off for ``off_seconds`` and costs no time at all; then one message
tries it again. Off and on again are logged, and all is counted (``botkit_moderation_scorer_…``). When none answers the
rule cannot judge, and what is held goes by the hold's ``when_silent``. Equal texts are asked about once in
``cache_seconds``.
"""

from bots.moderation.scorers.chain import ScorerChain, ScorerMeters
from bots.moderation.scorers.opening import ScorerChains, open_scorers
from bots.moderation.scorers.settings import ScorerSettings
from bots.moderation.scorers.source import ScorerFailed, Source

__all__ = ["ScorerChain", "ScorerChains", "ScorerFailed", "ScorerMeters", "ScorerSettings", "Source", "open_scorers"]
