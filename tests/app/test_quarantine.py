"""A bot or a feed that crashes again and again is stopped alone, and let in again by a probe when it is well."""

from collections.abc import AsyncIterator

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, Context, EventsLost, InstantMessage, UserOnline
from botkit.actor.quarantine import QuarantineSettings
from botkit.actor.tree import render_tree
from botkit.errors import ActorError
from tests.app.world import World, next_event, open_world, until


class Health:
    """Whether the resource of ``sick_bot`` can be held."""

    def __init__(self, *, well: bool) -> None:
        self.well = well
        self.starts: list[float] = []


def sick_bot(name: str, health: Health, *, starts: bool = True) -> Bot:
    """It crashes a second after each start, or at it, unless it is well."""
    bot = Bot(name)

    @bot.resource
    async def tube() -> AsyncIterator[Health]:
        health.starts.append(trio.current_time())
        if not starts and not health.well:
            raise RuntimeError("no start")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fall_ill)
            yield health
            nursery.cancel_scope.cancel()

    async def fall_ill() -> None:
        while health.well:  # noqa: ASYNC110 - it falls ill again without a word
            await trio.sleep(1)
        await trio.sleep(1)
        raise RuntimeError("sick")

    @bot.on_message()
    async def echo(message: InstantMessage, ctx: Context) -> None:
        await ctx.reply(f"{name}: {message.text}")

    return bot


def place(bot: Bot) -> BotPlacement:
    return BotPlacement(bot=bot, account=bot.name)


@pytest.mark.row("A11")
async def test_a_crash_looper_stops_and_a_probe_re_admits_it_after_the_fix(autojump_clock: MockClock) -> None:
    health = Health(well=True)
    bots = place(sick_bot("looper", health)), place(sick_bot("other", Health(well=True)))
    with capture_logs() as logs:
        async with open_world() as world, world.signal.open_session("ann") as ann, world.running(*bots) as app:
            health.well = False
            await until(lambda: app.statistics()[0].state == "quarantined", 100)
            looper, other = app.statistics()
            assert (looper.restarts, len(health.starts)) == (5, 6)
            assert "RestartBudgetSpent" in repr(looper.last_error)
            assert (other.state, other.restarts) == ("running", 0)
            assert [line.partition(": ")[0] for line in app.given_up()] == ["looper"]
            assert not await ann.is_online("looper")
            assert 'botkit_bots{state="quarantined"} 1.0' in world.meters.render().decode()
            assert "supervisor bot looper, probe 1 in " in render_tree(app.tree())

            await until(lambda: len(health.starts) == 7, 31)  # the first probe fails
            await until(lambda: app.statistics()[0].state == "quarantined")
            assert world.count("bot_quarantines", "looper") == 2
            health.well = True
            await until(lambda: app.statistics()[0].state == "running", 61)
            assert len(health.starts) == 8
            assert "supervisor bot looper, on probation" in render_tree(app.tree())
            await trio.sleep(61)
            assert app.given_up() == ()
            assert world.count("bot_readmissions", "looper") == 1
            assert world.count("bots_given_up", "looper") == 0
            for name in ("looper", "other"):
                await ann.send_instant(name, "back?")
                assert (await next_event(ann, InstantMessage)).text == f"{name}: back?"
            assert app.statistics()[1].restarts == 0
    told = [line["event"] for line in logs if line.get("bot") == "looper" and line["log_level"] != "debug"]
    assert told == [
        "quarantined",
        "probing what is in quarantine",
        "quarantined",
        "probing what is in quarantine",
        "re-admitted after quarantine",
    ]


@pytest.mark.row("A11")
async def test_one_that_cannot_even_start_is_probed_while_others_run(autojump_clock: MockClock) -> None:
    health = Health(well=False)
    bots = place(sick_bot("looper", health, starts=False)), place(sick_bot("other", Health(well=True)))
    with capture_logs():
        async with open_world() as world, world.running(*bots) as app:
            begin = trio.current_time()
            assert [status.state for status in app.statistics()] == ["quarantined", "running"]
            await trio.sleep(10)
            health.well = True
            await until(lambda: app.statistics()[0].state == "running", 60)
            assert health.starts[0] == begin
            assert 22 <= health.starts[1] - begin <= 31
            assert world.count("bot_quarantines", "looper") == 1


async def test_when_none_can_start_it_is_said_at_once(autojump_clock: MockClock) -> None:
    names = ("one", "two")
    bots = [place(sick_bot(name, Health(well=False), starts=False)) for name in names]
    async with open_world() as world:
        app = world.app(*bots)
        begin = trio.current_time()
        with capture_logs() as logs, pytest.raises(ActorError, match="no bot is left: one: no start; two: no start"):
            await app.run()
        assert trio.current_time() == begin
        assert [status.state for status in app.statistics()] == ["ended", "ended"]
        assert sorted(line["bot"] for line in logs if line["event"] == "bot given up") == sorted(names)
        assert [world.count("bots_given_up", name) for name in names] == [1, 1]


async def test_when_the_last_healthy_one_is_over_those_that_never_ran_are_not_waited_for(
    autojump_clock: MockClock,
) -> None:
    leaver = Bot("leaver")

    @leaver.every(seconds=5)
    async def leave(ctx: Context) -> None:
        await ctx.session.logout()

    async with open_world() as world:
        app = world.app(place(sick_bot("looper", Health(well=False), starts=False)), place(leaver))
        with capture_logs(), pytest.raises(ActorError, match="looper: no start; leaver: its sessions have ended"):
            await app.run()


@pytest.mark.row("A11")
async def test_all_in_quarantine_wait_for_their_probes(autojump_clock: MockClock) -> None:
    """They have been up: what is wrong may pass, and the app does not end."""
    healths = [Health(well=False), Health(well=False)]
    bots = [place(sick_bot(f"looper-{number}", health)) for number, health in enumerate(healths)]
    with capture_logs():
        async with open_world() as world, world.running(*bots) as app:
            await until(lambda: {one.state for one in app.statistics()} == {"quarantined"}, 100)
            for health in healths:
                health.well = True
            await until(lambda: {one.state for one in app.statistics()} == {"running"}, 100)
            await until(
                lambda: [world.count("bot_readmissions", f"looper-{number}") for number in range(2)] == [1, 1], 100
            )
            assert [world.count("bots_given_up", f"looper-{number}") for number in range(2)] == [0, 0]


@pytest.mark.row("A11")
async def test_it_is_given_up_for_good_where_a_setting_says_so(autojump_clock: MockClock) -> None:
    health = Health(well=False)
    with capture_logs():
        async with open_world() as world:
            app = world.app(
                place(sick_bot("looper", health)),
                place(sick_bot("other", Health(well=True))),
                quarantine=QuarantineSettings(probe_after=10, longest=10, give_up_after=2),
            )
            async with trio.open_nursery() as nursery:
                await nursery.start(app.run)
                await until(lambda: app.statistics()[0].state == "ended", 100)
                assert len(health.starts) == 6 + 2
                assert world.count("bots_given_up", "looper") == 1
                (line,) = app.given_up()
                assert line.startswith("looper: supervisor bot looper gives up")
                nursery.cancel_scope.cancel()


async def test_a_stop_in_quarantine_ends_at_once_and_says_who_is_in(autojump_clock: MockClock) -> None:
    health = Health(well=False)
    bots = place(sick_bot("looper", health)), place(sick_bot("other", Health(well=True)))
    with capture_logs():
        async with open_world() as world:
            async with world.running(*bots) as app:
                await until(lambda: app.statistics()[0].state == "quarantined", 100)
                begin = trio.current_time()
            assert trio.current_time() == begin
            (line,) = app.given_up()
            assert line.startswith("looper: in quarantine: supervisor bot looper gives up")


def watching_bot(log: list[str], health: Health) -> Bot:
    bot = sick_bot("watcher", health)

    @bot.on_user_online()
    async def note(event: UserOnline) -> None:
        if event.account != "watcher":
            log.append(f"online {event.account}")

    @bot.on_events_lost()
    async def lost(event: EventsLost) -> None:
        log.append(f"lost {event.count}: {event.cause}")

    return bot


async def visit(world: World, account: str) -> None:
    async with world.signal.open_session(account):
        await trio.sleep(0.1)


async def test_what_feeds_told_during_a_quarantine_is_told_to_be_missing(autojump_clock: MockClock) -> None:
    log: list[str] = []
    health = Health(well=True)
    bots = place(watching_bot(log, health)), place(sick_bot("other", Health(well=True)))
    with capture_logs():
        async with open_world() as world, world.running(*bots) as app:
            health.well = False
            await until(lambda: app.statistics()[0].state == "quarantined", 100)
            health.well = True
            log.clear()
            await visit(world, "ann")
            await visit(world, "bob")
            await until(lambda: app.statistics()[0].state == "running", 60)
            await until(lambda: len(log) == 1)
            assert log == ["lost 2: watcher was in quarantine"]
            await visit(world, "cid")
            await until(lambda: len(log) == 2)
            assert log[1:] == ["online cid"]


@pytest.mark.row("A11")
async def test_a_feed_that_fails_too_often_is_probed_and_what_was_missed_is_read(autojump_clock: MockClock) -> None:
    log: list[str] = []
    with capture_logs() as logs:
        async with open_world() as world, world.running(place(watching_bot(log, Health(well=True)))) as app:
            (feed,) = [node for node in app.tree().children if node.name == "feed online"]
            account = feed.children[0].name
            for _ in range(6):
                await until(lambda: world.has_session(account))
                world.dismiss(account)
                await until(lambda: not world.has_session(account))
            await until(lambda: 'botkit_feeds{state="quarantined"} 1.0' in world.meters.render().decode())
            assert world.count("feed_quarantines", "online") == 1
            log.clear()
            await visit(world, "ann")
            await trio.sleep(20)
            assert log == []
            assert app.statistics()[0].state == "running"
            await until(lambda: len(log) == 1, 60)
            assert log == ["online ann"]
            await trio.sleep(61)
            assert world.count("feed_readmissions", "online") == 1
            assert world.count("feeds_given_up", "online") == 0
    assert [line["feed"] for line in logs if line["event"] == "re-admitted after quarantine"] == ["online"]
