import json
import logging
from collections.abc import Iterator

import pytest
import structlog
import typer

from botkit.cli.failures import complaining, report, reporting
from botkit.errors import ConfigError, ConnectFailed, StoreError

COMPLAINT = ConfigError("port in use", file="demo.yaml:3", key="gateway.listen", hint="choose another")


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "error",
    [COMPLAINT, ExceptionGroup("", [COMPLAINT]), ExceptionGroup("", [OSError(), ExceptionGroup("", [COMPLAINT])])],
)
def test_wrong_input_is_one_line_and_2(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(error) == 2
    assert capsys.readouterr() == ("", "botkit: demo.yaml:3: gateway.listen: port in use; choose another\n")


def test_what_botkit_raises_is_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ExceptionGroup("", [StoreError("sqlite:///a.db", "disk full")])) == 1
    assert capsys.readouterr().err == "botkit: sqlite:///a.db: disk full\n"


def test_a_bug_comes_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        raise ExceptionGroup("", [ConnectFailed("ws://x", "refused"), KeyError("bug")])
    assert report(caught.value) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "KeyError: 'bug'" in err


def test_in_json_everything_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    codes = [report(error, "json") for error in (COMPLAINT, StoreError("sqlite:///a.db", "full"), KeyError("bug"))]
    complaint, failure, bug = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert codes == [2, 1, 1]
    assert (complaint["event"], complaint["file"], complaint["key"]) == ("port in use", "demo.yaml:3", "gateway.listen")
    assert (complaint["hint"], complaint["level"]) == ("choose another", "error")
    assert failure["event"] == "sqlite:///a.db: full"
    assert bug["event"] == "botkit crashed"
    assert "KeyError: 'bug'" in bug["exception"]


def test_a_command_ends_with_the_code_of_its_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, reporting("text"):
        raise COMPLAINT
    assert caught.value.exit_code == 2
    with pytest.raises(typer.Exit) as caught, reporting("text"):
        raise typer.Exit(5)
    assert caught.value.exit_code == 5
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_complaint_is_raised_on_in_other_words() -> None:
    def shout(error: ConfigError) -> ConfigError:
        return ConfigError(error.problem.upper(), key="--listen")

    with pytest.raises(ConfigError, match="--listen: PORT IN USE"), complaining(as_=shout):
        raise ExceptionGroup("", [COMPLAINT])
    with pytest.raises(ExceptionGroup), complaining(as_=shout):
        raise ExceptionGroup("", [KeyError("bug")])
