"""``botkit replay``: an IRC log, played through one real session per nick.

``botkit.irc_log`` reads the log; ``accounts`` gives every nick an account; ``plan`` says who does what and when;
``sessions`` does it, held back by ``pacing``; ``play`` lets two more sessions watch; ``tally`` compares what was
sent with what arrived; ``report`` shows it.
"""
