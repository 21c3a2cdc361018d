import time

import pytest
from typer.testing import CliRunner

from botkit.cli.entry import build_app
from botkit.wire.tokens import TokenVerdict, check_token, token_expiry

CERTIFICATE = "5cfd2fd1755d40ecb72977518be15d3b"


def invoke(*arguments: str, certificate: str | None = None) -> tuple[int, str, str]:
    env = {"BOTKIT_APP_CERTIFICATE": certificate}
    result = CliRunner().invoke(build_app(), ["token", *arguments], env=env)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("from_environment", [True, False])
def test_a_token_lets_its_account_in_for_its_time(from_environment: bool) -> None:
    arguments = ["--app-id", "app", "--account", "ann", "--ttl", "60"]
    before = int(time.time())
    if from_environment:
        code, out, _ = invoke(*arguments, certificate=CERTIFICATE)
    else:
        code, out, _ = invoke(*arguments, "--certificate", CERTIFICATE)
    (token,) = out.splitlines()
    expires = token_expiry(token)
    assert code == 0
    assert expires is not None
    assert before + 60 <= expires <= int(time.time()) + 60
    assert check_token(token, "app", CERTIFICATE, "ann", expires - 1) is TokenVerdict.VALID
    assert check_token(token, "app", CERTIFICATE, "ann", expires) is TokenVerdict.EXPIRED
    assert check_token(token, "app", CERTIFICATE, "bob", expires - 1) is TokenVerdict.WRONG


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--account", "ann"], "botkit: --certificate: a token is made with the app's certificate"),
        (["--account", "a b", "--certificate", "c"], "botkit: --account: account has a blank"),
        (["--account", "", "--certificate", "c"], "botkit: --account: account is empty"),
        (["--account", "a" * 129, "--certificate", "c"], "botkit: --account: account too large: 129 bytes"),
    ],
)
def test_what_makes_no_token_is_said(arguments: list[str], message: str) -> None:
    code, out, err = invoke("--app-id", "app", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)


def test_a_time_to_live_is_a_second_at_least() -> None:
    code, _, err = invoke("--app-id", "app", "--account", "ann", "--certificate", "c", "--ttl", "0")
    assert code == 2
    assert "--ttl" in err
