"""The inbox: what is fetched, acknowledged, told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import ErrorCode
from botkit.events import InstantMessage
from botkit.signaling import LoginSession, Signal
from botkit.signaling.inbox import Inbox
from botkit.types import Account, Uid
from botkit.wire import frames, replies, requests
from botkit.wire.messages import MessageLine, format_line
from botkit.wire.replies import failure
from botkit.wire.requests import GetMessages
from tests.signaling.scripted import ScriptedGateway, next_event, waiting_events


@pytest.mark.row("M10", "C07")
async def test_a_message_arrives_with_its_facts(gateway: ScriptedGateway, session: LoginSession) -> None:
    await gateway.put_message("instant", "two  blanks and \u2603 ", flag="v1:E:3600:8")
    assert await waiting_events(session) == [
        InstantMessage(account=Account("bob"), uid=Uid(8), text="two  blanks and \u2603 ", ms=1001)
    ]
    await gateway.put_message("instant", "")
    assert (await next_event(session, InstantMessage)).text == ""


async def test_a_page_is_acknowledged_at_once(gateway: ScriptedGateway, session: LoginSession) -> None:
    await gateway.put_message("instant", "hello")
    assert gateway.acknowledged == 1
    assert [request.ver_clear for request in gateway.asked(GetMessages)] == [0, 0, 1]


async def test_more_than_a_page_is_drained_in_order(gateway: ScriptedGateway, session: LoginSession) -> None:
    for number in range(70):
        gateway.store_message("instant", str(number))
    await gateway.put_message("instant", "70")
    events = await waiting_events(session)
    assert [event.text for event in events if isinstance(event, InstantMessage)] == [str(n) for n in range(71)]
    assert gateway.acknowledged == 71
    assert {request.max for request in gateway.asked(GetMessages)} == {30}


async def test_what_waited_before_the_login_comes_after_it(gateway: ScriptedGateway) -> None:
    gateway.store_message("instant", "early")
    async with Signal("app", gateway.connector).open_session("ann") as session:
        assert (await next_event(session, InstantMessage)).text == "early"


async def test_an_unknown_kind_of_message_is_counted_and_acknowledged(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    await gateway.put_message("carrier_pigeon", "coo")
    assert await waiting_events(session) == []
    assert session.statistics().notices_ignored == 1
    assert gateway.acknowledged == 1


async def test_a_refused_fetch_is_tried_again_at_the_next_notice(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    gateway.answer(GetMessages, failure(ErrorCode.GENERAL_E_FAILED, "later"))
    await gateway.put_message("instant", "one")
    assert await waiting_events(session) == []
    gateway.answer_with(GetMessages, gateway.page)
    await gateway.put_message("instant", "two")
    events = await waiting_events(session)
    assert [event.text for event in events if isinstance(event, InstantMessage)] == ["one", "two"]


async def test_a_notice_of_what_was_seen_fetches_nothing(gateway: ScriptedGateway, session: LoginSession) -> None:
    await gateway.put_message("instant", "one")
    before = len(gateway.asked(GetMessages))
    await gateway.peer.send(frames.Notify(frames.InboxNotice(1)))
    assert len(gateway.asked(GetMessages)) == before


async def test_a_repeated_message_is_told_once(gateway: ScriptedGateway, session: LoginSession) -> None:
    line = format_line(MessageLine("bob", "ann", "-", "instant", 5, "twice"))
    pages = [((1, line),), ((1, line),), ()]

    def page(request: GetMessages) -> replies.Messages:
        return replies.Messages(ver_clear=0, msgs=pages.pop(0) if pages else ())

    gateway.answer_with(requests.GetMessages, page)
    await gateway.peer.send(frames.Notify(frames.InboxNotice(1)))
    assert len(await waiting_events(session)) == 1
    assert session.statistics().messages_repeated == 1


class _Model:
    """A gateway's inbox, and a reader that loses its connection at any time."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.stored: list[str] = []
        self.acknowledged = 0
        self.told: list[str] = []
        self.in_flight: list[GetMessages | replies.Messages] = []
        self.connect()

    def connect(self) -> None:
        self.in_flight = [self.inbox.restart()]

    def store(self) -> None:
        self.stored.append(f"message {len(self.stored) + 1}")
        self.ask(self.inbox.announced(len(self.stored)))

    def ask(self, request: GetMessages | None) -> None:
        if request is not None:
            self.in_flight.append(request)

    def step(self) -> None:
        """The oldest request reaches the gateway, or the oldest answer the reader."""
        if not self.in_flight:
            return
        match self.in_flight.pop(0):
            case GetMessages(ver_clear=seen, max=most):
                self.acknowledged = max(self.acknowledged, seen)
                waiting = list(enumerate(self.stored, 1))[self.acknowledged :]
                self.in_flight.append(
                    replies.Messages(
                        ver_clear=waiting[0][0] - 1 if waiting else len(self.stored), msgs=tuple(waiting[:most])
                    )
                )
            case replies.Messages() as page:
                self.told.extend(line for version, line in page.msgs if self.inbox.is_new(version, line))
                self.ask(self.inbox.fetched(page))


@given(st.lists(st.sampled_from(["store", "step", "step", "lose"]), max_size=200))
def test_whatever_happens_each_message_is_told_once_and_in_order(actions: list[str]) -> None:
    model = _Model()
    for action in actions:
        match action:
            case "store":
                model.store()
            case "step":
                model.step()
            case "lose":
                model.connect()
    while model.in_flight:
        model.step()
    assert model.told == model.stored
    assert model.acknowledged == len(model.stored)


def test_a_gateway_that_lost_its_memory_and_counts_anew() -> None:
    inbox = Inbox()
    inbox.restart()
    assert inbox.is_new(1, "old one")
    assert inbox.is_new(2, "old two")
    assert inbox.restart().ver_clear == 0
    assert inbox.is_new(1, "new one")
    assert not inbox.is_new(2, "old two")
