"""Login, logout, kick, silence: how sessions start and end."""

import pytest
import trio

from botkit.errors import ConnectFailed, TransportClosed
from botkit.gateway.settings import GatewaySettings
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.wire.tokens import make_token

CERTIFICATE = "5cfd2fd1755d40ecb72977518be15d3b"


async def test_uid_is_the_accounts_own_and_kept(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        async with WirePeer.connect(gateway.connector, "ann") as ann, WirePeer.connect(gateway.connector, "bob") as bob:
            first = ann.uid
            assert first > 0
            assert bob.uid > 0
            assert first != bob.uid
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            assert ann.uid == first


@pytest.mark.parametrize(
    ("account", "accepted"),
    [("a" * 128, True), ("a" * 129, False), ("ü" * 64, True), ("ü" * 64 + "a", False), ("a b", False), ("a\tb", False)],
)
@pytest.mark.row("M03")
async def test_account_borders(account: str, accepted: bool, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector) as peer:
        if accepted:
            assert (await peer.login(account))["result"] == "ok"
        else:
            with pytest.raises(Refusal, match="wrong account") as refusal:
                await peer.login(account)
            assert refusal.value.code == 209


@pytest.mark.row("M03d")
async def test_tokens_are_checked_where_the_app_has_a_certificate(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway(certificate=CERTIFICATE) as gateway:
        now = int(gateway.clock.seconds())
        good = make_token(TEST_APP, CERTIFICATE, "ann", now + 100)
        cases = {
            "_no_need_token": 206,
            "": 206,
            good.replace(good[-1], "x"): 206,
            make_token(TEST_APP, CERTIFICATE, "bob", now + 100): 206,
            make_token("other", CERTIFICATE, "ann", now + 100): 206,
            make_token(TEST_APP, "other", "ann", now + 100): 206,
            make_token(TEST_APP, CERTIFICATE, "ann", now - 1): 204,
        }
        for token, code in cases.items():
            async with WirePeer.connect(gateway.connector) as peer:
                with pytest.raises(Refusal) as refusal:
                    await peer.login("ann", token)
                assert refusal.value.code == code
                assert refusal.value.reason in ("TokenErrorWrong", "TokenErrorExpired")
        async with WirePeer.connect(gateway.connector) as peer:
            assert (await peer.login("ann", good))["result"] == "ok"


async def test_unknown_app_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector) as peer:
        with pytest.raises(Refusal, match="unknown app") as refusal:
            await peer.login("ann", app="nobody's")
        assert refusal.value.code == 202


@pytest.mark.row("M03c")
async def test_second_login_kicks_the_first_in_three_steps(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "ann") as first,
        WirePeer.connect(gateway.connector, "ann") as second,
    ):
        assert (await first.receive())[0] == "kick"
        assert (await first.receive())[0] == "close"
        with pytest.raises(TransportClosed):
            await first.receive()
        assert await second.fetch() == []
        assert gateway.sessions == 1


async def test_second_login_on_one_connection_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        with pytest.raises(Refusal) as refusal:
            await ann.login("bob")
        assert refusal.value.code == 208
        assert await ann.fetch() == []


@pytest.mark.row("C09")
async def test_request_before_login_or_under_a_foreign_line(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector) as peer:
        with pytest.raises(Refusal) as refusal:
            await peer.request("channel_join", name="lobby")
        assert refusal.value.code == 1003
        await peer.login("ann")
        peer.line = "guessed"
        with pytest.raises(Refusal) as refusal:
            await peer.request("channel_join", name="lobby")
        assert refusal.value.code == 1003


async def test_ping_is_answered_with_the_same_number_before_and_after_login(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector) as peer:
        await peer.send('["ping",41]')
        assert await peer.receive() == ["pong", 41]
        await peer.login("ann")
        await peer.send('["ping",0]')
        assert await peer.receive() == ["pong", 0]


async def test_call_id_comes_back_with_its_own_type(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        for call_id in ("0", '"seven"'):
            await ann.send(f'["call2",["nope",{call_id},{{}}]]')
            frame = await ann.receive()
            assert frame[0] == "call2-ret"
            assert isinstance(frame[1], list)
            assert frame[1][0] == (0 if call_id == "0" else "seven")


async def test_connection_without_login_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector) as peer:
        for number in range(3):
            await trio.sleep(9.9)
            await peer.send(f'["ping",{number}]')
            assert await peer.receive() == ["pong", number]
        with pytest.raises(TransportClosed) as closed, trio.fail_after(0.5):
            await peer.receive()
        assert closed.value.code == 4003


async def test_connections_are_bounded(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), max_connections=1)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        with pytest.raises(ConnectFailed):
            async with WirePeer.connect(gateway.connector):
                raise AssertionError("let in")
        assert gateway.counters.refused_connections.value == 1
        assert await ann.fetch() == []


async def test_after_logout_the_session_is_over_and_the_connection_takes_a_new_login(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("user_logout")
        assert gateway.sessions == 0
        with pytest.raises(Refusal):
            await ann.request("channel_join", name="lobby")
        await ann.login("ann")
        assert gateway.sessions == 1


async def test_our_own_fault_costs_one_connection_and_no_more(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        hub = gateway.hubs[TEST_APP]
        with monkeypatch.context() as broken:
            broken.setattr(type(hub), "login", None)
            async with WirePeer.connect(gateway.connector) as bob:
                with pytest.raises(TransportClosed):
                    await bob.login("bob")
        assert gateway.counters.connection_errors.value == 1
        assert await ann.fetch() == []
        async with WirePeer.connect(gateway.connector, "bob"):
            assert len(hub.sessions) == 2
