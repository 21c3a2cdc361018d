"""What was done and why: cases in a database, an audit log that cannot be changed unnoticed, and what an undo needs.

- ``chain``: the audit log's records, each with a hash over itself and the one before; how a chain is checked.
- ``facts``: :class:`Case`, :class:`Act`, :class:`Cell`, :class:`Level`: frozen values.
- ``cells``: what should be in force somewhere, given all acts that count: the heart of the undo, and pure.
- ``selection``: which cases an undo is about.
- ``schema``: the tables. ``ledger``: :class:`Ledger`, which writes them, each change in one transaction.
- ``queries``: what is read for people: cases, reports, the chain.

**The undo.** An act that leaves something behind (a mute, a ban, a channel's limit) is about a *cell*: that account's
mute in that channel, for example. What should be in force in a cell is a function of what was there before the first
act (its *baseline*) and of all acts that count: the strongest of them. An undo makes acts not count any more, and has
the cell set to what follows. So the order of undos does not matter, a second one changes nothing, and it makes no
difference in which moment the bot was killed: which cells are to be set is written in the same transaction as why.
"""
