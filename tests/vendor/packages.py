"""The vendor's published clients, fetched from the package registries once and kept outside of the checkout.

Nothing here changes a file of theirs: every use starts with a check of the files' digest.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

WEB_SHA256 = "f36cfb1bed8077c4f24af5f486370ffe151d37b7cbfa710186ab46582b0ddbe7"
"""``AgoraSigSDK.min.js`` of ``agora-signaling-sdk@1.4.0``, as published."""

PYTHON_SHA256 = "ec89d0bb1085e86650b7941a49c9e5db9e1c875cfde1bdf2bc5559192076e72e"
"""All modules of ``agora-signaling-sdk==1.0.2``, as published."""

WEB_PACKAGES = ["agora-signaling-sdk@1.4.0", "ws@8"]
PYTHON_PACKAGES = ["agora-signaling-sdk==1.0.2", "autobahn>=24,<27", "twisted>=24,<27", "requests>=2.31,<3"]


class MissingTool(Exception):
    """A program that the installation needs is not on this machine."""


def cache_folder() -> Path:
    """Where the packages are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "botkit-tests"


def web_packages() -> Path:
    """A folder with ``node_modules`` that has the web SDK and ``ws``. Raises ``MissingTool`` without node or npm."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise MissingTool(f"{tool} is not installed: it runs the vendor's web SDK")
    return installed("web-1.4.0", install_web, web_digest, WEB_SHA256)


def python_packages() -> Path:
    """The interpreter of an environment that has the Python SDK."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = installed(f"python-1.0.2-on-{version}", install_python, python_digest, PYTHON_SHA256)
    return folder / "bin" / "python"


def installed(name: str, install: Callable[[Path], None], digest: Callable[[Path], str], published: str) -> Path:
    """The cached folder ``name``, made by ``install`` if it is not there; its files are what was published."""
    folder = kept(name, install)
    found = digest(folder)
    assert found == published, f"{folder} is not what the vendor published ({found}): remove it"
    return folder


def kept(name: str, install: Callable[[Path], None]) -> Path:
    """The cached folder ``name``, made by ``install`` if it is not there."""
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


def install_web(folder: Path) -> None:
    """Install the npm packages."""
    folder.mkdir()
    run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *WEB_PACKAGES)


def install_python(folder: Path) -> None:
    """Make an environment with the Python SDK."""
    run(sys.executable, "-m", "venv", str(folder))
    run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *PYTHON_PACKAGES)


def run(*command: str) -> None:
    """Run an installer; its output is shown only if it fails."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"


def web_digest(folder: Path) -> str:
    """The digest of the web SDK's one file."""
    return hashlib.sha256((folder / "node_modules/agora-signaling-sdk/AgoraSigSDK.min.js").read_bytes()).hexdigest()


def python_digest(folder: Path) -> str:
    """One digest over the names and contents of the Python SDK's modules."""
    (package,) = folder.glob("lib/python*/site-packages/agorasigsdk")
    digest = hashlib.sha256()
    for module in sorted(package.glob("*.py")):
        digest.update(module.name.encode() + b"\0" + module.read_bytes() + b"\0")
    return digest.hexdigest()


if __name__ == "__main__":
    print(web_packages())
    print(python_packages())
