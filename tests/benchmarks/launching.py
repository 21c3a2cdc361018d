"""Runs the programs that measure themselves, and reads what they print."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.model import Figures

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE_SECONDS = 600
CHECKOUT = Path(__file__).parents[2]


class ProgramFailed(Exception):
    """A program ended otherwise than well; the text is what it said."""


def run_program(name: str, *arguments: int | str, python: Path | None = None) -> str:
    """Run ``programs/<name>.py`` to its end, by this interpreter if none is given; what it printed."""
    command = [str(python or sys.executable), str(PROGRAMS / f"{name}.py"), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)} if python is None else own_environment()
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{name}: did not end within {PATIENCE_SECONDS} s") from None
    if done.returncode:
        raise ProgramFailed(f"{name}: {done.stderr}")
    return done.stdout


def run_for_figures(name: str, *arguments: int | str, python: Path | None = None) -> Figures:
    """Run a program that prints figures by measure as JSON."""
    figures: dict[str, float] = json.loads(run_program(name, *arguments, python=python))
    return figures


def own_environment() -> dict[str, str]:
    """This environment without what is for this interpreter alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
