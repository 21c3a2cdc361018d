"""``botkit moderation …``: each command is a module with a ``register`` function, and they are listed here."""

import typer

from bots.moderation import case_commands
from bots.moderation.backtest import commands as backtest
from bots.moderation.learning import commands as learning

app = typer.Typer(name="moderation", help="Rules and scorers of the moderation bot.", no_args_is_help=True)

for _command in (case_commands, learning, backtest):
    _command.register(app)
