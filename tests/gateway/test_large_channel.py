"""The largest channel: 10,000 members, each with a connection of its own, and the one that is too many.

All but one are simulated at the level of their bytes; that one is botkit's client, over a WebSocket.
"""

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from botkit.errors import ErrorCode
from botkit.events import ChannelJoined, ChannelMessage, UserJoined
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.signaling import LoginSession, Signal
from botkit.testing import TEST_APP, open_test_gateway
from botkit.types import JsonObject, JsonValue
from botkit.wire.limits import MAX_CHANNEL_MEMBERS, USER_LIST_SIZE
from botkit.wire.messages import parse_line
from tests.signaling.scripted import next_event

ROOM = "the largest room"
QUIET = MAX_CHANNEL_MEMBERS - 100
"""So many join with ``_userNotification`` 0, as the documents advise above 1,000: telling all of all is 50 million
notices. The last hundred are told to everybody.
"""
BATCH = 100
MOST_BYTES_BY_MEMBER = 64 * 1024
"""What a connection, its session and its membership may cost together while it is not behind with reading. One that is
behind may have ``send_buffer`` bytes waiting besides.
"""
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: memory\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Member:
    """A peer at the level of its bytes: a link whose other end is this test, with nothing between the two."""

    direct_send = None
    peer = "memory"
    pending = False

    def __init__(self, gateway: Gateway, number: int) -> None:
        self.account = f"user{number}"
        self.line = ""
        self.uid = 0
        self._unsent = bytearray(HANDSHAKE)
        self._received = bytearray()
        self._news = trio.Event()
        self._closed = False
        gateway.accept(self)

    # The gateway's side.

    async def receive(self) -> bytes:
        """See ``Link``."""
        while not self._unsent and not self._closed:
            self._news = trio.Event()
            await self._news.wait()
        data = bytes(self._unsent)
        self._unsent.clear()
        return data

    def send_nowait(self, data: bytes | memoryview) -> int:
        """See ``Link``."""
        self._received += data
        return len(data)

    async def wait_writable(self) -> None:
        """See ``Link``."""
        await trio.lowlevel.checkpoint()

    def send_eof(self) -> None:
        """See ``Link``."""

    def close(self) -> None:
        """See ``Link``; also how this test hangs up."""
        self._closed = True
        self._news.set()

    # The test's side.

    def send(self, name: str, argument: JsonValue) -> None:
        """Send a frame."""
        payload = msgspec.json.encode([name, argument])
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        self._unsent += b"\x81" + size + bytes(4) + payload  # masked with zeros
        self._news.set()

    def log_in(self) -> None:
        """Send the login, as the web SDK does."""
        arguments: JsonObject = {"vid": TEST_APP, "account": self.account, "uid": 0, "token": "_no_need_token"}
        self.send("login", {**arguments, "device": "websdk", "ip": ""})

    def logged_in(self) -> None:
        """Read the answer to the login, behind the handshake's."""
        del self._received[: self._received.index(b"\r\n\r\n") + 4]
        (outcome,) = [msgspec.json.decode(frame[1][1]) for frame in self.frames()]
        self.line, self.uid = outcome["line"], outcome["uid"]

    def ask(self, function: str, **arguments: JsonValue) -> None:
        """Send a request."""
        self.send("call2", [function, 1, {"line": self.line, **arguments}])

    def frames(self) -> Iterator[list[Any]]:
        """All frames that came since the last time."""
        data, at = self._received, 0
        while at < len(data):
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            yield msgspec.json.decode(data[at + head : at + head + size])
            at += head + size
        data.clear()

    def answer(self) -> dict[str, Any]:
        """The result of the only request, when nothing else came."""
        (frame,) = self.frames()
        result: dict[str, Any] = msgspec.json.decode(frame[1][2])
        return result

    def told(self) -> list[tuple[int, str, JsonValue]]:
        """The channel notices that came: number, kind, and whom it is about."""
        notices = [frame[1] for frame in self.frames() if frame[0] == "notify"]
        lines = [(int(notice[2]), parse_line(notice[3])) for notice in notices]
        return [(number, line.kind, msgspec.json.decode(line.content)["account"]) for number, line in lines]


def resident_bytes() -> int:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def enter(members: list[Member]) -> None:
    """Have them join, some at a time."""
    for start in range(0, len(members), BATCH):
        for member in members[start : start + BATCH]:
            member.ask("channel_join", name=ROOM)
        await wait_all_tasks_blocked()


async def log_all_in(gateway: Gateway, count: int) -> list[Member]:
    """As many members, logged in."""
    members = []
    for number in range(count):
        members.append(Member(gateway, number))
        members[-1].log_in()
        if number % BATCH == 0:
            await wait_all_tasks_blocked()
    await wait_all_tasks_blocked()
    for member in members:
        member.logged_in()
    return members


def check_who_came(quiet: list[Member], loud: list[Member]) -> int:
    """What was told when ``loud`` came, one after the other; the number of the first notice."""
    accounts = [member.account for member in loud]
    base = quiet[-1].told()[0][0]
    for member in quiet[:-1]:
        told = member.told()
        assert told == [(base + number, "channel_user_join", account) for number, account in enumerate(accounts)]
    for position, member in enumerate(loud):
        answer, *notices = member.frames()
        listed = msgspec.json.decode(answer[1][2])["list"]
        # Those who came one at a time are the latest, in that order; who came at once came in any order.
        assert [account for account, _ in listed][-position - 1 :] == accounts[: position + 1]
        assert len(listed) == len({account for account, _ in listed}) == USER_LIST_SIZE
        assert [notice[1][2] for notice in notices] == list(range(base + position + 1, base + len(loud)))
    return base


async def check_all_hear(members: list[Member], client: LoginSession, notice: tuple[int, str, str]) -> None:
    """A message reaches all members, and the client of botkit."""
    await wait_all_tasks_blocked()
    for member in members:
        assert member.told() == [notice]
    assert (await next_event(client, ChannelMessage)).account == notice[2]


async def check_who_is_there(members: list[Member], client: LoginSession) -> None:
    """Both lists, by a client of botkit and by the first of the members, have everybody."""
    assert await client.query_channel_count(ROOM) == MAX_CHANNEL_MEMBERS
    everyone = sorted([*((member.account, member.uid) for member in members), ("client", client.uid)])
    assert sorted(await client.list_channel_users(ROOM)) == everyone
    members[0].ask("channel_query_userlist_all", name=ROOM)
    await wait_all_tasks_blocked()
    everybody = members[0].answer()
    assert everybody["num"] == MAX_CHANNEL_MEMBERS
    assert sorted(map(tuple, everybody["list"])) == everyone


@pytest.mark.slow
@pytest.mark.row("W02")
async def test_ten_thousand_members(capsys: pytest.CaptureFixture[str]) -> None:
    settings = GatewaySettings(apps=(), idle_timeout=3600.0)
    async with open_test_gateway(settings) as gateway, AsyncExitStack() as clients:
        before = resident_bytes()
        *members, one_too_many = await log_all_in(gateway, MAX_CHANNEL_MEMBERS)
        logged_in = (resident_bytes() - before) // len(members)
        first, quiet, loud = members[0], members[: QUIET - 1], members[QUIET - 1 :]
        client = await clients.enter_async_context(Signal(TEST_APP, gateway.connector).open_session("client"))

        await enter([first])
        assert first.answer()["result"] == "ok"
        for_notices = {"channel": ROOM, "name": "_userNotification"}
        first.ask("channel_set_attr", **for_notices, value="0")
        await enter(quiet[1:])
        room = await client.join(ROOM)
        joined = await next_event(client, ChannelJoined)
        assert len(joined.members) == USER_LIST_SIZE
        assert joined.members[-1] == ("client", client.uid)
        assert joined.attributes == {"_userNotification": "0"}
        first.ask("channel_set_attr", **for_notices, value="1")
        await wait_all_tasks_blocked()
        for member in members:
            list(member.frames())  # what was until here has tests of its own

        for member in loud:
            await enter([member])
        base = check_who_came(quiet, loud)
        for member in loud:
            assert (await next_event(client, UserJoined)).account == member.account

        one_too_many.ask("channel_join", name=ROOM)
        await wait_all_tasks_blocked()
        refusal = one_too_many.answer()
        assert refusal["code"] == int(ErrorCode.JOINCHANNEL_E_OTHER)
        assert refusal["reason"] == "channel full: 10000 members"
        for member in members:
            list(member.frames())

        loud[7].ask("channel_sendmsg", name=ROOM, msg="to all of you")
        await check_all_hear(members, client, (base + len(loud), "channel_msg", loud[7].account))
        await room.send("so say we all")
        await check_all_hear(members, client, (base + len(loud) + 1, "channel_msg", "client"))
        await check_who_is_there(members, client)

        in_the_end = (resident_bytes() - before) // len(members)
        with capsys.disabled():
            print(f"\nmemory by member: {logged_in} bytes logged in, {in_the_end} with all that this test was told")
        assert in_the_end < MOST_BYTES_BY_MEMBER

        first.ask("channel_set_attr", **for_notices, value="0")  # they all leave at once
        await wait_all_tasks_blocked()
        for member in (*members, one_too_many):
            member.close()
        await clients.aclose()
        await wait_all_tasks_blocked()
        assert gateway.sessions == 0
