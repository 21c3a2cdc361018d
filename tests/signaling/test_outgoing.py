"""The gate that every effect passes: nothing gets by it, a dry run holds it back, an observer is told its fate."""

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import get_args

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode, InviteFailed, RequestFailed, SendFailed
from botkit.events import CallFailed, CallInvited
from botkit.signaling import Call, Channel, LoginSession, Signal, effects, moderation_effects
from botkit.signaling.effects import Effect, Join, SendInstant, SendToChannel
from botkit.signaling.moderation_effects import Kick, Mute
from botkit.signaling.outgoing import Fate, Gate, Outcome
from botkit.types import Account
from botkit.wire import admin, requests
from botkit.wire.messages import ChannelText
from botkit.wire.replies import failure
from botkit.wire.request import Request
from botkit.wire.requests import REQUESTS
from botkit.wire.states import CallState
from tests.signaling.scripted import ScriptedGateway, accepted, next_event, waiting_events

QUESTIONS: frozenset[type[Request]] = frozenset(
    {
        requests.GetMessages,
        requests.Logout,
        requests.QueryChannelCount,
        requests.QueryIsInChannel,
        requests.QueryChannelUsers,
        requests.QueryAllChannelUsers,
        requests.QueryUserStatus,
        requests.GetUserAttribute,
        requests.GetUserAttributes,
        admin.ListSanctions,
        admin.Snapshot,
        admin.ReadLedger,
    }
)
"""Requests that nobody else notices, and the end of one's own session."""


def kinds_of_effects(base: type[Effect] = Effect) -> Iterator[type[Effect]]:
    for kind in base.__subclasses__():
        if not kind.__name__.startswith("_"):
            yield kind
        yield from kinds_of_effects(kind)


def an_effect(kind: type[Effect]) -> Effect:
    """One of a kind, with something in every field."""
    values: dict[str, object] = {
        "seconds": 5.0,
        "number": 3,
        "call": 4,
        "ttl": 60,
        "budget_ms": 100,
        "open_on_silence": True,
    }
    fields = {name: values.get(name, "deliver" if name == "action" else name) for name in kind.__struct_fields__}
    return kind(**fields)


class Record:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.ends: list[tuple[int, Outcome]] = []
        self.heard: list[tuple[int, int]] = []

    def begun(self, account: Account, effect: Effect) -> "Followed":
        assert account == "ann"
        self.effects.append(effect)
        return Followed(self, len(self.effects))

    @property
    def fates(self) -> list[Fate]:
        """What became of the effects, in the order in which they ended."""
        return [outcome.fate for _, outcome in self.ends]


class Followed:
    """One effect of a record."""

    def __init__(self, record: Record, number: int) -> None:
        self.record, self.number = record, number

    def ended(self, outcome: Outcome) -> None:
        self.record.ends.append((self.number, outcome))

    def delivered(self, message_id: int) -> None:
        self.record.heard.append((self.number, message_id))


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
async def dry(signal: Signal, record: Record) -> AsyncIterator[LoginSession]:
    """A session of ``ann`` that runs dry."""
    async with signal.open_session("ann", gate=Gate(observer=record, dry_run=True)) as session:
        await waiting_events(session)
        yield session


@pytest.fixture
async def watched(signal: Signal, record: Record) -> AsyncIterator[LoginSession]:
    """A session of ``ann`` whose effects are written down."""
    async with signal.open_session("ann", gate=Gate(observer=record)) as session:
        await waiting_events(session)
        yield session


def test_every_request_is_a_question_or_comes_from_one_kind_of_effect() -> None:
    made = [type(an_effect(kind).request()) for kind in kinds_of_effects()]
    assert len(made) == len(set(made))
    assert set(made) == set(REQUESTS.values()) - QUESTIONS


@pytest.mark.parametrize("kind", list(kinds_of_effects()), ids=lambda kind: str(kind.__struct_config__.tag))
def test_an_effect_names_what_it_does_and_to_whom(kind: type[Effect]) -> None:
    effect = an_effect(kind)
    assert effect.verb == kind.__struct_config__.tag
    assert effect.target in {"channel", "account", "name", "3"}
    assert effect.where in {"", "channel"}
    assert isinstance(effect.words, str)
    assert kind.__doc__


def test_no_verb_hands_in_a_request_beside_the_gate() -> None:
    """The modules of verbs know the requests of questions only."""
    for verbs in (LoginSession, Channel, Call):
        for base in verbs.__mro__[:-1]:
            module = inspect.getmodule(base)
            named = {value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, Request)}
            assert named <= QUESTIONS | {Request}


async def do_everything(session: LoginSession, call: Call, other: Call) -> None:
    """Every verb there is that others would notice."""
    channel = await session.join("lobby")
    await channel.send("hello")
    await channel.set_attribute("topic", "news")
    await channel.delete_attribute("topic")
    await channel.clear_attributes()
    await session.send_instant("bob", "hello")
    await session.set_user_attribute("mood", "good")
    await session.invoke("io.agora.signal.channel_set_attr", {"channel": "lobby", "name": "a", "value": "b"})
    await session.invoke("channel_del_attr", {"channel": "lobby", "name": "a"})
    await session.invoke("channel_clear_attr", {"channel": "lobby"})
    await session.invoke("user_set_attr", {"name": "a", "value": "b"})
    await session.mute("bob", channel="lobby", seconds=60, reason="loud")
    await session.unmute("bob", channel="lobby")
    await session.ban("bob")
    await session.unban("bob")
    await session.kick("bob", "lobby")
    await session.close_channel("lobby")
    await session.hold("lobby")
    await session.judge(1, "drop", reason="no")
    await session.release("lobby")
    await session.invite("room", "carl")
    async with call.accepted({"media": "audio"}):
        await call.press("12#")
        await call.send_message({"a": 1})
        await call.say("hello")
    await other.refuse({"reason": "busy"})
    await channel.leave()


async def test_a_dry_run_sends_no_frame_that_others_would_notice(
    gateway: ScriptedGateway, dry: LoginSession, record: Record, autojump_clock: MockClock
) -> None:
    await gateway.put_call("voip_invite")
    await gateway.put_call("voip_invite", peer="dan")
    events = [await next_event(dry, CallInvited) for _ in range(2)]
    call, other = (dry.call(event.call) for event in events)
    assert call is not None
    assert other is not None
    await do_everything(dry, call, other)
    sent = {type(request) for request in gateway.requests}
    assert sent <= QUESTIONS | {requests.JoinChannel, requests.LeaveChannel}
    assert {type(effect) for effect in record.effects} == set(kinds_of_effects())
    assert SendToChannel(channel="lobby", text="hello") in record.effects
    assert Mute(account="bob", channel="lobby", seconds=60, reason="loud") in record.effects
    done = [type(record.effects[number - 1]) for number, outcome in record.ends if outcome.fate != "dry"]
    assert done == [effects.Join, effects.Leave]


async def test_the_same_verbs_do_send_when_it_is_no_dry_run(
    gateway: ScriptedGateway, watched: LoginSession, record: Record, autojump_clock: MockClock
) -> None:
    gateway.answer(admin.Kick, admin.Kicked(count=1))
    gateway.answer(admin.CloseChannel, admin.Kicked(count=3))
    await gateway.put_call("voip_invite")
    await gateway.put_call("voip_invite", peer="dan")
    events = [await next_event(watched, CallInvited) for _ in range(2)]
    call, other = (watched.call(event.call) for event in events)
    assert call is not None
    assert other is not None
    await do_everything(watched, call, other)
    assert {type(request) for request in gateway.requests} - QUESTIONS == set(REQUESTS.values()) - QUESTIONS
    asked = [request for request in gateway.requests if type(request) not in QUESTIONS]
    assert [effect.request() for effect in record.effects] == [unsigned(request) for request in asked]
    assert set(record.fates) == {"done"}


def unsigned(request: Request) -> Request:
    """Without the line that names the session."""
    fields = {name: getattr(request, name) for name in request.__struct_fields__ if name != "line"}
    return type(request)(**fields)


def test_every_verb_is_in_that_list() -> None:
    """Who adds a verb adds it to ``do_everything``, or here, because nobody else notices it."""
    source = inspect.getsource(do_everything)
    quiet = {
        *("receive_event", "events", "logout", "aclose", "call", "statistics"),
        *("get_user_attribute", "get_user_attributes", "query_channel_count"),
        *("is_online", "is_in_channel", "list_channel_users", "list_sanctions", "list_online", "read_online"),
        *("read_ledger", "wait_answer", "wait_ended", "gather_dtmf"),
        *("accept", "end"),  # by ``accepted``
    }
    for kind in (LoginSession, Channel, Call):
        for name, member in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_") and name not in quiet:
                assert f".{name}(" in source, f"{kind.__name__}.{name}: {member}"


async def test_a_dry_call_out_fails_as_if_nobody_answered(
    dry: LoginSession, record: Record, autojump_clock: MockClock
) -> None:
    call = await dry.invite("room", "bob")
    with pytest.raises(InviteFailed) as caught:
        await call.wait_answer()
    assert caught.value.code is ErrorCode.INVITE_E_TIMEOUT
    assert caught.value.reason == "dry run: nobody was invited"
    assert (await next_event(dry, CallFailed)).code is ErrorCode.INVITE_E_TIMEOUT
    assert call.state is CallState.FAILED
    assert (await dry.invite("room", "bob")).id != call.id  # and it may be tried again
    await call.end()
    assert [effect.verb for effect in record.effects] == ["invite", "invite"]


async def test_a_dry_call_in_is_connected_on_this_side_until_the_caller_gives_up(
    gateway: ScriptedGateway, dry: LoginSession, autojump_clock: MockClock
) -> None:
    await gateway.put_call("voip_invite")
    call = dry.call((await next_event(dry, CallInvited)).call)
    assert call is not None
    async with call.accepted():
        states = [call.state]
        await gateway.put_call("voip_invite_bye")
        await trio.sleep(60)  # which the caller's end cancels
        states.append(call.state)
    assert [*states, call.state] == [CallState.CONNECTED, CallState.ENDED]


async def test_a_dry_run_answers_for_the_gateway(dry: LoginSession, autojump_clock: MockClock) -> None:
    channel = await dry.join("lobby")
    await channel.set_attribute("topic", "news")
    assert dict(channel.attributes) == {}
    assert await dry.close_channel("lobby") == 0
    assert channel.joined


async def test_parameters_are_checked_in_a_dry_run_too(dry: LoginSession, record: Record) -> None:
    with pytest.raises(SendFailed):
        await (await left_channel(dry)).send("hello")
    with pytest.raises(RequestFailed):
        await dry.invoke("nonsense", {})
    assert [effect.verb for effect in record.effects] == ["join", "leave"]


async def left_channel(session: LoginSession) -> Channel:
    channel = await session.join("lobby")
    await channel.leave()
    return channel


async def test_the_observer_is_told_what_became_of_each(
    gateway: ScriptedGateway, watched: LoginSession, record: Record, autojump_clock: MockClock
) -> None:
    await watched.send_instant("bob", "one")
    gateway.answer(requests.SendMessage, failure(ErrorCode.SENDMESSAGE_E_OTHER, "muted"))
    with pytest.raises(SendFailed):
        await watched.send_instant("bob", "two")
    gateway.answer(requests.SendMessage, None)
    with pytest.raises(SendFailed):
        await watched.send_instant("bob", "three")
    with trio.move_on_after(1):
        await watched.send_instant("bob", "four")
    assert [effect.words for effect in record.effects] == ["one", "two", "three", "four"]
    assert [(number, outcome.fate, outcome.code) for number, outcome in record.ends] == [
        (1, "done", 0),
        (2, "failed", 400),
        (3, "unanswered", 401),
        (4, "cancelled", 0),
    ]
    assert record.ends[1][1].reason == "muted"


async def test_a_late_answer_is_told_after_all(
    gateway: ScriptedGateway, watched: LoginSession, record: Record, autojump_clock: MockClock
) -> None:
    gateway.deaf = True
    with trio.move_on_after(1):
        await watched.kick("bob", "lobby")
    assert record.effects == [Kick(account="bob", channel="lobby")]
    assert record.fates == ["cancelled"]
    await gateway.peer.drop()
    assert record.fates == ["cancelled", "unanswered"]


async def test_what_never_went_out_is_told(
    gateway: ScriptedGateway, watched: LoginSession, record: Record, autojump_clock: MockClock
) -> None:
    gateway.down = True
    await gateway.peer.drop()
    with pytest.raises(SendFailed, match="nothing was sent"):
        await watched.send_instant("bob", "never")
    assert record.effects == [SendInstant(account="bob", text="never", ttl=3600)]
    assert len(record.ends) == 1


async def test_what_waits_at_the_end_of_a_session_is_told(
    gateway: ScriptedGateway, signal: Signal, record: Record, autojump_clock: MockClock
) -> None:
    gateway.login = lambda _: accepted(boot="b")  # calls outlive the connection
    async with trio.open_nursery() as nursery, signal.open_session("ann", gate=Gate(observer=record)) as session:
        call = await session.invite("room", "bob")
        gateway.down = True
        await gateway.peer.drop()
        nursery.start_soon(call.end)
        await wait_all_tasks_blocked()
        assert record.fates == ["done"]
        await session.aclose()
    assert record.fates == ["done", "unanswered"]


async def test_joining_is_an_effect_that_a_session_does_even_when_dry(dry: LoginSession, record: Record) -> None:
    await dry.join("lobby")
    await dry.join("lobby")
    assert record.effects == [Join(channel="lobby")]
    assert record.fates == ["done"]


def test_fates_are_those_that_are_documented() -> None:
    assert set(get_args(Fate)) == {"done", "dry", "failed", "unanswered", "cancelled"}
    assert moderation_effects.__doc__


async def test_a_session_learns_the_numbers_of_its_own_messages(
    gateway: ScriptedGateway, watched: LoginSession, record: Record, autojump_clock: MockClock
) -> None:
    lobby = await watched.join("lobby")
    gateway.answer(requests.SendChannelMessage, None)
    async with trio.open_nursery() as nursery:
        for text in ("one", "two", "two"):
            nursery.start_soon(lobby.send, text)
            await wait_all_tasks_blocked()
        for number, (account, text) in enumerate([("bob", "two"), ("ann", "two"), ("ann", "one"), ("ann", "two")]):
            await gateway.notify(ChannelText(channel="lobby", account=account, uid=7, msg=text), 11 + number)
        nursery.cancel_scope.cancel()
    assert record.heard == [(3, 12), (2, 13), (4, 14)]
    await gateway.notify(ChannelText(channel="lobby", account="ann", uid=7, msg="two"), 15)
    assert len(record.heard) == 3
