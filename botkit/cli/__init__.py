"""The ``botkit`` command. Each command is a module with a ``register`` function; :mod:`botkit.cli.entry` lists them.
Commands of bots are registered by their packages (:mod:`botkit.cli.plugins`).

Exit codes: 0 done; 1 it failed on the way; 2 the command line or a configuration file is wrong; 130 told to stop
twice, and stopped at once.
"""

from botkit.cli.entry import main

__all__ = ["main"]
