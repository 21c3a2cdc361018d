"""Actors: bounded mailboxes, refs that outlive a restart, and supervisors that follow OTP's rules.

- ``actor``: :class:`~botkit.actor.actor.Actor`, one message at a time; what a subclass writes.
- ``ref``: :class:`~botkit.actor.ref.ActorRef`, what others hold of it: ``tell`` and ``ask``.
- ``kinds``, ``registry``: :class:`~botkit.actor.registry.Registry`, live actors by name, kind and tag.
- ``mailbox``: :class:`~botkit.actor.mailbox.Mailbox`, bounded, with a named policy for when it is full.
- ``child``: :class:`~botkit.actor.child.ChildSpec`, how a supervisor starts, restarts and stops something.
- ``exits``: how a life ended, and :class:`~botkit.actor.exits.Terminated`, what those are told who ``watch``.
- ``restarts``: the rules, pure: who is restarted when a child ends, and when to give up.
- ``supervisor``: :class:`~botkit.actor.supervisor.Supervisor`, which applies them. To it a child is an
  ``entry``, each of whose lives is a ``life``.
- ``quarantine``: :class:`~botkit.actor.quarantine.Quarantine`, what becomes of those that a supervisor gave up.
- ``tree``: :class:`~botkit.actor.tree.TreeNode`, what runs below what, now.
- ``timers``: :func:`~botkit.actor.timers.tick_every`.

A supervisor owns its children's tasks: nothing outlives it. A child is stopped in two steps, first its work is
cancelled, then, ``stop_seconds`` later, whatever is left of it.
"""
