"""A session at a gateway that sends what no gateway should: the states that it can be in, and one visit in a state."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import trio
from trio.testing import wait_all_tasks_blocked

from botkit.errors import SignalingError
from botkit.signaling import LoginSession, Signal
from botkit.types import JsonObject
from botkit.wire import requests
from botkit.wire.frames import InboxNotice, Notify
from botkit.wire.request import Request
from botkit.wire.states import CallState, LoginStatus
from tests.gateway_fire.mutation import read_corpus
from tests.signaling.scripted import ScriptedGateway, accepted, waiting_events

CORPUS = Path(__file__).with_name("corpus")
FRAMES_BY_VISIT = 20
PATIENCE = 3600
"""Seconds of virtual time until a visit that does not end has failed."""


class Visit:
    """One session, from its login to its end. ``session`` is None while it logs in."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.gateway = ScriptedGateway()
        self.gateway.line = ""  # it may have been told another
        self.session: LoginSession | None = None
        self._nursery = nursery
        self._leave, self._over = trio.Event(), trio.Event()
        self._version = 100

    @property
    def here(self) -> LoginSession:
        """The session, which must be there."""
        assert self.session is not None
        return self.session

    @property
    def open(self) -> bool:
        """Whether there is a connection."""
        return bool(self.gateway.peers) and not self.gateway.peer.closed

    def attempt(self, verb: Callable[..., Awaitable[object]], *arguments: str) -> None:
        """Start something that may fail in the ways that it names."""

        async def run() -> None:
            try:
                await verb(*arguments)
            except SignalingError:
                pass  # whatever the gateway made of it

        self._nursery.start_soon(run)

    async def announce(self) -> None:
        """Have the session fetch its inbox: that is what waits for an answer then."""
        self._version += 1
        await self.gateway.peer.send(Notify(InboxNotice(self._version)))

    async def run(self, state: "State", waiting: list[bytes]) -> int:
        """Take frames off ``waiting`` and send them while the state holds; how many those were."""
        self._nursery.start_soon(self._live)
        state.prepare(self.gateway)
        await wait_all_tasks_blocked()
        await state.enter(self)
        await wait_all_tasks_blocked()
        assert state.holds(self)
        sent: list[bytes] = []
        try:
            while waiting and len(sent) < FRAMES_BY_VISIT and self.open and state.holds(self):
                if state.fetches:
                    await self.announce()
                sent.append(self._fill_in(waiting.pop()))
                await self.gateway.peer.send_raw(sent[-1])
                await self._check_events()
            await self._recover()
        except Exception as error:
            error.add_note(f"sent in this visit: {sent}")
            raise
        self._leave.set()
        await self._over.wait()
        return len(sent)

    def _fill_in(self, frame: bytes) -> bytes:
        ids = self.gateway.call_ids
        number = msgspec.json.encode(ids[-1]) if ids else b"1"
        return frame.replace(b'"$ID"', number).replace(b"$LINE", b"line-0815")

    async def _check_events(self) -> None:
        """What the application is told is of the types that it is declared to be."""
        if self.session is None:
            return
        for event in await waiting_events(self.session):
            content: JsonObject = msgspec.to_builtins(event)
            assert msgspec.convert(content, type(event)) == event

    async def _recover(self) -> None:
        """The gateway behaves again: a session that is not over goes on, and what was asked has an outcome."""
        self.gateway.behave()
        await trio.sleep(60)
        if self.session is None:
            return
        await self._check_events()
        if self.session.status is LoginStatus.LOGGED_IN:
            await self.session.send_instant("bob", "still here")
        else:
            assert self.session.status is LoginStatus.LOGGED_OUT

    async def _live(self) -> None:
        try:
            async with Signal("app", self.gateway.connector).open_session("ann") as self.session:
                await self._leave.wait()
        except SignalingError:
            pass  # the login, refused or not understood
        finally:
            self._over.set()


class State(NamedTuple):
    """``prepare`` tells the gateway what to do at the login, ``enter`` brings the session there, ``holds`` says whether
    it still is. ``fetches``: the session's inbox is announced before each frame."""

    enter: Callable[[Visit], Awaitable[None]]
    holds: Callable[[Visit], bool]
    corpus: tuple[str, ...]
    fetches: bool = False
    prepare: Callable[[ScriptedGateway], None] = lambda _: None


def _hang_up_on_logins(gateway: ScriptedGateway) -> None:
    gateway.login = lambda _: None


def _keep_sessions(gateway: ScriptedGateway) -> None:
    gateway.login = lambda _: accepted(boot="b")
    gateway.line_login = lambda _: None


async def _wait(visit: Visit) -> None:
    """Logging in, or logged in, is all that it is."""


async def _join(visit: Visit) -> None:
    await visit.here.join("room")


async def _be_joining(visit: Visit) -> None:
    visit.gateway.answer(requests.JoinChannel, None)
    visit.attempt(visit.here.join, "room")


async def _ask(visit: Visit) -> None:
    visit.gateway.answer(requests.QueryChannelCount, None)
    visit.attempt(visit.here.query_channel_count, "room")


async def _send(visit: Visit) -> None:
    visit.gateway.answer(requests.SendMessage, None)
    visit.attempt(visit.here.send_instant, "bob", "hello")


async def _fetch(visit: Visit) -> None:
    visit.gateway.answer(requests.GetMessages, None)


async def _call(visit: Visit) -> None:
    await visit.here.invite("room", "bob")
    await _fetch(visit)


async def _call_and_be_accepted(visit: Visit) -> None:
    await visit.here.invite("room", "bob")
    await visit.gateway.put_call("voip_invite_accept")
    await _fetch(visit)


async def _be_called(visit: Visit) -> None:
    await visit.gateway.put_call("voip_invite")
    await _fetch(visit)


async def _be_called_and_accept(visit: Visit) -> None:
    await visit.gateway.put_call("voip_invite")
    call = visit.here.call(1)
    assert call is not None
    await call.accept()
    await _fetch(visit)


async def _come_back(visit: Visit) -> None:
    await _join(visit)
    await visit.gateway.peer.drop()
    await trio.sleep(1)  # longer than the first pause before it comes back
    assert len(visit.gateway.peer.resumptions) == 1


async def _log_out(visit: Visit) -> None:
    visit.gateway.answer(requests.Logout, None)
    visit.attempt(visit.here.logout)


def _is_outside(visit: Visit) -> bool:
    return visit.session is None and visit.open


def _is_inside(visit: Visit) -> bool:
    return visit.session is not None and visit.session.status is LoginStatus.LOGGED_IN


def _is_member(visit: Visit) -> bool:
    return _is_inside(visit) and visit.here.channel is not None


def _waits_for(kind: type[Request]) -> Callable[[Visit], bool]:
    def check(visit: Visit) -> bool:
        return _is_inside(visit) and bool(visit.gateway.asked(kind)) and visit.here.statistics().requests_waiting > 0

    return check


def _is_in_a_call(*states: CallState) -> Callable[[Visit], bool]:
    def check(visit: Visit) -> bool:
        call = visit.here.call(1) if _is_inside(visit) else None
        return call is not None and call.state in states

    return check


def _is_coming_back(visit: Visit) -> bool:
    return visit.session is not None and visit.session.status is LoginStatus.CONNECTING and visit.open


def _is_leaving(visit: Visit) -> bool:
    return visit.session is not None and visit.open


_RINGING = (CallState.INVITED, CallState.RINGING)

STATES: dict[str, State] = {
    "logging in": State(_wait, _is_outside, ("login",), prepare=_hang_up_on_logins),
    "logged in": State(_wait, _is_inside, ("notices", "answers", "login")),
    "member": State(_join, _is_member, ("notices", "answers")),
    "joining": State(_be_joining, _waits_for(requests.JoinChannel), ("answers", "notices")),
    "asking": State(_ask, _waits_for(requests.QueryChannelCount), ("answers",)),
    "sending": State(_send, _waits_for(requests.SendMessage), ("answers",)),
    "fetching": State(_fetch, _is_inside, ("answers", "calls"), fetches=True),
    "calling": State(_call, _is_in_a_call(*_RINGING), ("calls", "answers"), fetches=True),
    "called": State(_be_called, _is_in_a_call(*_RINGING), ("calls", "answers"), fetches=True),
    "caller in a call": State(_call_and_be_accepted, _is_in_a_call(CallState.CONNECTED), ("calls",), fetches=True),
    "callee in a call": State(_be_called_and_accept, _is_in_a_call(CallState.CONNECTED), ("calls",), fetches=True),
    "coming back": State(_come_back, _is_coming_back, ("login", "notices"), prepare=_keep_sessions),
    "logging out": State(_log_out, _is_leaving, ("answers", "notices")),
}
ALL_FILES = tuple(sorted(path.stem for path in CORPUS.glob("*.txt")))


def read_frames(*names: str) -> list[str]:
    """The frames of some files of the corpus."""
    return read_corpus(CORPUS, *names)
