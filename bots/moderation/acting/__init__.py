"""Acting: from a verdict to what people notice, and back.

- ``powers``: :class:`Powers`, what can be done at all; ``sessions`` does it at the gateway, ``simulated`` only keeps
  book, for rules in shadow mode and for dry runs.
- ``plan``: which acts a verdict leads to, given the account's strikes. Pure.
- ``reconciler``: sets cells to what should be in force there, now and after any crash.
- ``enforcer``: writes a case, carries its acts out, writes what became of them.
- ``raids``: raid mode, from the first wave of joins until it is quiet.
"""
