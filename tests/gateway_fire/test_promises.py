"""What a peer was told holds after a crash: found by killing the gateway between a change and its commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import ConnectFailed
from botkit.events import CallEnded, CallInvited, Event, EventsLost, InstantMessage, Reconnected
from botkit.signaling import LoginSession, Signal
from botkit.testing import TEST_APP, WirePeer
from botkit.transport.base import Connector, Transport
from botkit.types import ChannelName
from botkit.wire.limits import USER_ONLINE_CHANNEL
from tests.gateway_fire.crashing import CrashingGateway, open_crashing_gateway


class Door:
    """A way to the gateway that can be shut: who comes meanwhile is refused."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.open = True

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        if not self.open:
            raise ConnectFailed("memory", "shut")
        async with self._connector() as transport:
            yield transport


async def texts_until(session: LoginSession, seconds: float) -> list[str]:
    """The instant messages that come within some time."""
    texts: list[str] = []
    with trio.move_on_after(seconds):
        async for event in session.events():
            if isinstance(event, InstantMessage):
                texts.append(event.text)
    return texts


async def until(session: LoginSession, last: type[Event]) -> AsyncIterator[Event]:
    """The events up to the next one of a type."""
    async for event in session.events():
        yield event
        if isinstance(event, last):
            return


async def tell(crashing: CrashingGateway, sender: str, text: str) -> None:
    """Send bob an instant message and wait until the gateway has it."""
    async with WirePeer.connect(crashing.connector, sender) as peer:
        await peer.request("user_sendmsg", peer="bob", flag="v1:E:3600", t="instant", content=text)


@pytest.mark.row("G06", "M11")
@pytest.mark.parametrize("away", [1.0, 60.0], ids=["resumes", "logs in anew"])
@pytest.mark.parametrize("killed_after", [step / 4 for step in range(1, 17)])
async def test_a_message_comes_once_whenever_the_gateway_dies(
    killed_after: float, away: float, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_crashing_gateway(commit_seconds=1.0) as crashing:
        door = Door(crashing.connector)
        async with Signal(TEST_APP, door.connector).open_session("bob") as bob:
            await tell(crashing, "ann", "hello")
            texts = await texts_until(bob, killed_after)
            door.open = False
            crashing.kill()
            await crashing.start()
            texts += await texts_until(bob, away)
            door.open = True
            assert texts + await texts_until(bob, 30) == ["hello"]


async def test_nobody_is_shown_a_message_that_a_crash_could_take_back(autojump_clock: trio.testing.MockClock) -> None:
    """Its number would go to the next one, which bob would then take for the one that he has."""
    async with open_crashing_gateway(commit_seconds=1.0) as crashing:
        door = Door(crashing.connector)
        async with Signal(TEST_APP, door.connector).open_session("bob") as bob:
            async with WirePeer.connect(crashing.connector, "ann") as ann, trio.open_nursery() as nursery:
                send = '["call2",["user_sendmsg",1,{"line":"%s","peer":"bob","t":"instant","content":"lost"}]]'
                await ann.send(send % ann.line)
                assert await texts_until(bob, 0.25) == []
                door.open = False
                crashing.kill()
                nursery.cancel_scope.cancel()
            await crashing.start()
            await tell(crashing, "carol", "kept")
            door.open = True
            assert await texts_until(bob, 60) == ["kept"]


async def test_a_session_that_resumes_is_shown_what_is_durable_too(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        open_crashing_gateway(commit_seconds=1.0) as crashing,
        WirePeer.connect(crashing.connector, "ann") as ann,
        WirePeer.connect(crashing.connector) as first,
        WirePeer.connect(crashing.connector) as second,
    ):
        seen = await first.login("bob", resumable=True)
        await ann.send(
            f'["call2",["user_sendmsg",1,{{"line":"{ann.line}","peer":"bob","flag":"v1:E:60","content":"x"}}]]'
        )
        await trio.sleep(0.1)
        with trio.move_on_after(0.3):
            await second.resume("bob", str(seen["line"]), boot=seen["boot"])
            await second.fetch()
            raise AssertionError("fetched what is not durable")


@pytest.mark.parametrize("killed_after", [0.25, 0.75, 1.25, 5.0])
async def test_messages_about_calls_take_no_number_from_others(
    killed_after: float, autojump_clock: trio.testing.MockClock
) -> None:
    """They are not kept, but their numbers are used up: else a message after a restart gets one that bob has seen."""
    async with open_crashing_gateway(commit_seconds=1.0) as crashing:
        door = Door(crashing.connector)
        async with Signal(TEST_APP, door.connector).open_session("bob") as bob:
            async with WirePeer.connect(crashing.connector, "ann") as ann:
                for channel in ("c1", "c2", "c3"):
                    await ann.request("voip_invite", channelName=channel, peer="bob", extra="")
                await texts_until(bob, killed_after)
                door.open = False
                crashing.kill()
            await crashing.start()
            await tell(crashing, "carol", "kept")
            door.open = True
            assert await texts_until(bob, 60) == ["kept"]


@pytest.mark.row("G06")
@pytest.mark.parametrize("function", ["botkit_snapshot", "botkit_read_ledger"])
async def test_no_cursor_names_an_event_that_a_crash_could_take_back(
    function: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_crashing_gateway(commit_seconds=1.0) as crashing:
        async with WirePeer.connect(crashing.connector, "server") as server, trio.open_nursery() as nursery:
            nursery.start_soon(tell, crashing, "ann", "hello")
            await trio.sleep(0.1)
            cursor = 0
            with trio.move_on_after(0.2):
                answer = await server.request(function)
                cursor = int(str(answer.get("seq", answer.get("last"))))
            crashing.kill()
            nursery.cancel_scope.cancel()
        await crashing.start()
        async with WirePeer.connect(crashing.connector, "server-2") as server:
            events = (await server.request("botkit_read_ledger"))["events"]
            assert isinstance(events, list)
            assert cursor < len(events) - 2, "what came after the restart has other numbers"
            told = await server.request("botkit_snapshot")
            assert (told["seq"], told["seqs"]) == (len(events), {"presence": len(events)})


async def test_who_is_always_told_something_new_is_not_kept_waiting(autojump_clock: trio.testing.MockClock) -> None:
    """Every commit lets out what it made durable, also when there is always more behind it."""
    async with (
        open_crashing_gateway(commit_seconds=0.1) as crashing,
        WirePeer.connect(crashing.connector, "server") as feed,
    ):
        await feed.request("channel_join", name=USER_ONLINE_CHANNEL)

        async def come_and_go(number: int) -> None:
            while True:
                async with WirePeer.connect(crashing.connector, f"user-{number}"):
                    await trio.sleep(0.05)

        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(come_and_go, number)
                await trio.sleep(0.03)
            with trio.fail_after(0.5):
                for _ in range(4):
                    await feed.next_notice("channel_msg")
            nursery.cancel_scope.cancel()


@pytest.mark.row("G08")
async def test_calls_end_with_the_gateway_that_had_them(autojump_clock: trio.testing.MockClock) -> None:
    async with open_crashing_gateway(commit_seconds=0.01) as crashing:
        signal = Signal(TEST_APP, crashing.connector)
        async with signal.open_session("ann") as ann, signal.open_session("bob") as bob:
            call = await ann.invite("room", "bob")
            (invited,) = [event async for event in until(bob, CallInvited) if isinstance(event, CallInvited)]
            taken = bob.call(invited.call)
            assert taken is not None
            await taken.accept()
            await call.wait_answer()
            crashing.kill()
            await crashing.start()
            with trio.fail_after(20):
                await call.wait_ended()
                await taken.wait_ended()
            assert any([isinstance(event, CallEnded) async for event in until(bob, Reconnected)])
            again = await ann.invite("room", "bob")
            await again.end()


@pytest.mark.row("G08")
async def test_a_client_that_comes_back_after_a_restart_knows_what_it_may_have_missed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_crashing_gateway(commit_seconds=0.01) as crashing:
        signal = Signal(TEST_APP, crashing.connector)
        async with signal.open_session("ann") as ann, WirePeer.connect(crashing.connector) as bob:
            await ann.join("lobby")
            seen = await bob.login("bob", resumable=True)
            await bob.request("channel_join", name="lobby")
            crashing.kill()
            await crashing.start()
            events = [event async for event in until(ann, Reconnected)]
            assert events[-1] == Reconnected(account=ann.account, resumed=True, rejoined=ChannelName("lobby"))
            assert any(isinstance(event, EventsLost) and event.count is None for event in events)
            async with WirePeer.connect(crashing.connector) as again:
                outcome = await again.resume("bob", str(seen["line"]), boot=seen["boot"], channel="lobby")
                assert (outcome["channel"], outcome["lost"]) == ("lobby", -1)
                assert await again.is_silent(), "nobody saw anybody leave"
                assert (await again.request("channel_query_num", name="lobby"))["num"] == 2
