"""Certificates, roles and expiry at the gateway."""

import msgspec
import pytest
import trio

from botkit.errors import ConfigError, TransportClosed
from botkit.gateway.auth import check_login
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings, RetiringCertificate
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.wire.frames import LoginArguments
from botkit.wire.tokens import Role, make_role_token, make_token

OLD, NEW = "old-certificate", "new-certificate"


def login(token: str, account: str = "ann") -> LoginArguments:
    return LoginArguments(vid=TEST_APP, account=account, token=token)


@pytest.mark.row("G05")
def test_rotation_takes_both_certificates_until_the_old_one_retires() -> None:
    app = AppCredentials(id=TEST_APP, certificate=NEW, retiring=(RetiringCertificate(certificate=OLD, until=1000),))
    old, new = make_token(TEST_APP, OLD, "ann", 5000), make_token(TEST_APP, NEW, "ann", 5000)
    assert check_login(login(old), app, 999).expires == 5000
    assert check_login(login(new), app, 999).expires == 5000
    assert check_login(login(new), app, 1000).expires == 5000
    with pytest.raises(Exception, match="206"):
        check_login(login(old), app, 1000)


@pytest.mark.row("G05")
def test_no_need_token_only_where_the_app_says_so() -> None:
    app = AppCredentials(id=TEST_APP, certificate=NEW)
    with pytest.raises(Exception, match="206"):
        check_login(login("_no_need_token"), app, 0)
    debugging = msgspec.structs.replace(app, allow_no_token=True)
    assert check_login(login("_no_need_token"), debugging, 0).expires is None
    with pytest.raises(Exception, match="206"):
        check_login(login("anything"), debugging, 0)


def test_app_can_refuse_the_vendors_tokens() -> None:
    app = AppCredentials(id=TEST_APP, certificate=NEW, accept_v1=False)
    with pytest.raises(Exception, match="206"):
        check_login(login(make_token(TEST_APP, NEW, "ann", 5000)), app, 0)
    assert check_login(login(make_role_token(TEST_APP, NEW, "ann", 5000)), app, 0).server is False


def test_server_role_comes_by_name_or_by_token() -> None:
    app = AppCredentials(id=TEST_APP, certificate=NEW, server_accounts=("mod-?",))
    assert check_login(login(make_token(TEST_APP, NEW, "mod-1", 5000), "mod-1"), app, 0).server
    assert not check_login(login(make_token(TEST_APP, NEW, "mod-12", 5000), "mod-12"), app, 0).server
    assert check_login(login(make_role_token(TEST_APP, NEW, "ann", 5000, Role.SERVER)), app, 0).server


def test_secrets_are_not_in_reprs() -> None:
    app = AppCredentials(id=TEST_APP, certificate=NEW, retiring=(RetiringCertificate(certificate=OLD, until=1),))
    assert NEW not in repr(app)
    assert OLD not in repr(app.retiring)


@pytest.mark.row("M03d", "C05")
async def test_token_that_runs_out_ends_the_session(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway(certificate=NEW) as gateway, WirePeer.connect(gateway.connector) as ann:
        await ann.login("ann", make_token(TEST_APP, NEW, "ann", int(gateway.clock.seconds()) + 20))
        await trio.sleep(18)
        assert await ann.fetch() == []
        assert await ann.receive() == ["close", "TokenErrorExpired"]
        with pytest.raises(TransportClosed):
            await ann.receive()
        assert gateway.sessions == 0
        assert gateway.counters.logouts.values["expired"] == 1


async def test_timer_of_a_session_that_is_over_does_not_touch_the_next_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway(certificate=NEW) as gateway, WirePeer.connect(gateway.connector) as ann:
        now = int(gateway.clock.seconds())
        await ann.login("ann", make_token(TEST_APP, NEW, "ann", now + 10))
        await ann.request("user_logout")
        await ann.login("ann", make_token(TEST_APP, NEW, "ann", now + 100))
        await trio.sleep(20)
        assert await ann.fetch() == []


async def test_admin_calls_need_the_role(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        with pytest.raises(Refusal, match="server accounts only"):
            await ann.request("botkit_mute", account="bob")


@pytest.mark.parametrize(
    ("app", "allowed"),
    [
        (AppCredentials(id="a"), False),
        (AppCredentials(id="a", certificate="c"), True),
        (AppCredentials(id="a", certificate="c", allow_no_token=True), False),
    ],
)
def test_open_door_only_on_loopback_or_when_said(app: AppCredentials, allowed: bool) -> None:
    outside = GatewaySettings(apps=(app,), listen=Address("0.0.0.0", 0))
    if allowed:
        outside.check()
    else:
        with pytest.raises(ConfigError, match=r"gateway\.listen"):
            outside.check()
    msgspec.structs.replace(outside, insecure=True).check()
    msgspec.structs.replace(outside, listen=Address("127.0.0.1", 0)).check()


def test_retiring_certificate_needs_a_new_one() -> None:
    app = AppCredentials(id="a", retiring=(RetiringCertificate(certificate=OLD, until=1),))
    with pytest.raises(ConfigError, match=r"app\.certificate"):
        GatewaySettings(apps=(app,)).check()
