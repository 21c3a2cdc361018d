"""The command itself."""

from pathlib import Path
from typing import Annotated

import typer

from botkit.cli.failures import reporting
from botkit.cli.scaffold.writing import write_bot
from botkit.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("new")(new)


def new(
    name: Annotated[str, typer.Argument(help="What it is called: a Python name, as in tea_bot.")],
    *,
    into: Annotated[
        Path | None, typer.Option(help="The folder for its files; one of its name, here, when left out.")
    ] = None,
) -> None:
    """Write a bot to begin with: code, configuration and a test, all of which work as they are."""
    with reporting("text"):
        folder = into or Path(name)
        try:
            written = write_bot(name, folder)
        except OSError as error:
            raise ConfigError(f"cannot write into {folder}: {error.strerror}", key="--into") from error
        for path in written:
            typer.echo(f"wrote {path}")
        typer.echo(f"\nNext:\n  cd {folder}\n  botkit run {name}.yaml\n  pip install -e '.[test]' && pytest")
