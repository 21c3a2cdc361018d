"""Messages from one account to another (M10, M11, C07, C19, C20)."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling.vendor import Signal
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import World, log_in, open_world

LIMIT = 8192


@pytest.mark.row("M10", "C07", "C19")
@pytest.mark.parametrize(
    "text",
    ["hello", "", " ", "x" * LIMIT, "\u96ea" * (LIMIT // 3) + "ab", "\U0001f600" * (LIMIT // 4), 'a\0b\n"\\\u2028'],
    ids=["word", "empty", "blank", "ascii", "cjk", "emoji", "odd"],
)
async def test_a_message_arrives_once_and_as_it_was(wired_signal: Signal, text: str) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    ann.session.messageInstantSend("bob", text, ann.heard)
    assert await bob.heard.next("onMessageInstantReceive") == ("ann", ann.uid, text)
    await ann.heard.next("onMessageSendSuccess")
    bob.session.message_instant_send("ann", "and back", bob.heard)
    assert await ann.heard.next("onMessageInstantReceive") == ("bob", bob.uid, "and back")
    assert ann.heard.names() == ["onLoginSuccess", "onMessageSendSuccess", "onMessageInstantReceive"]


@pytest.mark.row("M10", "C20", "C09")
@pytest.mark.parametrize(
    "text",
    ["x" * (LIMIT + 1), "\u96ea" * (LIMIT // 3) + "abc", "\U0001f600" * (LIMIT // 4) + "x", "\ud800"],
    ids=["ascii", "cjk", "emoji", "surrogate"],
)
async def test_a_message_that_is_too_large(signal: Signal, text: str) -> None:
    ann = await log_in(signal, "ann")
    ann.session.messageInstantSend("ann", text, ann.heard)
    ann.session.messageInstantSend("a b", "hello", ann.heard)
    for code in (1004 if text == "\ud800" else 1005, 1004):
        assert await ann.heard.next("onMessageSendError") == (400,)
        assert (await ann.heard.next("onError"))[0] == code
    assert not ann.heard.all("onMessageInstantReceive", "onMessageSendSuccess")


@pytest.mark.row("M10")
async def test_success_means_that_the_gateway_has_it(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(signal, "ann"), await log_in(far, "bob")
        lines.silent = True  # the peer hears of nothing
        ann.session.messageInstantSend("bob", "hello", ann.heard)
        await ann.heard.next("onMessageSendSuccess")
        await wait_all_tasks_blocked()
        assert not bob.heard.all("onMessageInstantReceive")
        lines.silent = False
        await lines.drop()
        assert (await bob.heard.next("onMessageInstantReceive"))[2] == "hello"


@pytest.mark.row("M11", "0.8")
@pytest.mark.parametrize(("wait", "arrives"), [(59, True), (61, False)])
async def test_a_message_waits_for_its_ttl(
    signal: Signal, autojump_clock: MockClock, wait: float, arrives: bool
) -> None:
    ann = await log_in(signal, "ann")
    ann.session.messageInstantSend("bob", "hello", 60, ann.heard)
    await ann.heard.next("onMessageSendSuccess")
    await trio.sleep(wait)
    for wanted in ([("ann", ann.uid, "hello")] if arrives else [], []):  # and never again
        bob = await log_in(signal, "bob")
        await wait_all_tasks_blocked()
        assert bob.heard.all("onMessageInstantReceive") == wanted
        bob.session.logout()
        await bob.heard.next("onLogout")


@pytest.mark.row("M11", "C20", "0.8")
async def test_a_message_that_may_not_wait(signal: Signal, autojump_clock: MockClock) -> None:
    ann = await log_in(signal, "ann")
    ann.session.messageInstantSend("bob", "hello", 0, ann.heard)
    assert await ann.heard.next("onMessageSendError") == (400,)
    for ttl in (-1, 1_000_000_000):
        ann.session.messageInstantSend("bob", "hello", ttl, ann.heard)
        assert await ann.heard.next("onMessageSendError") == (400,)
        assert (await ann.heard.next("onError"))[0] == 1004
    bob = await log_in(signal, "bob")
    ann.session.messageInstantSend("bob", "now", 0, ann.heard)
    assert await bob.heard.next("onMessageInstantReceive") == ("ann", ann.uid, "now")


@pytest.mark.row("M11", "0.8")
async def test_a_gateway_that_stores_nothing(autojump_clock: MockClock) -> None:
    async with open_world(offline_messages=False) as world, world.open() as signal:
        ann = await log_in(signal, "ann")
        ann.session.messageInstantSend("bob", "hello", 60, ann.heard)
        assert await ann.heard.next("onMessageSendError") == (400,)


@pytest.mark.row("C07", "C19")
async def test_messages_of_a_sender_keep_their_order(wired_signal: Signal) -> None:
    people = [await log_in(wired_signal, f"user-{number}") for number in range(5)]
    bob = await log_in(wired_signal, "bob")
    for number in range(60):
        for person in people:
            person.session.messageInstantSend("bob", str(number), person.heard)
    for _ in range(300):
        await bob.heard.next("onMessageInstantReceive")
    for person in people:
        own = [text for _, uid, text in bob.heard.all("onMessageInstantReceive") if uid == person.uid]
        assert own == [str(number) for number in range(60)]
        await person.heard.next("onMessageSendSuccess")
        await wait_all_tasks_blocked()
        assert not person.heard.all("onMessageSendError")


@pytest.mark.row("C07")
async def test_no_message_twice_or_lost_over_losses_of_the_connection(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(signal, "ann"), await log_in(far, "bob")
        for number in range(100):
            ann.session.messageInstantSend("bob", str(number), ann.heard)
            await trio.sleep(2)
            if number % 10 == 5:
                lines.hush()
            if number % 10 == 7:
                await lines.drop()
        while len(bob.heard.all("onMessageInstantReceive")) < 100:
            await bob.heard.next("onMessageInstantReceive")
        await trio.sleep(120)
        assert [text for *_, text in bob.heard.all("onMessageInstantReceive")] == [str(number) for number in range(100)]
        assert len(bob.heard.all("onReconnected")) == 10
        assert len(ann.heard.all("onMessageSendSuccess")) == 100


@pytest.mark.row("C07")
async def test_a_message_that_is_delivered_again_is_told_once(world: World, autojump_clock: MockClock) -> None:
    """Its acknowledgement is lost with the connection, and the next login is a new session to the gateway."""
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(signal, "ann"), await log_in(far, "bob")
        lines.unheard = lambda data: b'"ver_clear":1' in data
        ann.session.messageInstantSend("bob", "hello", ann.heard)
        await bob.heard.next("onMessageInstantReceive")
        lines.cut = True
        await lines.drop()
        ann.session.messageInstantSend("bob", "and another", ann.heard)
        await trio.sleep(120)
        lines.cut, lines.unheard = False, lambda _: False
        assert (await bob.heard.next("onMessageInstantReceive"))[2] == "and another"
        await trio.sleep(60)
        assert [text for *_, text in bob.heard.all("onMessageInstantReceive")] == ["hello", "and another"]
        assert bob.client.statistics().messages_repeated == 1


@pytest.mark.row("C19", "C20", "M18")
async def test_exactly_one_outcome_of_every_message(signal: Signal, autojump_clock: MockClock) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    for number in range(100):
        ann.session.messageInstantSend("bob", str(number), ann.heard)
    await trio.sleep(1)
    assert ann.heard.all("onMessageSendSuccess") == [()] * 60
    assert ann.heard.all("onMessageSendError") == [(400,)] * 40
    assert [text for *_, text in bob.heard.all("onMessageInstantReceive")] == [str(number) for number in range(60)]
    ann.session.messageInstantSend("bob", "again", ann.heard)
    await ann.heard.next("onMessageSendSuccess")


@pytest.mark.row("C20")
async def test_401_no_answer_in_time(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        ann = await log_in(signal, "ann")
        lines.silent = True
        ann.session.messageInstantSend("ann", "hello", ann.heard)
        start = trio.current_time()
        assert await ann.heard.next("onMessageSendError") == (401,)
        assert trio.current_time() - start == pytest.approx(5)


@pytest.mark.row("C07", "C19")
@pytest.mark.parametrize("cut", [True, False])
async def test_messages_sent_while_the_connection_is_lost_keep_their_order(
    world: World, autojump_clock: MockClock, cut: bool
) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal, world.open() as other:
        ann, bob = await log_in(signal, "ann"), await log_in(other, "bob")
        lines.cut = cut
        await lines.drop()
        if cut:
            await ann.heard.next("onReconnecting")
        for number in range(50):
            ann.session.messageInstantSend("bob", str(number), ann.heard)
        await trio.sleep(1)
        lines.cut = False
        await trio.sleep(30)
        assert [text for *_, text in bob.heard.all("onMessageInstantReceive")] == [str(number) for number in range(50)]
        assert len(ann.heard.all("onMessageSendSuccess")) == 50
