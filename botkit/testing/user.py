"""A virtual user: somebody who talks, calls and listens, as a person at a client would."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeGuard, TypeVar

import trio

from botkit.errors import SessionEnded
from botkit.events import CallInvited, ChannelMessage, Event, InstantMessage
from botkit.routing.filters import Filter
from botkit.signaling import Call, LoginSession
from botkit.types import Account, JsonObject

E = TypeVar("E", bound=Event)

PATIENCE = 10.0
"""Seconds that a user waits for what it expects; of virtual time, under a virtual clock."""

MAX_UNEXPECTED = 10_000
"""Events that a user keeps in case a later ``expect`` asks for them; the oldest go."""


class User:
    """One login session with words for what people do. ``World.user`` makes it.

    What it hears is kept until an ``expect`` asks for it, so the order of expectations need not be that of events.
    """

    def __init__(self, session: LoginSession) -> None:
        self.session = session
        """For everything that has no word here."""
        self._heard: deque[Event] = deque(maxlen=MAX_UNEXPECTED)
        self._call: Call | None = None

    def __repr__(self) -> str:
        return f"<User {self.account}>"

    @property
    def account(self) -> Account:
        """Who it is."""
        return self.session.account

    async def join(self, channel: str) -> None:
        """Enter a channel; another one is left. Raises ``JoinFailed``."""
        await self.session.join(channel)

    async def leave(self) -> None:
        """Leave the channel it is in, if any."""
        if self.session.channel is not None:
            await self.session.channel.leave()

    async def say(self, text: str, *, channel: str = "") -> None:
        """Say something in the channel it is in, or enter ``channel`` first. Raises ``SendFailed``, ``JoinFailed``."""
        if channel and (self.session.channel is None or self.session.channel.name != channel):
            await self.session.join(channel)
        if self.session.channel is None:
            raise AssertionError(f"{self.account} is in no channel: join one, or say(…, channel=…)")
        await self.session.channel.send(text)

    async def tell(self, account: str, text: str) -> None:
        """Send somebody an instant message. Raises ``SendFailed``."""
        await self.session.send_instant(account, text)

    async def call(self, account: str, *, channel: str = "", extra: str | JsonObject = "") -> Call:
        """Call somebody; returns when the gateway has the invitation. Raises ``InviteFailed``.

        ``channel`` is ``call-<its account>`` unless it is named. ``press``, ``hang_up`` and ``wait_answered`` are
        about this call from now on.
        """
        self._call = await self.session.invite(channel or f"call-{self.account}", account, extra)
        return self._call

    async def wait_answered(self, *, within: float = PATIENCE) -> str:
        """Wait until the call is taken; gives the answer's extra. Raises ``InviteFailed`` when it is not."""
        with _patience(within, f"{self.account} waited for its call to be answered"):
            return await self._present_call().wait_answer()

    async def answer(self, *, extra: str | JsonObject = "", within: float = PATIENCE) -> Call:
        """Wait until somebody calls, and take the call."""
        call = await self._invited(within)
        await call.accept(extra)
        return call

    async def refuse(self, *, extra: str | JsonObject = "", within: float = PATIENCE) -> Call:
        """Wait until somebody calls, and refuse."""
        call = await self._invited(within)
        await call.refuse(extra)
        return call

    async def press(self, digits: str) -> None:
        """Press digits (0-9 * #) in the call."""
        await self._present_call().press(digits)

    async def hang_up(self, *, extra: str | JsonObject = "") -> None:
        """End the call, or take the invitation back."""
        await self._present_call().end(extra)

    async def wait_hung_up(self, *, within: float = PATIENCE) -> None:
        """Wait until the call is over."""
        with _patience(within, f"{self.account} waited for its call to end"):
            await self._present_call().wait_ended()

    async def expect(self, event_type: type[E], *filters: Filter, within: float = PATIENCE, **fields: object) -> E:
        """The first event of ``event_type`` that passes all ``filters`` and has these ``fields``.

        It may have come already, if no earlier ``expect`` took it. Raises ``AssertionError``, with what was heard
        instead, when it has not come ``within`` so many seconds, and when the session ends.
        """

        def wanted(event: Event) -> TypeGuard[E]:
            return (
                isinstance(event, event_type)
                and all(filter(event) for filter in filters)
                and all(getattr(event, name) == value for name, value in fields.items())
            )

        unknown = [name for name in fields if name not in event_type.__struct_fields__]
        if unknown:
            raise TypeError(f"{event_type.__name__} has no {unknown[0]}, but {', '.join(event_type.__struct_fields__)}")
        return await self._find(wanted, _describe(event_type, filters, fields), within)

    async def expect_text(self, text: str, *, within: float = PATIENCE) -> ChannelMessage | InstantMessage:
        """Like ``expect``: a message with exactly this text, from the channel or to itself."""

        def wanted(event: Event) -> TypeGuard[ChannelMessage | InstantMessage]:
            return isinstance(event, ChannelMessage | InstantMessage) and event.text == text

        return await self._find(wanted, f"a message {text!r}", within)

    async def expect_nothing(self, event_type: type[Event] = Event, *filters: Filter, seconds: float = 1.0) -> None:
        """Fail if an event of ``event_type`` that passes ``filters`` was heard, unasked for, or comes in time."""
        for event in await self.heard(event_type, seconds=seconds):
            if all(filter(event) for filter in filters):
                raise AssertionError(f"{self.account} expected no {event_type.__name__}, and heard {event}")

    async def heard(self, event_type: type[E], *, seconds: float = 1.0) -> list[E]:
        """All events of ``event_type`` that no ``expect`` took: those heard so far, and in the next ``seconds``."""
        with trio.move_on_after(seconds), suppress(SessionEnded):
            while True:
                self._heard.append(await self.session.receive_event())
        events = [event for event in self._heard if isinstance(event, event_type)]
        self._heard = deque((event for event in self._heard if not isinstance(event, event_type)), MAX_UNEXPECTED)
        return events

    async def _find(self, wanted: Callable[[Event], TypeGuard[E]], description: str, within: float) -> E:
        for event in self._heard:
            if wanted(event):
                self._heard.remove(event)
                return event
        problem = f"within {within:g} s"
        with trio.move_on_after(within):
            try:
                while True:
                    event = await self.session.receive_event()
                    if wanted(event):
                        return event
                    self._heard.append(event)
            except SessionEnded as end:
                problem = f"but its session has ended ({end})"
        latest = ", ".join(str(event) for event in list(self._heard)[-10:]) or "nothing"
        raise AssertionError(f"{self.account} expected {description} {problem}; what it heard, at last: {latest}")

    async def _invited(self, within: float) -> Call:
        invited = await self.expect(CallInvited, within=within)
        call = self.session.call(invited.call)
        assert call is not None, "an invitation that was just told has a call"
        self._call = call
        return call

    def _present_call(self) -> Call:
        if self._call is None:
            raise AssertionError(f"{self.account} is in no call: call(…) somebody, or answer()")
        return self._call


@contextmanager
def _patience(seconds: float, what: str) -> Iterator[None]:
    try:
        with trio.fail_after(seconds):
            yield
    except trio.TooSlowError:
        raise AssertionError(f"{what} for {seconds:g} s") from None


def _describe(event_type: type[Event], filters: tuple[Filter, ...], fields: dict[str, object]) -> str:
    facts = [f"{name}={value!r}" for name, value in fields.items()]
    facts += [f"{len(filters)} filters"] if filters else []
    return f"{event_type.__name__}({', '.join(facts)})"
