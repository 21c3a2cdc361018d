"""Linters that are no Python packages, installed once and kept outside of the checkout."""

import shutil
from pathlib import Path

from tests.vendor.packages import MissingTool, kept, run

COMPOSE = "dclint@3.1.0"


def compose_linter() -> Path:
    """The command ``dclint``. Raises ``MissingTool`` without node or npm."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise MissingTool(f"{tool} is not installed: it runs the linter of compose files")
    return kept(COMPOSE, _install_compose) / "node_modules" / ".bin" / "dclint"


def _install_compose(folder: Path) -> None:
    folder.mkdir()
    run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), COMPOSE)
