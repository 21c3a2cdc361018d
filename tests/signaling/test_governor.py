"""Sessions under a governor against the real gateway: nothing is refused, nothing is lost, urgent things go first."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import LoginFailed, OutgoingQueueFull, RequestFailed, SendFailed, SessionEnded
from botkit.events import ChannelMessage, InstantMessage
from botkit.gateway.limits import RateWindow
from botkit.gateway.server import Gateway
from botkit.signaling import LoginSession, Signal
from botkit.signaling.effects import Lane
from botkit.signaling.governor import Governor
from botkit.signaling.governor_settings import GovernorSettings
from botkit.signaling.governor_window import Scope
from botkit.signaling.outgoing import Gate
from botkit.testing import open_world
from botkit.testing.weather import Weather
from botkit.testing.world import World
from botkit.types import Account
from botkit.wire.requests import SendMessage
from tests.signaling.scripted import ScriptedGateway, next_event


class Watch:
    """Counts what a governor tells."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.refusals = 0
        self.retries: list[Scope] = []

    def waited(self, _lane: Lane, seconds: float, /) -> None:
        self.waits.append(seconds)

    def refused(self, _lane: Lane, /) -> None:
        self.refusals += 1

    def retried(self, scope: Scope, /) -> None:
        self.retries.append(scope)


class Arrivals:
    """When each message came that the gateway counted, by the limit that it was counted against."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._of: dict[int, list[float]] = defaultdict(list)
        self._windows: list[RateWindow] = []  # kept, so that no other one gets its id
        real = RateWindow.take

        def take(window: RateWindow, now: float) -> None:
            self._windows.append(window)
            self._of[id(window)].append(now)
            real(window, now)

        monkeypatch.setattr(RateWindow, "take", take)

    def of(self, window: RateWindow) -> list[float]:
        """Of one limit, in order."""
        return self._of[id(window)]


def most_in_a_second(times: Sequence[float]) -> int:
    """How many of these fell into the fullest second, which begins with one of them, and ends before it is over."""
    return max(sum(start <= time < start + 1 for time in times[at:]) for at, start in enumerate(times))


@pytest.fixture
def arrivals(monkeypatch: pytest.MonkeyPatch) -> Arrivals:
    return Arrivals(monkeypatch)


class Stage:
    """A world whose sessions share a governor."""

    def __init__(self, world: World, governor: Governor, watch: Watch) -> None:
        self.world, self.governor, self.watch = world, governor, watch
        self.signal = Signal(world.app_id, world.connector)

    @property
    def gateway(self) -> Gateway:
        return self.world.host.gateway

    @property
    def refused(self) -> int:
        """How many requests the gateway refused."""
        return self.gateway.counters.refusals.value

    @asynccontextmanager
    async def sessions(self, *accounts: str, channel: str = "lobby") -> AsyncIterator[list[LoginSession]]:
        async with AsyncExitStack() as stack:
            sessions = []
            for account in accounts:
                session = await stack.enter_async_context(
                    self.signal.open_session(account, gate=Gate(governor=self.governor))
                )
                await session.join(channel)
                sessions.append(session)
            yield sessions

    def channel_rate(self, name: str = "lobby") -> RateWindow:
        hub = self.gateway.hubs[self.world.app_id]
        channel = hub.channels.get(name)
        assert channel is not None
        return channel.rate

    def user_rate(self, session: LoginSession) -> RateWindow:
        return self.gateway.hubs[self.world.app_id].accounts.rate_of(session.account)


@asynccontextmanager
async def open_stage(settings: GovernorSettings | None = None) -> AsyncIterator[Stage]:
    watch = Watch()
    governor = Governor(settings, watch)
    async with open_world(server_accounts=("mod",)) as world, trio.open_nursery() as nursery:
        await nursery.start(governor.run)
        yield Stage(world, governor, watch)
        nursery.cancel_scope.cancel()


async def offer(session: LoginSession, number: int, *, name: str = "") -> None:
    """Send so many numbered messages to the session's channel, all at once, each by a task of its own."""
    assert session.channel is not None
    async with trio.open_nursery() as nursery:
        for index in range(number):
            nursery.start_soon(session.channel.send, f"{name}{index}")
            await trio.lowlevel.cancel_shielded_checkpoint()


@pytest.mark.row("B15")
@pytest.mark.parametrize("weather", [Weather(), Weather(delay=0.01, jitter=0.02)], ids=["calm", "jitter"])
async def test_a_thousand_messages_of_one_bot(weather: Weather, arrivals: Arrivals, autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("bot") as (bot,):
        stage.world.road("bot").weather = weather
        began = trio.current_time()
        await offer(bot, 1000)
        times = arrivals.of(stage.user_rate(bot))
        assert stage.refused == 0
        assert len(times) == 1000
        assert most_in_a_second(times) <= 60
        assert times[-1] - began <= 1000 / 60 / 0.95
        assert stage.watch.retries == []
        assert stage.governor.waiting == 0
        assert 900 < len(stage.watch.waits) < 1000


@pytest.mark.row("B15")
async def test_a_thousand_messages_of_several_bots_into_one_channel(
    arrivals: Arrivals, autojump_clock: MockClock
) -> None:
    async with open_stage() as stage, stage.sessions("a", "b", "c", "d", "e") as bots:
        hearer = await stage.world.user("ann", channel="lobby")
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for bot in bots:
                nursery.start_soon(offer, bot, 200)
        times = arrivals.of(stage.channel_rate())
        assert stage.refused == 0
        assert len(times) == 1000
        assert most_in_a_second(times) <= 200
        assert all(most_in_a_second(arrivals.of(stage.user_rate(bot))) <= 60 for bot in bots)
        assert times[-1] - began <= 1000 / 200 / 0.95
        heard = [await next_event(hearer.session, ChannelMessage) for _ in range(1000)]
        for bot in bots:
            said = [message.text for message in heard if message.account == bot.account]
            assert said == [str(number) for number in range(200)]
        last = {message.account: index for index, message in enumerate(heard)}
        assert min(last.values()) > 900  # all came through side by side


@pytest.mark.row("B15")
async def test_a_kick_goes_out_at_once_past_a_thousand_messages(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("mod") as (mod,), trio.open_nursery() as nursery:
        user = await stage.world.user("ann", channel="lobby")
        nursery.start_soon(offer, mod, 1000)
        await wait_all_tasks_blocked()
        await trio.sleep(5)
        before = trio.current_time()
        await mod.kick("ann", "lobby")
        await mod.mute("ann", seconds=60)
        assert trio.current_time() == before
        assert stage.governor.waiting > 500
        assert user.session.channel is None
        nursery.cancel_scope.cancel()


@pytest.mark.row("B15")
async def test_what_is_more_urgent_goes_first_and_no_lane_starves(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("bot") as (bot,):
        ann = await stage.world.user("ann")
        waited: dict[Lane, list[float]] = {lane: [] for lane in Lane}

        async def send(lane: Lane, number: int) -> None:
            began = trio.current_time()
            await bot.send_instant("ann", f"{lane.name} {number}", lane=lane)
            waited[lane].append(trio.current_time() - began)

        async def keep_sending(lane: Lane, per_second: float, nursery: trio.Nursery) -> None:
            for number in range(round(per_second * 20)):
                nursery.start_soon(send, lane, number)
                await trio.sleep(1 / per_second)

        async with trio.open_nursery() as nursery:
            for number in range(600):
                nursery.start_soon(send, Lane.CHAT, number)
            await trio.sleep(2)
            nursery.start_soon(keep_sending, Lane.ALERT, 20, nursery)
            nursery.start_soon(keep_sending, Lane.MODERATION, 10, nursery)
        assert stage.refused == 0
        assert max(waited[Lane.MODERATION]) < 0.1
        assert max(waited[Lane.ALERT]) < 0.2
        for lane in Lane:
            texts = [f"{lane.name} {number}" for number in range(len(waited[lane]))]
            assert len(texts) in {200, 400, 600}
        heard = [(await next_event(ann.session, InstantMessage)).text for _ in range(1200)]
        assert len(set(heard)) == 1200


async def test_a_flood_of_alerts_leaves_room_for_chat(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("bot") as (bot,), trio.open_nursery() as nursery:
        await stage.world.user("ann")
        for number in range(2000):
            nursery.start_soon(send_alert, bot, number)
        await trio.sleep(3)
        began = trio.current_time()
        assert bot.channel is not None
        for number in range(10):
            await bot.channel.send(f"hello {number}")
        assert trio.current_time() - began < 10 * 10 / 60 + 0.5
        nursery.cancel_scope.cancel()


async def send_alert(session: LoginSession, number: int) -> None:
    await session.send_instant("ann", f"alert {number}", lane=Lane.ALERT)


@pytest.mark.row("B15")
async def test_the_channels_own_limit_is_kept_as_it_changes(arrivals: Arrivals, autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        ann = await stage.world.user("ann", channel="lobby")
        lobby = ann.session.channel
        assert lobby is not None
        await lobby.set_attribute("_sendmsg_limit", "3")
        async with stage.sessions("a", "b") as bots, trio.open_nursery() as nursery:
            began = trio.current_time()
            for bot in bots:
                nursery.start_soon(offer, bot, 500)
            await trio.sleep(10)
            slow = arrivals.of(stage.channel_rate())
            assert most_in_a_second(slow) == 3
            assert 28 <= len(slow) <= 31
            await lobby.set_attribute("_sendmsg_limit", "100")
            await trio.sleep(2)
            assert len(slow) > 180
            await lobby.set_attribute("_sendmsg_limit", "5")
            await trio.sleep(5)
            late = [time for time in slow if time > began + 13.5]
            assert most_in_a_second(late) == 5
            await lobby.delete_attribute("_sendmsg_limit")
        assert len(slow) == 1000
        assert stage.refused == 0


async def test_a_channel_where_nobody_may_speak_is_no_place_to_wait(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("a") as (bot,):
        ann = await stage.world.user("ann", channel="lobby")
        assert ann.session.channel is not None
        assert bot.channel is not None
        await ann.session.channel.set_attribute("_sendmsg_limit", "1")
        await wait_all_tasks_blocked()
        failed: list[SendFailed] = []

        async def send(number: int) -> None:
            assert bot.channel is not None
            try:
                await bot.channel.send(str(number))
            except SendFailed as error:
                failed.append(error)

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(send, number)
            await trio.sleep(0.5)
            await ann.session.channel.set_attribute("_sendmsg_limit", "0")
        assert [error.reason for error in failed] == ["the channel's _sendmsg_limit is 0; nothing was sent"] * 9
        with pytest.raises(SendFailed, match="_sendmsg_limit is 0"):
            await bot.channel.send("again")
        assert stage.refused == 0
        await ann.session.channel.clear_attributes()
        await wait_all_tasks_blocked()
        await bot.channel.send("at last")


@pytest.mark.row("B15")
async def test_what_others_say_counts_and_what_they_made_the_gateway_refuse_is_sent_again_once(
    arrivals: Arrivals, autojump_clock: MockClock
) -> None:
    """Four people use up the channel's second before anybody has heard of it: refused, sent again, in order, once."""
    async with open_stage() as stage, stage.sessions("a", "b") as bots:
        people = [await stage.world.user(name, channel="lobby") for name in ("ann", "bob", "carl", "dan")]
        hearer = await stage.world.user("eve", channel="lobby")
        for bot in bots:
            stage.world.road(bot.account).weather = Weather(delay=0.02)

        async def shout() -> None:
            for _ in range(5):
                async with trio.open_nursery() as nursery:
                    for person in people:
                        nursery.start_soon(offer, person.session, 45)
                await trio.sleep(1.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(shout)
            for bot in bots:
                nursery.start_soon(offer, bot, 60)
        assert stage.watch.retries
        assert set(stage.watch.retries) == {"channel"}
        heard: list[tuple[str, str]] = []
        while len(heard) < 120:
            message = await next_event(hearer.session, ChannelMessage)
            if message.account in {"a", "b"}:
                heard.append((message.account, message.text))
        for account in ("a", "b"):
            assert [text for by, text in heard if by == account] == [str(number) for number in range(60)]
        assert most_in_a_second(arrivals.of(stage.channel_rate())) <= 200
        assert len(stage.watch.retries) < 60


async def test_a_message_is_not_sent_again_for_ever(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_stage(GovernorSettings(retry_seconds=3)) as stage, stage.sessions("a") as (bot,):
        monkeypatch.setattr(RateWindow, "would_allow", lambda _window, _now: False)
        began = trio.current_time()
        assert bot.channel is not None
        with pytest.raises(SendFailed, match="too fast: at most 60 messages per second and user"):
            await bot.channel.send("never")
        assert 3 <= trio.current_time() - began <= 5
        assert 3 < len(stage.watch.retries) < 10


async def test_a_message_whose_answer_is_lost_is_not_sent_again(arrivals: Arrivals, autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("a") as (bot,):
        stage.world.road("a").block()
        assert bot.channel is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused_with, 401, bot.channel.send, "once")
            await trio.sleep(6)
            stage.world.road("a").open()
        await trio.sleep(10)
        assert len(arrivals.of(stage.user_rate(bot))) == 1
        assert stage.watch.retries == []


async def refused_with(code: int, send: Callable[[str], Awaitable[None]], text: str) -> None:
    with pytest.raises(SendFailed) as caught:
        await send(text)
    assert caught.value.code == code


async def test_a_queue_that_is_full_says_so_at_once(autojump_clock: MockClock) -> None:
    async with open_stage(GovernorSettings(queue=100)) as stage, stage.sessions("a") as (bot,):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(offer, bot, 100)
            await wait_all_tasks_blocked()  # those that need not wait are out
            nursery.start_soon(offer, bot, 100 - stage.governor.waiting)
            await wait_all_tasks_blocked()
            with pytest.raises(OutgoingQueueFull) as caught:
                await bot.send_instant("ann", "one too many")
            await bot.send_instant("ann", "there is room in this lane", lane=Lane.ALERT)
        assert (caught.value.account, caught.value.lane, caught.value.waiting) == ("a", "chat", 100)
        assert caught.value.code == 400
        assert stage.watch.refusals == 1
        await bot.send_instant("ann", "and again")


async def test_what_was_cancelled_while_it_waited_is_not_sent_and_keeps_no_place(
    arrivals: Arrivals, autojump_clock: MockClock
) -> None:
    async with open_stage() as stage, stage.sessions("a") as (bot,):
        assert bot.channel is not None
        with trio.move_on_after(2.5):
            await offer(bot, 1000)
        sent = len(arrivals.of(stage.user_rate(bot)))
        assert 150 <= sent <= 165
        assert stage.governor.waiting == 0
        await trio.sleep(2)
        began = trio.current_time()
        await offer(bot, 15)
        assert trio.current_time() == began
        assert len(arrivals.of(stage.user_rate(bot))) == sent + 15


async def test_what_waits_fails_with_its_session(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        failed: list[SessionEnded] = []

        async def send(session: LoginSession, number: int) -> None:
            try:
                await session.send_instant("ann", str(number))
            except SessionEnded as error:
                failed.append(error)

        async with trio.open_nursery() as nursery, stage.sessions("a") as (bot,):
            for number in range(300):
                nursery.start_soon(send, bot, number)
            await trio.sleep(1)
        assert 220 <= len(failed) <= 240
        assert stage.governor.waiting == 0
        async with stage.sessions("a") as (bot,):  # the account's second goes on
            await offer(bot, 60)
        assert stage.refused == 0


async def test_what_waits_for_a_channel_fails_when_the_session_leaves_it(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("a") as (bot,):
        reasons: list[str] = []

        async def send(number: int) -> None:
            assert bot.channel is not None
            try:
                await bot.channel.send(str(number))
            except SendFailed as error:
                reasons.append(error.reason)

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(send, number)
            await wait_all_tasks_blocked()
            await bot.join("other")
        assert reasons == ["this session has left 'lobby'; nothing was sent"] * len(reasons)
        assert len(reasons) >= 80
        assert stage.refused == 0


async def test_a_limit_of_changes_of_an_attribute_is_kept_too(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("a", "b") as (a, b):
        lobby, there = a.channel, b.channel
        assert lobby is not None
        assert there is not None
        await lobby.set_attribute("_setattr_limit", "2")
        await wait_all_tasks_blocked()
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(lobby.set_attribute, "topic", str(number))
                nursery.start_soon(there.set_attribute, "mood", str(number))
            nursery.start_soon(there.delete_attribute, "topic")
        assert 4.5 <= trio.current_time() - began <= 6
        await lobby.set_attribute("_setattr_limit", "0")
        await wait_all_tasks_blocked()
        with pytest.raises(RequestFailed, match="_setattr_limit is 0; nothing was sent"):
            await lobby.set_attribute("topic", "again")
        assert stage.refused == 0
        await lobby.delete_attribute("_setattr_limit")
        await wait_all_tasks_blocked()
        for number in range(20):
            await lobby.set_attribute("topic", str(number))
        assert stage.refused == 0


async def test_a_governor_that_does_not_run_says_so_instead_of_waiting_for_ever(autojump_clock: MockClock) -> None:
    governor = Governor()
    async with open_world() as world, world.signal.open_session("a", gate=Gate(governor=governor)) as session:
        for _ in range(15):
            await session.send_instant("ann", "there is room")
        with pytest.raises(RuntimeError, match="the governor does not run"):
            await session.send_instant("ann", "no room")
        assert governor.waiting == 0
        await trio.sleep(2)
        await session.send_instant("ann", "there is room again")


async def test_accounts_and_channels_that_nobody_uses_are_forgotten(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, stage.sessions("stays") as (stays,):
        for number in range(200):
            async with stage.sessions(f"guest-{number}", channel=f"room-{number}") as (guest,):
                await offer(guest, 2)
            await trio.sleep(0.1)
        known = stage.governor.statistics()
        assert known.accounts < 80
        assert known.channels < 80
        await offer(stays, 60)
        assert stage.refused == 0


async def test_logins_that_fail_leave_nothing_behind(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        wrong = Signal("no-such-app", stage.world.connector)
        for _ in range(3):
            with pytest.raises(LoginFailed):
                async with wrong.open_session("a", gate=Gate(governor=stage.governor)):
                    pass
        assert stage.governor.accounts[Account("a")] == 0


@pytest.mark.parametrize(("key", "value"), [("queue", 0), ("retry_seconds", -1.0)])
def test_settings_that_cannot_work_are_refused(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"GovernorSettings.{key}: .* expected, got {value}"):
        GovernorSettings(**{key: value})  # type: ignore[arg-type]


async def test_what_waits_when_the_connection_is_lost_goes_out_by_the_next(autojump_clock: MockClock) -> None:
    """With others in the channel one message is under way at a time: its loss is the next one's turn, and too early."""
    async with open_stage() as stage, stage.sessions("a") as (bot,):
        ann = await stage.world.user("ann", channel="lobby")
        await ann.say("I am here")
        lost: list[int] = []

        async def send(number: int) -> None:
            assert bot.channel is not None
            try:
                await bot.channel.send(str(number))
            except SendFailed:
                lost.append(number)

        stage.world.road("a").weather = Weather(delay=0.2)
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number in range(5):
                    nursery.start_soon(send, number)
                    await wait_all_tasks_blocked()
                await trio.sleep(0.3)
                stage.world.road("a").cut()
        assert lost == [0]
        assert [message.text for message in await ann.heard(ChannelMessage)][-4:] == ["1", "2", "3", "4"]
        assert stage.governor.user(bot.account).idle(trio.current_time() + 2)


async def test_a_message_that_is_given_up_in_the_moment_of_its_turn_is_not_sent_later(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    governor = Governor()
    window = governor.user(Account("ann"))
    async with trio.open_nursery() as nursery, signal.open_session("ann", gate=Gate(governor=governor)) as session:
        await nursery.start(governor.run)
        governor.set_limit(window, 1)
        await session.send_instant("bob", "one")
        gateway.down = True
        await gateway.peer.drop()
        scope = trio.CancelScope()

        async def send() -> None:
            with scope:
                await session.send_instant("bob", "two")

        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        assert governor.waiting == 1
        scope.cancel()
        governor.set_limit(window, 60)  # now it has its turn, and nobody is there to take it
        await wait_all_tasks_blocked()
        gateway.down = False
        await trio.sleep(10)
        assert [message.content for message in gateway.asked(SendMessage)] == ["one"]
        assert window.idle(trio.current_time())
        nursery.cancel_scope.cancel()
