"""The configuration file that a command is given."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from botkit.config.loading import Config, load_config

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A YAML file, such as config/demo.yaml.", show_default=False)
]


def load(file: Path) -> Config:
    """The checked configuration. Bots are found as Python started in the working directory would find them.

    Raises ``ConfigError`` that names file, line and key.
    """
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    return load_config(file)
