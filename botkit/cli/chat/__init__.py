"""``botkit chat``: a terminal client to try things by hand.

``commands`` reads what is typed, ``view`` shows what happens, ``terminal`` keeps the two apart on one screen, and
``client`` does it all in one login session.
"""
