"""Whatever happens to calls, they end once. (Whatever frames come: ``test_hostile_gateway.py``.)"""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import InviteFailed
from botkit.events import CallEnded, CallEvent, CallFailed, CallInvited, CallRefused
from botkit.signaling import Call, LoginSession, Signal
from tests.signaling.scripted import ScriptedGateway, waiting_events

_MESSAGES = ["voip_invite", "voip_invite_ack", "voip_invite_accept", "voip_invite_refuse"]
_MESSAGES += ["voip_invite_failed", "voip_invite_bye", "voip_invite_msg"]
_VERBS: dict[str, Callable[[Call], Awaitable[None]]] = {
    "accept": lambda call: call.accept(),
    "refuse": lambda call: call.refuse(),
    "end": lambda call: call.end(),
    "press": lambda call: call.press("1"),
}


class _CallWorld:
    """A session, its calls, and everything that it told of them."""

    def __init__(self, gateway: ScriptedGateway, session: LoginSession) -> None:
        self.gateway = gateway
        self.session = session
        self.calls: list[Call] = []
        self.told: list[CallEvent] = []

    async def do(self, action: str, peer: str) -> None:
        if action in _MESSAGES:
            await self.gateway.put_call(action, peer=peer)
        elif action == "invite":
            with suppress(InviteFailed):  # there is an open call with this peer
                self.calls.append(await self.session.invite("room", peer))
        elif action == "lose":
            await self.gateway.peer.drop()
            await trio.sleep(10)  # the longest that a reconnect waits
        elif self.calls:
            await self._try(_VERBS[action], self.calls[-1])
        await self._collect()

    async def _try(self, verb: Callable[[Call], Awaitable[None]], call: Call) -> None:
        over = call.state.terminal
        with suppress(InviteFailed):  # not possible in this state
            await verb(call)
        assert not over or call.state.terminal

    async def _collect(self) -> None:
        await wait_all_tasks_blocked()
        events = [event for event in await waiting_events(self.session) if isinstance(event, CallEvent)]
        for event in events:
            if isinstance(event, CallInvited):
                call = self.session.call(event.call)
                assert call is not None
                self.calls.append(call)
        self.told.extend(events)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*_MESSAGES, *_VERBS, "invite", "invite", "lose"]), st.sampled_from(["bob", "carol"])
        ),
        max_size=25,
    )
)
def test_every_call_ends_once(actions: list[tuple[str, str]]) -> None:
    async def main() -> None:
        gateway = ScriptedGateway()
        async with Signal("app", gateway.connector).open_session("ann") as session:
            world = _CallWorld(gateway, session)
            for action, peer in actions:
                await world.do(action, peer)
            open_calls = [call for call in world.calls if not call.state.terminal]
            assert session.statistics().calls_open == len(open_calls)
            assert len({(call.channel, call.peer) for call in open_calls}) == len(open_calls)
            ends = Counter(
                event.call for event in world.told if isinstance(event, CallEnded | CallFailed | CallRefused)
            )
            assert set(ends.values()) <= {1}
            assert not set(ends) & {call.id for call in open_calls}
        assert all(call.state.terminal for call in world.calls)

    trio.run(main, clock=MockClock(autojump_threshold=0))
