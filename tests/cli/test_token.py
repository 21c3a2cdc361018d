import time

import pytest
from typer.testing import CliRunner

from botkit.cli.entry import build_app
from botkit.wire.tokens import Role, TokenVerdict, check_token, judge_token, token_expiry

CERTIFICATE = "5cfd2fd1755d40ecb72977518be15d3b"


def invoke(*arguments: str, certificate: str | None = None) -> tuple[int, str, str]:
    env = {"BOTKIT_APP_CERTIFICATE": certificate}
    result = CliRunner().invoke(build_app(), ["token", *arguments], env=env)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.row("O01")
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


@pytest.mark.parametrize("role", Role)
def test_a_token_of_our_own_gives_a_role(role: Role) -> None:
    before = int(time.time())
    arguments = ["--app-id", "app", "--account", "ann", "--ttl", "60", "--role", role.value]
    code, out, _ = invoke(*arguments, certificate=CERTIFICATE)
    (token,) = out.splitlines()
    grant = judge_token(token, "app", [CERTIFICATE], "ann", before, accept_v1=False)
    assert code == 0
    assert (grant.verdict, grant.role) == (TokenVerdict.VALID, role)
    assert before + 60 <= grant.expires <= int(time.time()) + 60
    assert judge_token(token, "app", [CERTIFICATE], "bob", before).verdict is TokenVerdict.WRONG


def test_another_role_is_refused() -> None:
    code, _, err = invoke("--app-id", "app", "--account", "ann", "--certificate", "c", "--role", "root")
    assert code == 2
    assert "--role" in err


@pytest.mark.parametrize("app_id", ["", "a:b"])
def test_an_app_id_that_no_token_can_carry_is_refused(app_id: str) -> None:
    code, out, err = invoke("--app-id", app_id, "--account", "ann", "--certificate", "c")
    assert (code, out) == (2, "")
    assert err == "botkit: --app-id: an app id in a token is a text without a colon\n"


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


@pytest.mark.parametrize("ttl", ["0", "3153600001", "1.5", "a day"])
def test_a_time_to_live_is_from_a_second_to_a_hundred_years(ttl: str) -> None:
    code, _, err = invoke("--app-id", "app", "--account", "ann", "--certificate", "c", "--ttl", ttl)
    assert code == 2
    assert "--ttl" in err
