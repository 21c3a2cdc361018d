"""What provokes the codes of logging in and out (0 to 209), and where the vendor's API tells them."""

from botkit.gateway.settings import AppCredentials
from botkit.signaling import SignalSettings
from botkit.signaling.vendor import open_signal
from botkit.testing import Refusal, WirePeer
from botkit.wire.tokens import make_token
from tests.vendor_api.lines import Lines
from tests.vendor_api.overload import open_overloadable
from tests.vendor_api.people import Recorder, World, failed_login, log_in, open_world
from tests.vendor_api.scenario_table import CERTIFICATE, GUARDED, code_of, far, people, provokes


def token(world: World, seconds: int) -> str:
    """A token of ``ann`` for the guarded app that expires in so many seconds."""
    return make_token(GUARDED, CERTIFICATE, "ann", int(world.gateway.clock.seconds()) + seconds)


@provokes(0)
async def success(world: World) -> object:
    async with people(world, "ann") as (ann,):
        ann.session.userSetAttr("n", "v", ann.heard)
        assert await ann.heard.next("onUserSetAttr") == ("", {"result": "ok", "reason": ""})
        assert not ann.heard.all("onError")
        return 0


@provokes(100)
async def the_token_is_not_taken_any_more(world: World) -> object:
    async with open_world(apps=(AppCredentials(id=GUARDED, certificate="another"),)) as restarted:
        lines = Lines(world.gateway.connector)
        async with open_signal(GUARDED, lines.connect) as signal:
            ann = await log_in(signal, "ann", token(world, 600))
            lines.gateway = restarted.gateway.connector
            await lines.drop()
            return await code_of(ann, "onLogout")


@provokes(101)
async def logging_out(world: World) -> object:
    async with people(world, "ann") as (ann,):
        ann.session.logout()
        return await code_of(ann, "onLogout")


@provokes(102)
async def lost_for_good(world: World) -> object:
    async with far(world, SignalSettings(reconnect_attempts=1)) as (ann, lines):
        lines.cut = True
        await lines.drop()
        return await code_of(ann, "onLogout")


@provokes(103)
async def logged_in_elsewhere(world: World) -> object:
    async with people(world, "ann") as (ann,), people(world, "ann"):
        return await code_of(ann, "onLogout")


@provokes(105)
async def the_token_runs_out(world: World) -> object:
    async with world.open(app=GUARDED) as signal:
        return await code_of(await log_in(signal, "ann", token(world, 30)), "onLogout")


@provokes(108)
async def logging_out_twice(world: World) -> object:
    async with people(world, "ann") as (ann,):
        ann.session.logout()
        ann.session.logout()
        await ann.heard.next("onLogout")
        return await code_of(ann, "onLogout")


@provokes(200)
async def a_login_at_a_gateway_whose_store_does_not_keep_up(_: World) -> object:
    async with open_overloadable() as (world, overload), world.open() as signal:
        await overload.begin()
        return await failed_login(signal, "ann")


@provokes(201)
async def no_way_there(world: World) -> object:
    lines = Lines(world.gateway.connector)
    lines.cut = True
    async with world.over(lines) as signal:
        return await failed_login(signal, "ann")


@provokes(202)
async def banned(world: World) -> object:
    async with people(world, "server") as (moderator,), world.open() as signal:
        await moderator.client.ban("ann")
        return await failed_login(signal, "ann")


@provokes(203)
async def cancelled(world: World) -> object:
    async with world.open() as signal:
        heard = Recorder()
        signal.login("ann", "_no_need_token", heard).logout()
        return (await heard.next("onLoginFailed"))[0]


@provokes(204)
async def an_old_token(world: World) -> object:
    async with world.open(app=GUARDED) as signal:
        return await failed_login(signal, "ann", token(world, -1))


@provokes(206)
async def a_wrong_token(world: World) -> object:
    async with world.open(app=GUARDED) as signal:
        return await failed_login(signal, "bob", token(world, 600))


@provokes(207)
async def back_after_a_login_elsewhere(world: World) -> object:
    """Asked of the gateway by hand, see ``scenario_table``."""
    async with WirePeer.connect(world.gateway.connector) as peer:
        await peer.login("ann", resumable=True)
        line = peer.line
    async with people(world, "ann"), WirePeer.connect(world.gateway.connector) as again:
        try:
            await again.resume("ann", line)
        except Refusal as refusal:
            return refusal.code
        return None


@provokes(208)
async def logged_in_already(world: World) -> object:
    async with world.open() as signal:
        await log_in(signal, "ann")
        return await failed_login(signal, "ann")


@provokes(209)
async def no_account(world: World) -> object:
    async with world.open() as signal:
        return await failed_login(signal, "a b")
