"""The configuration file that a command is given."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from botkit.config.loading import Config, GatewayConfig, load_any_config, load_config

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A YAML file, such as config/demo.yaml.", show_default=False)
]


def load(file: Path, *, dry_run: bool = False) -> Config:
    """The checked configuration of bots; with ``dry_run`` all run dry. Raises ``ConfigError`` that names the place."""
    _find_bots_here()
    return load_config(file, dry_run=dry_run)


def load_any(file: Path) -> Config | GatewayConfig:
    """The checked configuration, of bots or of a gateway alone. Raises ``ConfigError`` like :func:`load`."""
    _find_bots_here()
    return load_any_config(file)


def _find_bots_here() -> None:
    """Bots are found as Python started in the working directory would find them."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
