"""Commands that other packages bring: ``botkit moderation …`` belongs to the moderation bot, not to botkit.

A package registers a :class:`typer.Typer` under a name, in its ``pyproject.toml``::

    [project.entry-points."botkit.commands"]
    moderation = "bots.moderation.commands:app"

It is imported when its command is used, and not before: one that is slow or broken costs the others nothing.
"""

from collections.abc import Collection, Iterable
from importlib.metadata import EntryPoint, entry_points

import typer

from botkit.errors import ConfigError

GROUP = "botkit.commands"
"""The entry point group that packages register their commands in."""

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": list[str]()}


def register(app: typer.Typer, taken: Collection[str], points: Iterable[EntryPoint] | None = None) -> None:
    """Add a command for each name in the group, that of the installed packages unless ``points`` are given.

    A name that is ``taken`` by botkit itself, or registered by several packages, says so when it would be used:
    botkit's own commands cannot be replaced.
    """
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP) if points is None else points:
        found.setdefault(point.name, []).append(point)
    for name, claims in sorted(found.items()):
        if name in taken:
            continue
        _add(app, name, list({point.value: point for point in claims}.values()))


def _add(app: typer.Typer, name: str, claims: list[EntryPoint]) -> None:
    values = ", ".join(point.value for point in claims)

    @app.command(name, help=f"Commands of {values}.", context_settings=_PASS_ON, add_help_option=False)
    def run(ctx: typer.Context) -> None:
        if len(claims) > 1:
            raise ConfigError(f"several packages bring this command: {values}", key=name, hint="uninstall all but one")
        command = typer.main.get_command(load(claims[0]))
        command(args=ctx.args, prog_name=f"{ctx.find_root().info_name} {name}")


def load(point: EntryPoint) -> typer.Typer:
    """The commands behind an entry point; what does not import, or is none, is a :class:`ConfigError` that names it."""
    package = point.dist.name if point.dist else point.module
    try:
        found = point.load()
    except Exception as error:  # the border to somebody else's package: whatever its import raises
        raise ConfigError(
            f"does not import from {package}: {type(error).__name__}: {error}",
            file=point.value,
            key=point.name,
            hint="install that package again, or remove it",
        ) from error
    if not isinstance(found, typer.Typer):
        raise ConfigError(f"is {type(found).__name__}, not a typer.Typer", file=point.value, key=point.name)
    return found
