"""Random walks of two peers through calls: both ends agree, every call ends, nobody hears of one that it does not have.

Each peer keeps the books of a vendor client: a call is known by its channel and the other side, comes with the
invitation, moves by what is sent and told, and is forgotten when it is over. A message that does not fit its book is
what breaks the Python SDK.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

import hypothesis.strategies as st
import msgspec
import trio
from hypothesis import example, given, settings
from trio.testing import MockClock

from botkit.gateway.server import Gateway
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.wire.states import CallAction, CallState, next_call_state

ROOM = "room"
ACTIONS = {action.value: action for action in CallAction}
EXTRAS = ["", '{"_require_peer_online":1}', '{"_timeout":3}', '{"_timeout":15}', '{"_timeout":30}']

steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["invite", "ack", "accept", "refuse", "bye", "msg", "fetch", "fetch", "leave", "kick", "wait"]),
        st.integers(0, 4),
    ),
    min_size=5,
    max_size=40,
)


class Book:
    """What one end knows of its call with the other end, and how the calls before it ended."""

    def __init__(self) -> None:
        self.number = 0
        self.state: CallState | None = None
        self.caller = False
        self.endings: dict[int, CallState] = {}

    def begin(self, number: int, *, caller: bool) -> None:
        assert self.state is None, f"call {number} while call {self.number} is {self.state}"
        self.number, self.state, self.caller = number, CallState.INVITED, caller

    def move(self, action: CallAction) -> None:
        assert self.state is not None, f"told {action} without a call"
        state = next_call_state(self.state, action)
        assert state is not None, f"told {action} of a call that is {self.state}"
        self.state = state
        if state.terminal:
            self.endings[self.number] = state
            self.state = None

    def drop(self) -> None:
        """The connection is gone: the client forgets all, and may never learn how the call ended."""
        self.state = None


class End:
    """One account: a peer, its book, and the way to connect anew."""

    def __init__(self, name: str, gateway: Gateway, stack: AsyncExitStack) -> None:
        self.name, self.book = name, Book()
        self._gateway, self._stack = gateway, stack
        self.peer: WirePeer | None = None

    async def online(self) -> WirePeer:
        if self.peer is None:
            self.peer = await self._stack.enter_async_context(WirePeer.connect(self._gateway.connector, self.name))
        return self.peer

    async def do(self, function: str, other: str, extra: str = "") -> bool:
        """Whether the request was accepted."""
        try:
            await (await self.online()).request(function, channelName=ROOM, peer=other, extra=extra)
        except Refusal as refusal:
            if not 700 <= refusal.code <= 704:
                raise
            return False
        return True

    async def fetch(self, other: str) -> None:
        """Put all that waits into the book."""
        peer = await self.online()
        while page := await peer.fetch():
            for kind, text in page:
                content = msgspec.json.decode(text)
                assert (content["channel"], content["peer"]) == (ROOM, other)
                if kind == "voip_invite":
                    self.book.begin(msgspec.json.decode(content["extra"])["number"], caller=False)
                else:
                    self.book.move(ACTIONS[kind])


class Walk:
    """A gateway with two ends, and the number of the next call."""

    def __init__(self, ends: tuple[End, End]) -> None:
        self.ends = ends
        self._calls = 0

    async def step(self, who: int, what: str, choice: int) -> None:
        end, other = self.ends[who], self.ends[1 - who]
        if what == "fetch":
            await end.fetch(other.name)
        elif what == "wait":
            await self.wait((0.5, 4, 12, 21, 31)[choice])
        elif what in ("leave", "kick"):
            await self.leave(end, kicked=what == "kick")
        elif what == "invite":
            if end.book.state is None:  # a client has one call object by channel and peer
                await self.invite(end, other, EXTRAS[choice])
        else:
            await self.act(end, other, CallAction(f"voip_invite_{what}"))

    async def invite(self, end: End, other: End, options: str) -> None:
        self._calls += 1
        extra = {"number": self._calls} | (msgspec.json.decode(options) if options else {})
        if await end.do("voip_invite", other.name, msgspec.json.encode(extra).decode()):
            end.book.begin(self._calls, caller=True)

    async def act(self, end: End, other: End, action: CallAction) -> None:
        if await end.do(action.value, other.name):
            end.book.move(action)

    async def leave(self, end: End, *, kicked: bool) -> None:
        if end.peer is None:
            return
        if not kicked:
            await end.peer.request("user_logout")
        end.peer = None
        end.book.drop()
        if kicked:
            await end.online()

    async def wait(self, seconds: float) -> None:
        while seconds > 0:
            await trio.sleep(min(seconds, 9))
            seconds -= 9
            for end in self.ends:
                if end.peer is not None:
                    await end.peer.send('["ping",1]')

    async def finish(self) -> None:
        """Let all run out, hang up what is left, and compare the books."""
        await self.wait(95)  # the longest that an invitation can go without an answer
        for end, other in (self.ends, self.ends[::-1]):
            await end.fetch(other.name)
        self.compare_open_calls()
        if self.ends[0].book.state is not None:
            await self.act(self.ends[0], self.ends[1], CallAction.END)
            await self.ends[1].fetch(self.ends[0].name)
        first, second = (end.book for end in self.ends)
        assert first.state is second.state is None
        for number in first.endings.keys() & second.endings.keys():
            endings = {first.endings[number], second.endings[number]}
            # A call that failed for its caller has ended for its callee.
            assert len(endings) == 1 or endings == {CallState.FAILED, CallState.ENDED}

    def compare_open_calls(self) -> None:
        """Everything is fetched and no invitation is left: what is open is open at both ends, and connected."""
        first, second = (end.book for end in self.ends)
        assert first.state is second.state
        if first.state is not None:
            assert first.state is CallState.CONNECTED
            assert first.number == second.number
            assert first.caller is not second.caller


@asynccontextmanager
async def walking() -> AsyncIterator[tuple[Gateway, Walk]]:
    async with open_test_gateway() as gateway, AsyncExitStack() as stack:
        yield gateway, Walk((End("ann", gateway, stack), End("bob", gateway, stack)))


def in_virtual_time(main: Callable[[], Coroutine[object, object, None]]) -> None:
    trio.run(main, clock=MockClock(autojump_threshold=0))


@settings(max_examples=40)
@given(steps)
@example([(0, "invite", 0), (1, "fetch", 0), (0, "bye", 0), (0, "wait", 4)])
@example([(0, "invite", 0), (1, "fetch", 0), (1, "refuse", 0), (0, "leave", 0), (0, "fetch", 0)])
def test_both_ends_agree_and_every_call_ends(steps: list[tuple[int, str, int]]) -> None:
    async def walk() -> None:
        async with walking() as (gateway, walk):
            for who, what, choice in steps:
                await walk.step(who, what, choice)
            await walk.finish()
            assert gateway.counters.handler_errors.value == 0

    in_virtual_time(walk)


@settings(max_examples=40)
@given(steps)
def test_with_everything_fetched_at_once_the_ends_agree_after_each_step(steps: list[tuple[int, str, int]]) -> None:
    async def walk() -> None:
        async with walking() as (_, walk):
            ann, bob = walk.ends
            for who, what, choice in steps:
                await walk.step(who, what, choice)
                await ann.fetch("bob")
                await bob.fetch("ann")
                assert ann.book.state is bob.book.state
                assert ann.book.state is None or ann.book.number == bob.book.number
            await walk.finish()

    in_virtual_time(walk)
