"""Two people chat through terminals made for the test, at a gateway in memory, on virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit.cli.chat.client import ChatClient
from botkit.errors import ErrorCode, JoinFailed
from botkit.gateway.server import Gateway
from botkit.signaling import Signal
from botkit.testing import TEST_APP, open_test_gateway
from botkit.wire.limits import USER_ONLINE_CHANNEL


class ScriptedTerminal:
    """Lines come from ``type``; what is shown is kept."""

    def __init__(self) -> None:
        self._typed, self._lines = trio.open_memory_channel[str](100)
        self.shown: list[str] = []

    async def read_line(self) -> str | None:
        async for line in self._lines:
            return line
        return None

    def print(self, line: str) -> None:
        self.shown.append(line)

    async def type(self, *lines: str) -> None:
        """Type lines, each a second after the one before, as people do."""
        for line in lines:
            self._typed.send_nowait(line)
            await trio.sleep(1)

    def hang_up(self) -> None:
        """Ctrl-D."""
        self._typed.close()

    def take(self) -> list[str]:
        """What was shown since the last time."""
        shown, self.shown = self.shown, []
        return shown


class Person:
    """Somebody who chats."""

    def __init__(self) -> None:
        self.terminal = ScriptedTerminal()
        self.over: ErrorCode | None = None

    async def chat(self, gateway: Gateway, account: str, channel: str) -> None:
        async with Signal(TEST_APP, gateway.connector).open_session(account) as session:
            self.over = await ChatClient(session, self.terminal).run(channel)


@asynccontextmanager
async def chatting(gateway: Gateway, *accounts: str) -> AsyncIterator[list[ScriptedTerminal]]:
    """All in the lobby; at the end they quit."""
    people = [Person() for _ in accounts]
    async with trio.open_nursery() as nursery:
        for person, account in zip(people, accounts, strict=True):
            nursery.start_soon(person.chat, gateway, account, "lobby")
            await trio.sleep(1)
        for person in people:
            person.terminal.take()
        yield [person.terminal for person in people]
        for person in people:
            await person.terminal.type("/quit")
    assert [person.over for person in people] == [ErrorCode.LOGOUT_E_USER] * len(people)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_test_gateway() as gateway:
        yield gateway


async def test_messages(gateway: Gateway, autojump_clock: MockClock) -> None:
    async with chatting(gateway, "ann", "bob") as (ann, bob):
        await ann.type("hello", "/msg bob psst, bob", "//slash", "")
        assert ann.take() == ["<ann> hello", "-> [bob] psst, bob", "<ann> /slash"]
        assert bob.take() == ["<ann> hello", "[ann] psst, bob", "<ann> /slash"]


async def test_members_and_attributes(gateway: Gateway, autojump_clock: MockClock) -> None:
    async with chatting(gateway, "ann", "bob") as (ann, bob):
        await ann.type("/who", "/attr topic all about bots", "/attr", "/attr topic")
        assert ann.take() == [
            "  ann (uid 1)",
            "  bob (uid 2)",
            "* ann set topic = all about bots",
            "  topic = all about bots",
            "  topic = all about bots",
        ]
        await ann.type("/unattr topic", "/attr", "/attr topic", "/unattr topic")
        assert ann.take() == [
            "* ann removed topic",
            "  no attributes",
            "  no attribute topic",
            "  no attribute topic",
        ]
        bob.take()
        await bob.type("/join elsewhere")
        assert bob.take()[-1] == "* in elsewhere, with bob"
        assert ann.take() == ["* bob left"]


async def test_a_call(gateway: Gateway, autojump_clock: MockClock) -> None:
    async with chatting(gateway, "ann", "bob") as (ann, bob):
        await ann.type('/call bob room {"a":1}')
        assert bob.take() == ['* ann calls, channel room with {"a":1}: /accept or /refuse']
        await bob.type("/accept")
        await ann.type("/dtmf 12#")
        await bob.type("/dtmf 3")
        await ann.type("/end", "/end")
        assert ann.take() == [
            "* calling bob, channel room",
            "* it rings at bob",
            "* bob accepted the call",
            "* bob pressed 3",
            "* you ended the call",
            "! there is no call: /call ACCOUNT CHANNEL starts one",
        ]
        assert bob.take() == ["* ann pressed 12#", "* ann ended the call"]
        await bob.type("/call ann room")
        await ann.type('/refuse {"why":"busy"}')
        assert bob.take() == [
            "* calling ann, channel room",
            "* it rings at ann",
            '* ann refused the call with {"why":"busy"}',
        ]


async def test_who_is_not_there_is_said(gateway: Gateway, autojump_clock: MockClock) -> None:
    async with chatting(gateway, "ann", "bob") as (ann, bob):
        await bob.type("/quit")
        ann.take()
        await ann.type("/msg bob later", "/call bob room", "/end")
        assert ann.take() == [
            "-> [bob] later",
            "* bob is offline: the message waits for up to 60 min",
            "* calling bob, channel room; bob is offline, so nobody may ever answer: /end gives up",
            "* you ended the call",
        ]


async def test_what_is_wrong_is_said_and_the_chat_goes_on(gateway: Gateway, autojump_clock: MockClock) -> None:
    async with chatting(gateway, "ann") as (ann,):
        await ann.type("/nonsense", "x" * 8193, "/call nobody room {", "/dtmf 1", f"/join {USER_ONLINE_CHANNEL}", "hi")
        unknown, large, extra, no_call, refused, said = ann.take()
        assert unknown == "! there is no /nonsense: /help lists the commands"
        assert large.startswith("! 1005 GENERAL_E_LARGE_PARAM")
        assert extra == "! 1004 GENERAL_E_WRONG_PARAM: extra: is not JSON"
        assert no_call == "! there is no call: /call ACCOUNT CHANNEL starts one"
        assert refused.startswith("! 300 JOINCHANNEL_E_OTHER")
        assert said == "<ann> hi"
        await ann.type("/help")
        assert ann.take()[-1].startswith("/quit")


async def test_the_end_of_the_input_logs_out(gateway: Gateway, autojump_clock: MockClock) -> None:
    person = Person()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(person.chat, gateway, "ann", "lobby")
        await trio.sleep(1)
        person.terminal.hang_up()
    assert person.over is ErrorCode.LOGOUT_E_USER
    assert gateway.sessions == 0


async def test_a_kick_ends_the_chat_while_nothing_is_typed(gateway: Gateway, autojump_clock: MockClock) -> None:
    person = Person()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(person.chat, gateway, "ann", "lobby")
        await trio.sleep(1)
        async with Signal(TEST_APP, gateway.connector).open_session("ann"):
            await trio.sleep(1)
            assert person.over is ErrorCode.LOGOUT_E_KICKED
    assert person.terminal.take()[-1] == "* logged out because the same account logged in elsewhere (103)"


async def test_a_channel_that_cannot_be_joined(gateway: Gateway, autojump_clock: MockClock) -> None:
    async with Signal(TEST_APP, gateway.connector).open_session("ann") as session:
        with pytest.raises(JoinFailed):
            await ChatClient(session, ScriptedTerminal()).run(USER_ONLINE_CHANNEL)
