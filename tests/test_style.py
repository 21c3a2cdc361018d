"""Types and style, so that a plain ``pytest`` says what CI would say."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("command", ["mypy", "ruff check", "ruff format --check"])
def test_tool_finds_nothing(command: str) -> None:
    tool, *arguments = command.split()
    result = subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
