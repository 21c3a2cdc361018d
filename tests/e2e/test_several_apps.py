"""Several apps in one gateway, each with its certificates: the real commands, the vendor's SDKs, botkit's client."""

import time
from functools import partial
from pathlib import Path

import pytest
import trio

from botkit.errors import ErrorCode, LoginFailed, RequestFailed
from botkit.events import Reconnected, UserOnline
from botkit.signaling import LoginSession, Signal
from botkit.wire.limits import NO_TOKEN, USER_ONLINE_CHANNEL
from botkit.wire.tokens import Role, make_role_token, make_token
from tests.gateway_fire.process import free_port
from tests.processes import Run, Running, Start
from tests.vendor import packages
from tests.vendor.clients import Sdk, VendorUser, next_event
from tests.vendor.drivers import Vendor, driver_command
from tests.vendor.stage import CONNECTION_LOST, LOGGED_OUT, OTHER_SDK, expect_logout

pytestmark = [pytest.mark.slow, pytest.mark.row("G05"), pytest.mark.parametrize("sdk", ["web", "python"])]

OLD, NEW, DESK = "970ca35de60c44645bbae8a215061b33", "5cfd2fd1755d40ecb72977518be15d3b", "desk-certificate"
FAR = 4_000_000_000
WORLDS = f"""\
apps:
  - {{id: shop, certificate: {NEW}}}
  - {{id: desk, certificate: {DESK}}}
  - {{id: strict, certificate: {NEW}, accept_v1: false}}
  - {{id: open}}
"""
BEFORE = f"app: {{id: shop, certificate: {OLD}}}\n"
OVERLAP = f"""\
app:
  id: shop
  certificate: {NEW}
  retiring: [{{certificate: {OLD}, until: 2999-01-01T00:00:00Z}}]
"""
AFTER = f"app: {{id: shop, certificate: {NEW}}}\n"


class Commands:
    """``botkit gateway``, one at a time on one port and one store, and ``botkit token``."""

    def __init__(self, run: Run, start: Start, folder: Path) -> None:
        self._run, self._start, self._folder = run, start, folder
        self._listen = f"127.0.0.1:{free_port()}"
        self._running: Running | None = None
        self.url = f"ws://{self._listen}/"

    async def gateway(self, text: str) -> None:
        """Start the gateway with this file, after the end of the one before."""
        if self._running is not None:
            await trio.to_thread.run_sync(self._running.process.terminate)
            await trio.to_thread.run_sync(self._running.process.wait)
        (self._folder / "gateway.yaml").write_text(text)
        arguments = ["--listen", self._listen, "--http", "127.0.0.1:0", "--store", "sqlite:///gateway.db"]
        self._running = self._start("gateway", "--config", "gateway.yaml", *arguments)
        await trio.to_thread.run_sync(self._running.read_until, "ready")

    async def token(self, app: str, account: str, certificate: str, *arguments: str) -> str:
        """A token for an account."""
        command = ["token", "--app-id", app, "--account", account, "--certificate", certificate, *arguments]
        done = await trio.to_thread.run_sync(partial(self._run, *command))
        assert (done.returncode, done.stderr) == (0, "")
        return str(done.stdout).strip()


@pytest.fixture
def commands(run_botkit: Run, start_botkit: Start, tmp_path: Path) -> Commands:
    """The real commands, in processes of their own."""
    return Commands(run_botkit, start_botkit, tmp_path)


@pytest.fixture
def vendor(commands: Commands, tmp_path: Path) -> Vendor:
    """The vendor's clients for that gateway; without Node the test is skipped (fails on CI)."""
    for sdk in OTHER_SDK:
        try:
            driver_command(sdk)
        except packages.MissingTool as error:
            pytest.skip(str(error))
    return Vendor(commands.url, tmp_path / "logs")


async def test_each_app_is_a_world_of_its_own(commands: Commands, vendor: Vendor, sdk: Sdk) -> None:
    await commands.gateway(WORLDS)
    async with (
        vendor.open_driver(sdk, app="shop") as shop,
        vendor.open_driver(OTHER_SDK[sdk], app="desk") as desk,
        Signal("shop", commands.url).open_session(
            "watch", await commands.token("shop", "watch", NEW, "--role", "server")
        ) as server,
    ):
        await server.join(USER_ONLINE_CHANNEL)
        in_shop, in_desk = shop.user("ann"), desk.user("ann")
        await in_shop.log_in(await commands.token("shop", "ann", NEW))
        await in_desk.log_in(make_token("desk", DESK, "ann", FAR))
        for ann in (in_shop, in_desk):
            await ann.do("join", channel="lobby")
            await ann.expect("user_list", users=[["ann", ann.heard("logged_in")[0]["uid"]]])
        assert (await next_event(server, UserOnline)).account == "ann"
        assert {online.account: online.channel for online in await server.list_online()} == {
            "ann": "lobby",
            "watch": USER_ONLINE_CHANNEL,
        }

        await server.mute("ann", reason="in this app")
        await in_shop.do("send", account="ann", text="to myself")
        await in_shop.expect("sent", ok=False)
        await in_desk.do("send", account="ann", text="to myself")
        await in_desk.expect("instant", account="ann", text="to myself")
        await in_desk.do("say", text="in the desk's lobby")
        await in_desk.expect("channel_message", account="ann")
        await server.unmute("ann")
        await in_shop.do("say", text="in the shop's lobby")
        await in_shop.expect("channel_message", account="ann", text="in the shop's lobby")
        for ann in (in_shop, in_desk):
            assert not ann.untaken("channel_message")
            assert not ann.untaken("instant")
            assert len(ann.heard("logged_in")) == 1


async def test_who_gets_in(commands: Commands, vendor: Vendor, sdk: Sdk) -> None:
    await commands.gateway(WORLDS)
    token = await commands.token("shop", "ann", NEW)
    server_token = await commands.token("shop", "ann", NEW, "--role", "server")
    async with vendor.open_driver(sdk) as driver:
        ann, bob, carol = driver.user("ann"), driver.user("bob"), driver.user("carol")
        await carol.log_in(make_token("shop", NEW, "carol", int(time.time()) + 12), app="shop")
        await expect_refusal(bob, sdk, "shop", token)  # another's
        await expect_refusal(ann, sdk, "desk", token)  # another app's
        await expect_refusal(ann, sdk, "shop", token[:-1] + "x")
        await expect_refusal(ann, sdk, "shop", NO_TOKEN)
        await expect_refusal(ann, sdk, "strict", make_token("strict", NEW, "ann", FAR))
        await ann.log_in(make_role_token("strict", NEW, "ann", FAR), app="strict")
        await bob.log_in(NO_TOKEN, app="open")
        expired = make_token("shop", NEW, "ann", int(time.time()) - 1)
        await expect_refusal(ann, sdk, "shop", expired, ErrorCode.LOGIN_E_TOKENEXPIRED)
        await ann.log_in(server_token, app="shop")
        await ann.do("join", channel=USER_ONLINE_CHANNEL)
        await ann.expect("joined")
        await expect_logout(carol, sdk)  # hers has run out
    with pytest.raises(LoginFailed) as refused:
        async with Signal("desk", commands.url).open_session("ann", server_token):
            pass
    assert refused.value.code is ErrorCode.LOGIN_E_TOKENWRONG
    async with Signal("desk", commands.url).open_session("ann", make_role_token("desk", DESK, "ann", FAR)) as session:
        with pytest.raises(RequestFailed) as failed:
            await session.list_online()
        assert failed.value.code is ErrorCode.GENERAL_E_FAILED


async def test_a_certificate_is_rotated(commands: Commands, vendor: Vendor, sdk: Sdk) -> None:
    await commands.gateway(BEFORE)
    old, new = await commands.token("shop", "ann", OLD), make_token("shop", NEW, "ann", FAR)
    servers_token = make_role_token("shop", OLD, "watch", FAR, Role.SERVER)
    async with (
        vendor.open_driver(sdk, app="shop") as shop,
        Signal("shop", commands.url).open_session("watch", lambda: servers_token) as server,
    ):
        ann = shop.user("ann")
        await expect_refusal(ann, sdk, "shop", new)
        await ann.log_in(old)

        await commands.gateway(OVERLAP)
        await come_back(ann, sdk, old)
        await next_event(server, Reconnected)
        await expect_presence(server, "ann")
        bob = shop.user("bob")
        await bob.log_in(make_token("shop", NEW, "bob", FAR))

        servers_token = make_role_token("shop", NEW, "watch", FAR, Role.SERVER)
        await commands.gateway(AFTER)
        await next_event(server, Reconnected)
        if sdk == "web":
            await bob.expect("logged_in")
            await ann.expect("state", state=LOGGED_OUT)  # it came back with the old one, and gave up
        else:
            await ann.expect("state", state=CONNECTION_LOST)
        await expect_refusal(ann, sdk, "shop", old)
        await ann.log_in(new)
        await expect_presence(server, "ann")


async def expect_refusal(
    user: VendorUser, sdk: Sdk, app: str, token: str, code: ErrorCode = ErrorCode.LOGIN_E_TOKENWRONG
) -> None:
    """A login that is refused, and how the SDK shows it."""
    await user.start_login(token, app=app)
    if sdk == "web":
        await user.expect("login_failed", code=int(code))
    else:  # it has no call-back for this: its connection is gone
        await user.expect("state", state=CONNECTION_LOST)


async def come_back(user: VendorUser, sdk: Sdk, token: str) -> None:
    """After a restart of the gateway: by itself, or as the Python SDK's application would do it."""
    if sdk == "web":
        await user.expect("logged_in")
    else:
        await user.expect("state", state=CONNECTION_LOST)
        await user.log_in(token, app="shop")


async def expect_presence(server: LoginSession, account: str) -> None:
    """The server role is in force, and the account is online."""
    assert account in {online.account for online in await server.list_online()}
