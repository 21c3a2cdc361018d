"""A client that loses its connection at any moment and comes back: each message once, in order, and only its own."""

from contextlib import AsyncExitStack

import hypothesis.strategies as st
import msgspec
import trio
from hypothesis import example, given, settings
from trio.testing import MockClock

from botkit.gateway.server import Gateway
from botkit.testing import WirePeer, open_test_gateway
from botkit.types import JsonValue
from botkit.wire.messages import parse_line

ACTIONS = ["say", "say", "whisper", "set", "join", "leave", "read", "drop", "come back", "wait"]


class Client:
    """Ann: a botkit client with its books, and what it should have been told."""

    def __init__(self, gateway: Gateway, stack: AsyncExitStack) -> None:
        self._gateway, self._stack = gateway, stack
        self._peer: WirePeer | None = None
        self._login: dict[str, JsonValue] = {}
        self._channel, self._message_id, self._inbox = "", 0, 0
        self.got: list[str] = []
        self.expected: list[str] = []

    async def connect(self) -> None:
        """Log in, or come back."""
        if self._peer is not None:
            return
        peer = await self._stack.enter_async_context(WirePeer.connect(self._gateway.connector))
        if not self._login:
            self._login = await peer.login("ann", resumable=True)
        else:
            outcome = await peer.resume(
                "ann",
                str(self._login["line"]),
                boot=self._login["boot"],
                channel=self._channel,
                message_id=self._message_id,
                inbox=self._inbox,
            )
            assert outcome.get("lost", 0) == 0
            assert outcome.get("channel", "") == self._channel
        self._peer = peer

    async def drop(self) -> None:
        if self._peer is not None:
            await self._peer.drop()
            self._peer = None

    async def join(self) -> None:
        await self.read()
        assert self._peer is not None
        await self._peer.request("channel_join", name="lobby")
        if self._channel != "lobby":
            self._channel, self._message_id = "lobby", 0

    async def leave(self) -> None:
        await self.read()
        assert self._peer is not None
        await self._peer.request("channel_leave", name="lobby")
        self._channel = ""

    def expect(self, text: str, *, in_channel: bool = True) -> None:
        if self._channel or not in_channel:
            self.expected.append(text)

    async def read(self) -> None:
        """Take in everything that is there."""
        await self.connect()
        assert self._peer is not None
        await self._peer.send('["ping",1]')
        while (frame := await self._peer.receive())[0] != "pong":
            argument = frame[1]
            if frame[0] == "notify" and isinstance(argument, list) and argument[0] == "channel2":
                self._take_notice(msgspec.convert(argument, tuple[str, str, int, str]))
        while await self._fetch(self._peer):
            pass

    def _take_notice(self, notice: tuple[str, str, int, str]) -> None:
        _, channel, message_id, line = notice
        assert channel == self._channel
        if message_id > self._message_id:  # as every SDK does
            self._message_id = message_id
            content = msgspec.json.decode(parse_line(line).content)
            self.got += [content["msg"]] if "msg" in content else [content["value"]] if "value" in content else []

    async def _fetch(self, peer: WirePeer) -> bool:
        result = await peer.request("user_getmsg", ver_clear=self._inbox, max=30)
        for version, line in msgspec.convert(result["msgs"], list[tuple[int, str]]):
            assert version > self._inbox
            self._inbox = version
            self.got.append(parse_line(line).content)
        return bool(result["msgs"])


async def walk(actions: list[str]) -> None:
    """Bob talks, a second botkit client keeps the channel's history alive, ann comes and goes."""
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "bob") as bob,
        WirePeer.connect(gateway.connector) as keeper,
        AsyncExitStack() as stack,
    ):
        await keeper.login("keeper", resumable=True)
        for peer in (bob, keeper):
            await peer.request("channel_join", name="lobby")
        ann, away = Client(gateway, stack), 0
        await ann.connect()
        for number, action in enumerate(actions):
            if action == "say":
                await bob.request("channel_sendmsg", name="lobby", msg=f"say {number}")
                ann.expect(f"say {number}")
            elif action == "set":
                await bob.request("channel_set_attr", channel="lobby", name=f"a{number % 3}", value=f"set {number}")
                ann.expect(f"set {number}")
            elif action == "whisper":
                await bob.request("user_sendmsg", peer="ann", flag="v1:E:60", t="instant", content=f"psst {number}")
                ann.expect(f"psst {number}", in_channel=False)
            elif action == "wait" and away < 20:
                away += 5
                await trio.sleep(5)
                for peer in (bob, keeper):
                    await peer.send('["ping",1]')
            elif action == "drop":
                await ann.drop()
            else:
                await {"join": ann.join, "leave": ann.leave}.get(action, ann.read)()
                away = 0
        await trio.sleep(1.5)  # more than ten attribute notices in a second are told later
        await ann.read()
        channel = [text for text in ann.got if not text.startswith("psst")]
        assert channel == [text for text in ann.expected if not text.startswith("psst")]
        private = [text for text in ann.got if text.startswith("psst")]
        assert private == [text for text in ann.expected if text.startswith("psst")]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(ACTIONS), max_size=30).filter(lambda actions: actions.count("set") <= 10))
@example(["say", "say", "join", "drop", "come back"])
@example(["join", "say", "leave", "say", "join", "drop", "say", "come back"])
def test_each_message_comes_once_and_in_order(actions: list[str]) -> None:
    trio.run(walk, actions, clock=MockClock(autojump_threshold=0))
