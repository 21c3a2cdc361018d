"""What a scrape tells after a run of which every step is known: all numbers, and nothing more."""

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import (
    Bot,
    BotPlacement,
    CallInvited,
    ChannelMessage,
    Context,
    EventsLost,
    InstantMessage,
    RunnerLimits,
    UserOnline,
)
from botkit.signaling import SignalSettings
from botkit.testing import World, open_world

MACHINE = "botkit_loop_"
"""What the watchdog tells is about the machine, not about the run."""


def desk() -> Bot:
    """A bot that does what it is told to, right and wrong."""
    bot = Bot("desk", handler_timeout=5)

    @bot.on_message(text="fail")
    async def fail(message: InstantMessage) -> None:
        raise RuntimeError("as ordered")

    @bot.on_message(text="stuck")
    async def stuck(message: InstantMessage) -> None:
        await trio.sleep_forever()

    @bot.on_message(text="flood")
    async def flood(message: InstantMessage, ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(90):
                nursery.start_soon(ctx.channel.send, f"{number}")

    @bot.on_message(text="crash")
    async def crash(message: InstantMessage) -> None:
        raise SystemExit

    @bot.on_channel_message(text="out")
    async def put_out(message: ChannelMessage, ctx: Context) -> None:
        await ctx.session.kick(message.account, message.channel, reason="asked for it")

    @bot.on_invite()
    async def answer(invite: CallInvited, ctx: Context) -> None:
        async with ctx.call.accepted() as call:
            await call.say("hello")

    @bot.on_user_online(account="ann")
    async def see(event: UserOnline) -> None:
        await trio.sleep(0.5)

    return bot


def scrape(world: World) -> dict[str, float]:
    """All samples but the buckets, as Prometheus reads them: name and labels, value."""
    families = text_string_to_metric_families(world.meters.render().decode())
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): round(sample.value, 3)
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_bucket") and not sample.name.startswith(MACHINE)
    }


@pytest.mark.row("O04")
async def test_a_scrape_after_a_known_run_tells_what_happened(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=desk(), account="desk", channels=("hall", "yard"))
    with capture_logs():
        async with open_world(placement, server_accounts=["desk*"], expect_failures=True) as world:
            ann = await world.user("ann", channel="hall")
            await trio.sleep(1)
            for order in ("fail", "stuck", "flood"):
                await ann.tell("desk", order)
                await trio.sleep(10)
            call = await ann.call("desk")
            await ann.wait_answered()
            await call.wait_ended()
            await ann.say("out")
            await trio.sleep(1)
            await ann.tell("desk", "crash")
            await trio.sleep(20)
            scraped = scrape(world)
    assert 0 < scraped.pop("botkit_outgoing_wait_seconds_count") < 90
    assert scraped.pop("botkit_outgoing_wait_seconds_sum") > 0
    handling = scraped.pop("botkit_bot_handling_seconds_sum")
    assert 5 + 0.5 < handling < 10  # the one that was stuck, the one that slept, the flood
    assert {name: value for name, value in scraped.items() if value} == {
        "botkit_bot_errors_unhandled_total desk": 2,
        "botkit_bot_events_total desk": 22,
        "botkit_bot_events_unhandled_total desk": 15,
        "botkit_bot_handler_errors_total desk": 2,
        "botkit_bot_handler_failures_total desk.fail": 1,
        "botkit_bot_handler_failures_total desk.stuck": 1,
        "botkit_bot_handler_timeouts_total desk": 1,
        "botkit_bot_handling_seconds_count": 6,
        "botkit_bot_restarts_total desk": 1,
        "botkit_bots running": 1,
        "botkit_effects_total accept_invite": 1,
        "botkit_effects_total acknowledge_invite": 1,
        "botkit_effects_total end_call": 1,
        "botkit_effects_total join": 4,
        "botkit_effects_total kick": 1,
        "botkit_effects_total send_instant": 1,
        "botkit_effects_total send_to_channel": 90,
        "botkit_feed_events_total online": 7,
        "botkit_feeds running": 1,
        "botkit_sessions logged_in": 2,
        "botkit_unplanned_ends_total bot": 1,
    }
    assert {name for name, value in scraped.items() if not value} == {
        "botkit_bot_events_waiting",
        "botkit_bot_handlers_running",
        "botkit_bot_mailbox_waiting desk",
        "botkit_canary_failures_total",
        "botkit_outgoing_waiting",
        *(f"botkit_bots {state}" for state in ("ended", "quarantined", "starting", "waiting")),
        *(f"botkit_feeds {state}" for state in ("ended", "quarantined", "starting", "waiting")),
        *(f"botkit_sessions {status}" for status in ("connecting", "initial", "logged_out", "login_failed")),
    }


async def test_mailboxes_and_waiting_events_are_seen(autojump_clock: MockClock) -> None:
    bot = Bot("slow")
    entered, go_on = trio.Event(), trio.Event()

    @bot.on_user_online(account="guest-*")
    async def see(event: UserOnline) -> None:
        entered.set()
        await go_on.wait()

    limits = RunnerLimits(running=1, waiting=2)
    async with open_world(BotPlacement(bot=bot, account="slow", limits=limits)) as world:
        for number in range(8):
            await world.user(f"guest-{number}")
        await entered.wait()
        await trio.sleep(5)
        scraped = scrape(world)
        assert scraped["botkit_bot_handlers_running"] == 1
        assert scraped["botkit_bot_events_waiting"] == 2
        # Of the eight one runs, two wait for it, and one is on its way from the mailbox.
        assert scraped["botkit_bot_mailbox_waiting slow"] == 4
        go_on.set()
        await trio.sleep(5)
        scraped = scrape(world)
        assert scraped["botkit_bot_mailbox_waiting slow"] == scraped["botkit_bot_events_waiting"] == 0


async def test_what_is_lost_is_counted_wherever_it_was_dropped(autojump_clock: MockClock) -> None:
    """Half of a flood of one sender finds its line full; then all lines are, and the session's own buffer gets full."""
    bot, go_on, told = Bot("slow"), trio.Event(), list[EventsLost]()
    handled = 0

    @bot.on_message()
    async def handle(message: InstantMessage) -> None:
        nonlocal handled
        await go_on.wait()
        handled += 1

    @bot.on_events_lost()
    async def note(event: EventsLost) -> None:
        told.append(event)

    limits, settings = RunnerLimits(waiting_per_key=5, waiting=20), SignalSettings(event_buffer=10)
    placement = BotPlacement(bot=bot, account="slow", limits=limits)
    with capture_logs() as logs:
        async with open_world() as world, world.running(placement, signal_settings=settings):
            people = [await world.user(f"user-{number}") for number in range(10)]
            for person in people:
                for number in range(10):
                    await person.tell("slow", f"{number}")
            await trio.sleep(1)
            go_on.set()
            await trio.sleep(1)
            scraped = scrape(world)
    causes = {event.cause for event in told}
    assert len(causes) == 2
    assert handled + sum(event.count or 0 for event in told) == 100
    assert scraped["botkit_bot_losses_total slow"] == len(told)
    assert scraped["botkit_bot_events_lost_total slow"] == 100 - handled
    assert {line["cause"] for line in logs if line["event"] in ("events lost", "events dropped")} == causes
