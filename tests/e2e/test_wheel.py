"""The wheel, alone in an environment of its own: it has all that it needs, and the first steps work."""

import signal
import subprocess
import sys
import tomllib
import venv
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.e2e.files import ROOT, on_free_ports
from tests.processes import environment, start_process

pytestmark = [pytest.mark.slow, pytest.mark.row("O14")]


LOAD_ALL = """
import sys
from pathlib import Path
from botkit.config.loading import load_any_config
for name in sys.argv[1:]:
    load_any_config(Path(name))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment that has the wheel, what it says that it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", str(wheel)], check=True, capture_output=True)
    return folder / "bin"


def run(installed: Path, *command: str, cwd: Path) -> str:
    result = subprocess.run(
        [installed / command[0], *command[1:]],
        cwd=cwd,
        env={name: value for name, value in environment(None).items() if not name.startswith("PYTHON")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_wheel_says_what_the_project_says(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(path).decode())
    assert metadata["Version"] == project["version"]
    needed = [one for one in metadata.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert sorted(needed) == sorted(project["dependencies"])
    assert set(metadata.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    assert {"botkit/py.typed", "bots/py.typed"} <= set(names)
    assert {name.split("/")[0] for name in names} == {"botkit", "bots", path.split("/")[0]}


def test_the_first_steps_work(installed: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert run(installed, "botkit", "--version", cwd=tmp_path) == f"botkit {project['version']}\n"
    where = run(installed, "python", "-c", "import botkit, bots; print(botkit.__file__, bots.__file__)", cwd=tmp_path)
    assert where.count(str(installed.parent)) == 2
    shown = run(installed, "botkit", "--help", cwd=tmp_path)
    assert all(command in shown for command in ("run", "gateway", *project["entry-points"]["botkit.commands"]))
    run(installed, "botkit", "new", "greeter", cwd=tmp_path)
    (file,) = tmp_path.rglob("*.yaml")
    run(installed, "botkit", "check", str(file), cwd=file.parent)
    assert "is right" in run(installed, "botkit", "check", str(ROOT / "config" / "demo.yaml"), cwd=tmp_path)
    files = [str(path) for path in (ROOT / "config").glob("*.yaml")]
    run(installed, "python", "-c", LOAD_ALL, *files, cwd=tmp_path)


def test_the_demo_and_the_commands_of_its_bots_work(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(on_free_ports((ROOT / "config" / "demo.yaml").read_text()))
    bare = {"PYTHONPATH": ""}
    running = start_process("run", "demo.yaml", cwd=tmp_path, env=bare, command=installed / "botkit")
    try:
        running.read_until("ready: 3 of 3 bots at work")
        running.read_until("verdict", "bob")
        code, out, err = running.stop(signal.SIGINT)
    finally:
        running.end()
    assert (code, out.splitlines()[-1], err) == (0, "stopped: every session is logged out", "")
    for bot, question, shown in (
        ("moderation", ("cases",), "bob"),
        ("presence", ("history", "bob"), "online"),  # `now` may have heard already that he was logged out
        ("calls", ("list",), ""),
    ):
        database = f"sqlite:///var/demo/{bot}.db"
        assert shown in run(installed, "botkit", bot, *question, "--database", database, cwd=tmp_path)
