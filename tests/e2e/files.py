"""The project's own files, as a newcomer finds them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

_ADDRESS = re.compile(r'(listen|http): "127\.0\.0\.1:\d+"')


def on_free_ports(config: str) -> str:
    """A configuration with its two addresses on ports that the system chooses, and nothing else changed."""
    changed, count = _ADDRESS.subn(r'\1: "127.0.0.1:0"', config)
    assert count == 2
    return changed


def ws_url(banner: list[str]) -> str:
    """Where ``botkit run`` says that its gateway is."""
    (url,) = (word.removeprefix("ws=") for line in banner for word in line.split() if word.startswith("ws="))
    return url
