"""Messages in channels (M18, C18, C19, C20)."""

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling.vendor import ChannelCallback, LoginCallback, LoginSession, MessageCallback, Signal
from botkit.testing import Refusal, WirePeer
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import Recorder, World, log_in

LIMIT = 8192


@pytest.mark.row("M18", "C18", "C19", "0.13")
@pytest.mark.parametrize(
    "text",
    ["hello", "", "x" * LIMIT, "\u96ea" * (LIMIT // 3) + "ab", "\U0001f600" * (LIMIT // 4), 'a\0b\n"\\\u2028'],
    ids=["word", "empty", "ascii", "cjk", "emoji", "odd"],
)
async def test_every_member_gets_a_message(wired_signal: Signal, text: str) -> None:
    people = [await log_in(wired_signal, f"user-{number}") for number in range(3)]
    channels = [await person.join("room") for person in people]
    outside = await log_in(wired_signal, "outside")
    channels[1].messageChannelSend(text)
    for person, channel in zip(people, channels, strict=True):
        assert await person.heard.next("onMessageChannelReceive") == (channel, "user-1", people[1].uid, text)
    await people[1].heard.once("onMessageSendSuccess")
    assert len(people[1].heard.all("onMessageSendSuccess", "onMessageSendError")) == 1
    await outside.join("room")
    outside.session.messageInstantSend("outside", "that was it", outside.heard)
    await outside.heard.next("onMessageInstantReceive")
    assert not outside.heard.all("onMessageChannelReceive")  # no copies for later


@pytest.mark.row("M18", "C09", "C20")
@pytest.mark.parametrize(
    ("text", "code"),
    [("x" * (LIMIT + 1), 1005), ("\u96ea" * (LIMIT // 3) + "abc", 1005), ("\ud800", 1004)],
    ids=["ascii", "cjk", "surrogate"],
)
async def test_what_can_be_no_message(signal: Signal, text: str, code: int) -> None:
    ann = await log_in(signal, "ann")
    channel = await ann.join("room")
    channel.message_channel_send(text)
    assert await ann.heard.next("onMessageSendError") == (400,)
    assert (await ann.heard.next("onError"))[0] == code
    await wait_all_tasks_blocked()
    assert not ann.heard.all("onMessageChannelReceive")


@pytest.mark.row("M18", "C20")
async def test_only_members_send(wired: World, wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    await bob.join("room")
    channel = await ann.join("room")
    channel.channelLeave()
    channel.messageChannelSend("from outside")
    assert await ann.heard.next("onMessageSendError") == (400,)
    async with WirePeer.connect(wired.gateway.connector, "eve") as eve:  # a client that does not know that
        with pytest.raises(Refusal, match="not a member") as caught:
            await eve.request("channel_sendmsg", name="room", msg="from outside")
        assert caught.value.code == 400
    assert not bob.heard.all("onMessageChannelReceive")


@pytest.mark.row("M18", "C20")
async def test_60_messages_a_second_by_user(signal: Signal, autojump_clock: MockClock) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    await bob.join("room")
    channel = await ann.join("room")
    for second in range(1, 3):
        for number in range(61):
            channel.messageChannelSend(str(number))
        await trio.sleep(1)
        assert len(ann.heard.all("onMessageSendSuccess")) == 60 * second
        assert ann.heard.all("onMessageSendError") == [(400,)] * second
    texts = [text for *_, text in bob.heard.all("onMessageChannelReceive")]
    assert texts == [str(number) for number in range(60)] * 2
    channel.messageChannelSend("now")
    ann.session.messageInstantSend("bob", "now", ann.heard)  # one allowance for both kinds
    for _ in range(60):
        ann.session.messageInstantSend("bob", "now", ann.heard)
    await trio.lowlevel.checkpoint()
    await wait_all_tasks_blocked()
    assert len(ann.heard.all("onMessageSendError")) == 4


@pytest.mark.row("M18", "C20")
async def test_200_messages_a_second_by_channel(signal: Signal, autojump_clock: MockClock) -> None:
    people = [await log_in(signal, f"user-{number}") for number in range(5)]
    channels = [await person.join("room") for person in people]
    other = await log_in(signal, "other")
    elsewhere = await other.join("another room")
    for channel in channels[:4]:
        for number in range(50):
            channel.messageChannelSend(str(number))
    await wait_all_tasks_blocked()
    channels[4].messageChannelSend("one too many")
    assert await people[4].heard.next("onMessageSendError") == (400,)
    elsewhere.messageChannelSend("another channel")
    await other.heard.next("onMessageChannelReceive")
    for person in people:
        assert len(person.heard.all("onMessageChannelReceive")) == 200
    await trio.sleep(1)
    channels[4].messageChannelSend("now")
    await people[4].heard.next("onMessageSendSuccess")


@pytest.mark.row("C18")
async def test_all_members_see_one_order(wired_signal: Signal) -> None:
    people = [await log_in(wired_signal, f"user-{number}") for number in range(4)]
    channels = [await person.join("room") for person in people]
    for number in range(40):
        for channel, person in zip(channels, people, strict=True):
            channel.messageChannelSend(f"{person.session.account} {number}")
    for person in people:
        for _ in range(160):
            await person.heard.next("onMessageChannelReceive")
    orders = [[text for *_, text in person.heard.all("onMessageChannelReceive")] for person in people]
    assert all(order == orders[0] for order in orders)
    for person in people:
        own = [text for text in orders[0] if str(text).startswith(person.session.account)]
        assert own == [f"{person.session.account} {number}" for number in range(40)]


@pytest.mark.row("C20")
async def test_401_no_answer_in_time(world: World, signal: Signal, autojump_clock: MockClock) -> None:
    """A moderator who holds the channel takes longer than the sender waits."""
    ann, moderator = await log_in(signal, "ann"), await log_in(signal, "server-1")
    channel = await ann.join("room")
    await moderator.client.hold("room", budget=10)
    channel.messageChannelSend("hello")
    start = trio.current_time()
    assert await ann.heard.next("onMessageSendError") == (401,)
    assert trio.current_time() - start == pytest.approx(5)
    await ann.heard.next("onMessageChannelReceive")  # it may have been sent, and was
    await trio.sleep(60)
    assert not ann.heard.all("onMessageSendSuccess")


class _Channel(ChannelCallback):
    """No ``MessageCallback``."""


class _Login(LoginCallback, MessageCallback):
    """The session's, with the outcome of messages."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def onMessageSendSuccess(self, session: LoginSession) -> None:
        self.heard.append("sent")

    def onMessageSendError(self, session: LoginSession, ecode: int) -> None:
        self.heard.append(ecode)


class _Silent(LoginCallback):
    """The session's, without."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def onError(self, session: LoginSession, ecode: int, reason: str) -> None:
        self.heard.append(ecode)


@pytest.mark.row("C19", "C20", "C09")
@pytest.mark.parametrize(("kind", "wanted"), [(_Login, ["sent", 400]), (_Silent, [400])])
async def test_who_hears_what_became_of_a_channel_message(
    signal: Signal, autojump_clock: MockClock, kind: type[_Login] | type[_Silent], wanted: list[object]
) -> None:
    callback = kind()
    session = signal.login("ann", "_no_need_token", callback)
    await wait_all_tasks_blocked()
    channel = session.channelJoin("room", _Channel())
    channel.messageChannelSend("hello")
    channel.channelLeave()
    channel.messageChannelSend("hello?")
    await trio.sleep(1)
    assert callback.heard == wanted


@pytest.mark.row("C18", "M18")
async def test_messages_of_a_lost_connection_arrive_once(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(signal, "ann"), await log_in(far, "bob")
        channel = await ann.join("room")
        await bob.join("room")
        for number in range(60):
            channel.messageChannelSend(str(number))
            await trio.sleep(2)
            if number % 10 == 5:
                lines.hush()
            if number % 10 == 7:
                await lines.drop()
        await trio.sleep(60)
        assert [text for *_, text in bob.heard.all("onMessageChannelReceive")] == [str(number) for number in range(60)]
        assert not bob.heard.all("onChannelLeaved")
        assert isinstance(bob.heard, Recorder)
