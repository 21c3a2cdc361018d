"""Backtest: what a change of the rules would have done to recorded traffic, before anybody feels it.

::

    botkit moderation backtest --old rules.yaml --new rules-next.yaml var/traffic.jsonl
    botkit moderation backtest --old a.yaml --new b.yaml --model spam=var/spam.json --diff diff.jsonl log.txt

``recording`` has the format of recorded traffic (JSON lines, or the logs that ``botkit replay`` plays), ``irc_log``
reads the latter. ``compare`` applies both sets of rules to each fact, in one pass and with the states that they would
have had, and tells what differs. ``report`` prints it.

Rules are applied to what was said; what they would have done about it is not: who would have been muted talks on.
"""
