"""``botkit calls …``: the commands as a terminal has them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from bots.call_agent.commands import app
from bots.call_agent.records import CallRecord, open_records
from bots.call_agent.timeline import Entry

FLOWS = Path(__file__).parents[3] / "config" / "flows"
FLOW = """\
queues: {people: {humans: [anna]}}
blocks:
  main:
    - do: menu
      prompt: 1 hours, 0 person
      timeout_seconds: 5
      choices:
        1: [{do: say, text: Nine to five.}, {do: go, to: main}]
        0: [{do: queue, to: people, otherwise: main}, {do: end}]
"""
SCRIPT = """\
humans:
  anna: {after_seconds: 2, stay_seconds: 5}
callers:
  - caller: ann
    steps:
      - {do: hear, text: "1 hours*"}
      - {do: press, digits: "1"}
      - {do: hear, text: Nine to five.}
      - {do: wait, seconds: 3}
      - {do: hang_up}
    outcome: hung_up
    digits: "1"
  - {caller: bob, at_seconds: 100, steps: [{do: press, digits: "0"}, {do: ended}], outcome: completed, human: anna}
  - {caller: eve, steps: [{do: ended, within: 60}], outcome: no_input}
"""


def run(*arguments: str | Path) -> Result:
    """A command in this process, on a wide terminal."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A flow and a script for it."""
    flow, script = tmp_path / "flow.yaml", tmp_path / "script.yaml"
    flow.write_text(FLOW)
    script.write_text(SCRIPT)
    return flow, script


def lines_of(result: Result) -> list[list[str]]:
    """The words of the table's lines."""
    return [line.split() for line in result.output.splitlines() if "script.yaml" in line]


@pytest.mark.row("F19")
@pytest.mark.row("F06")
def test_scripted_callers_go_through_a_flow(files: tuple[Path, Path]) -> None:
    result = run("test", *files)
    assert lines_of(result) == [
        ["script.yaml", "ann", "ok", "hung_up", "1", "3.0"],
        ["script.yaml", "bob", "ok", "completed", "0", "7.0"],
        ["script.yaml", "eve", "ok", "no_input", "15.0"],
    ]
    assert result.exit_code == 0


@pytest.mark.row("F19")
@pytest.mark.parametrize(
    ("wrong", "instead", "problem"),
    [
        ("Nine to five.}", "Ten to six.}", "step 3: 'Ten to six.' was not heard within 15 s"),
        ("outcome: no_input", "outcome: completed", "outcome is 'no_input', not 'completed'"),
        ("human: anna", "human: bert", "human is 'anna', not 'bert'"),
        ('digits: "1"\n  -', 'digits: "2"\n  -', "digits is '1', not '2'"),
        ("{do: ended, within: 60}", "{do: ended, within: 3}", "step 1: the call was not ended within 3 s"),
        ("{do: ended, within: 60}", "{do: refused, reason: full}", "the call is taken, and should be refused"),
        ("callers:", "max_calls: 1\ncallers:", 'the call is refused: {"reason":"full"}'),
    ],
)
def test_what_is_not_as_it_is_written_fails(files: tuple[Path, Path], wrong: str, instead: str, problem: str) -> None:
    assert wrong in SCRIPT
    files[1].write_text(SCRIPT.replace(wrong, instead, 1))
    result = run("test", *files)
    assert problem in " ".join(result.output.split())
    assert "FAIL" in result.output
    assert result.exit_code == 1


@pytest.mark.row("F19")
def test_a_call_that_should_be_refused_and_is(files: tuple[Path, Path]) -> None:
    refused = "max_calls: 1\ncallers:\n  - {caller: ann, steps: [{do: wait, seconds: 5}]}\n"
    refused += "  - {caller: bob, at_seconds: 1, steps: [{do: refused, reason: full}], outcome: refused}\n"
    files[1].write_text(refused)
    assert run("test", *files).exit_code == 0


SLOWLY = """\
max_calls: 1
callers:
  - {caller: ann, steps: [{do: press, digits: "1234", every_seconds: 1}, {do: ended}], outcome: completed}
  - caller: bob
    at_seconds: 10
    steps: [{do: press, digits: "1234", every_seconds: 3}, {do: ended}]
    outcome: wrong_input
    digits: "1"
"""
ASK = """\
blocks:
  main:
    - {do: gather, prompt: PIN, into: pin, min_digits: 4, max_digits: 4, next_seconds: 2, retries: 0}
    - {do: end}
"""


@pytest.mark.row("F19")
def test_callers_come_and_press_at_their_own_pace(files: tuple[Path, Path]) -> None:
    files[0].write_text(ASK)
    files[1].write_text(SLOWLY)
    result = run("test", *files)
    assert "is not possible" in " ".join(result.output.split())  # bob goes on after the end
    assert [line[2:5] for line in lines_of(result)] == [["ok", "completed", "1234"], ["FAIL", "wrong_input", "1"]]


@pytest.mark.parametrize(
    ("which", "wrong", "instead", "says"),
    [
        (0, "to: people", "to: poeple", "flow.yaml:9: blocks.main[0].choices.0[0].to: no queue is called 'poeple'"),
        (1, "do: hang_up", "do: hangup", "script.yaml:10: callers[0].steps[4].do: 'hangup' is none of these"),
        (1, 'digits: "1"}', "digits: x}", "callers[0].steps[1].digits: 'x' cannot be pressed"),
        (1, "caller: eve", "caller: ann", "callers[2].caller: ann is somebody already"),
    ],
)
def test_a_file_with_a_mistake_is_refused(
    files: tuple[Path, Path], which: int, wrong: str, instead: str, says: str
) -> None:
    before = files[which].read_text()
    assert wrong in before
    files[which].write_text(before.replace(wrong, instead, 1))
    result = run("test", *files)
    assert says in result.output
    assert result.exit_code == 2


FIRST = CallRecord(
    id="aa11",
    agent="support",
    direction="in",
    peer="ann",
    channel="support-1",
    start_ms=1_700_000_000_000,
    answered_ms=1_700_000_000_500,
    end_ms=1_700_000_010_500,
    digits="12••",
    outcome="completed",
    timeline=(Entry(0, "phase", "ringing"), Entry(0.5, "human", "rung", {"human": "anna"})),
)


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Records of three calls."""
    url = f"sqlite:///{tmp_path}/calls.db"

    async def fill() -> None:
        async with open_records(url) as records:
            await records.put(FIRST)
            await records.put(replace(FIRST, id="aa22", peer="bob", start_ms=FIRST.start_ms + 60_000, outcome="idle"))
            await records.put(replace(FIRST, id="bb33", peer="eve", start_ms=FIRST.start_ms + 120_000, end_ms=None))

    trio.run(fill)
    return url


@pytest.mark.row("F18")
def test_list_shows_the_latest_calls(database: str) -> None:
    result = run("list", "--database", database)
    rows = [line.split() for line in result.output.splitlines() if "support-1" in line]
    assert [(row[0], row[3]) for row in rows] == [("aa11", "ann"), ("aa22", "bob"), ("bb33", "eve")]
    assert rows[0][5:] == ["10.0", "12••", "completed"]
    found = run("list", "--database", database, "--outcome", "idle", "--json").output
    assert [json.loads(line)["peer"] for line in found.splitlines()] == ["bob"]


@pytest.mark.row("F18")
def test_show_has_the_timeline(database: str) -> None:
    lines = run("show", "aa1", "--database", database).output.splitlines()
    assert lines[0].split() == ["id", "aa11"]
    assert lines[-2:] == ["    0.000  phase   ringing", "    0.500  human   rung  human=anna"]
    for wrong in ("aa", "zz", "%"):
        result = run("show", wrong, "--database", database)
        assert result.exit_code == 2


@pytest.mark.row("F18")
def test_export_writes_csv_and_json(database: str, tmp_path: Path) -> None:
    out = tmp_path / "calls.csv"
    result = run("export", "--format", "csv", "--database", database, "--out", out)
    assert result.exit_code == 0
    assert [line.split(",")[0] for line in out.read_text().splitlines()] == ["id", "aa11", "aa22", "bb33"]
    since = run("export", "--format", "json", "--database", database, "--since", "2023-11-14T22:14:20").output
    assert [json.loads(line)["id"] for line in since.splitlines()] == ["aa22", "bb33"]
    assert json.loads(run("export", "--format", "json", "--database", database).output.splitlines()[0])["timeline"]


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    result = run("list", "--database", f"sqlite:///{tmp_path}/none.db")
    assert result.exit_code == 2
    assert "none.db: --database: is not there" in result.output
    assert not (tmp_path / "none.db").exists()


def test_the_example_that_comes_with_it() -> None:
    result = run("test", FLOWS / "support.yaml", FLOWS / "support_callers.yaml")
    assert (result.exit_code, result.output.count(" ok ")) == (0, 3), result.output


@pytest.mark.slow
@pytest.mark.row("F19")
def test_a_rehearsal_in_a_process_of_its_own(files: tuple[Path, Path]) -> None:
    command = [sys.executable, "-c", "from bots.call_agent.commands import app; app()", "test", *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count(" ok ") == 3
