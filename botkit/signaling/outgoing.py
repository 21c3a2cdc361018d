"""The gate of a session: every effect passes it on its way to the gateway, and nothing else does.

The guide's chapter on what bots do to others. Each such act is an **effect**, a frozen value: ``SendToChannel``,
``SendInstant``, ``Mute``, ``Kick`` … (``botkit.signaling.effects``, ``moderation_effects``). Questions are none. An app
keeps its latest effects, so that a test compares values::

    from trio.testing import MockClock

    from botkit import Bot, BotPlacement, ChannelMessage, Context
    from botkit.signaling.effects import Join, SendToChannel
    from botkit.testing import open_world

    bot = Bot("greeter")


    @bot.on_channel_message(text="hi")
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"hello, {message.account}")


    async def test_what_it_does(autojump_clock: MockClock) -> None:
        async with open_world() as world, world.running(bot) as app:
            ann = await world.user("ann", channel="lobby")
            await ann.say("hi")
            await ann.expect_text("hello, ann")
            assert app.effects.of("greeter") == [
                Join(channel="lobby"),
                SendToChannel(channel="lobby", text="hello, ann"),
            ]

In a **dry run** (``botkit run --dry-run FILE``, or ``dry_run: true`` at a bot) sessions log in, join and hear, and do
nothing to others. The log and ``effects`` have what they would have done::

    async def test_dry_run(autojump_clock: MockClock) -> None:
        dry = BotPlacement(bot=bot, account="greeter", channels=("lobby",), dry_run=True)
        async with open_world() as world, world.running(dry) as app:
            ann = await world.user("ann", channel="lobby")
            await ann.say("hi")
            await ann.expect(ChannelMessage, account="ann")
            await ann.expect_nothing(ChannelMessage)
            (wanted,) = app.effects.of("greeter", SendToChannel)
            assert wanted.text == "hello, ann"

The **governor** lets messages wait for the service's limits: 60 a second of an account, 200 in a channel or its
``_sendmsg_limit``. None is lost; what moderators say goes before chatter; what is refused all the same, since others
used up a channel's limit, is sent again for ``retry_seconds``. A burst takes its time, and arrives whole::

    talker = Bot("talker")


    @talker.on_channel_message(text="count")
    async def count(message: ChannelMessage, ctx: Context) -> None:
        for number in range(150):
            await ctx.channel.send(str(number))


    async def test_a_burst_arrives(autojump_clock: MockClock) -> None:
        async with open_world(talker) as world:
            ann = await world.user("ann", channel="lobby")
            await ann.say("count")
            heard = await ann.heard(ChannelMessage, seconds=5)
            assert [said.text for said in heard if said.account == "talker"] == [str(number) for number in range(150)]

``outgoing`` in a configuration has its bounds: how many messages of an account may wait in a lane (then a further one
raises ``OutgoingQueueFull``), for how long to send again; ``governor: false`` lets all out as it comes. With
``store.url`` effects are kept on disk, each with the handler and the event that it came from; ``effects`` says how
many, and how much of their texts::

    store: {url: "sqlite:///var/botkit.db"}
    outgoing: {queue: 4096, retry_seconds: 30}
    effects: {keep: 100000, text: hash}

What came of which event, by channel, account, bot, text or id::

    botkit trace var/botkit.db --channel lobby --text "hello, ann"

An effect passes, in this order: the observer numbers it and learns what becomes of it; a dry run holds it back; the
governor lets it wait for its turn; it goes out as a request. A session without a ``Gate`` of its own has none of these,
and pays a function call for that.
"""

from typing import Generic, Literal, Protocol, TypeAlias

import trio
from msgspec import Struct

from botkit.errors import ErrorCode, SignalingError
from botkit.events import ChannelMessage, Event
from botkit.signaling.effects import Effect, Lane, SendToChannel
from botkit.signaling.governed import Governed
from botkit.signaling.governor import Governor
from botkit.signaling.pending import OnAnswer, ReplyT
from botkit.signaling.requests import Asked, Requests
from botkit.types import Account
from botkit.wire.replies import Failure, Ok

Fate: TypeAlias = Literal["done", "dry", "failed", "unanswered", "cancelled"]
"""``dry``: held back by a dry run. ``failed``: refused, or never sent. ``unanswered``: it may have been carried out.
``cancelled``: whoever asked for it gave up; it may have been carried out."""


class Outcome(Struct, frozen=True):
    """What became of an effect, with the vendor's code and the words where it failed."""

    fate: Fate
    code: int = 0
    reason: str = ""


DONE, DRY, CANCELLED = Outcome("done"), Outcome("dry"), Outcome("cancelled")


class Following(Protocol):
    """Follows one effect. Called in passing: it must neither wait nor raise."""

    def ended(self, outcome: Outcome) -> None:
        """What became of it. An answer that comes after all, late, ends it a second time."""
        ...

    def delivered(self, message_id: int) -> None:
        """It was a message to a channel, and the session has heard it there, under this number of the channel's."""
        ...


class EffectObserver(Protocol):
    """Follows the effects of sessions. Called in passing: it must neither wait nor raise."""

    def begun(self, account: Account, effect: Effect) -> Following:
        """The session of ``account`` is about to do this; who follows it from now on."""
        ...


class Gate(Struct, frozen=True, kw_only=True):
    """What the effects of a session pass; with nothing set they go straight to the gateway."""

    observer: EffectObserver | None = None
    governor: Governor | None = None
    """Lets messages wait for the service's limits; shared by all sessions of an app in a process."""
    dry_run: bool = False
    """Hold back what others would notice, and answer as if it were done.

    What is done all the same is what a session needs to hear: log in and out, join and leave, ask. An invitation makes
    a call that fails at once, as if nobody answered (704); a call that is accepted is connected on this side alone,
    and ends when this side ends it or the caller gives up; an attribute that is set keeps the value that it has.
    """


OPEN = Gate()
"""The gate that holds nothing up, and that nobody watches."""


class _Story(Generic[ReplyT]):
    """What the observer is told about one effect: its answer, or else how it was given up."""

    __slots__ = ("_following", "_on_answer", "_over")

    def __init__(self, following: Following, on_answer: OnAnswer[ReplyT] | None) -> None:
        self._following, self._on_answer = following, on_answer
        self._over = False

    def answer(self, answer: ReplyT | Failure | None) -> None:
        """The answer is there, or there will be none."""
        self._over = True
        self._following.ended(_outcome(answer))
        if self._on_answer is not None:
            self._on_answer(answer)

    def give_up(self, outcome: Outcome) -> None:
        """Whoever asked for it waits no more."""
        if not self._over:
            self._following.ended(outcome)


class Outgoing:
    """One session's gate."""

    def __init__(self, account: Account, requests: Requests, gate: Gate) -> None:
        self._account, self._requests = account, requests
        self._observer, self.dry_run = gate.observer, gate.dry_run
        governor = None if gate.dry_run else gate.governor
        self._unheard: dict[Following, SendToChannel] = {}  # what is under way to the session's own channel
        self._governed = None if governor is None else Governed(governor, account, requests)

    @property
    def listens(self) -> bool:
        """Whether it has to hear what happens in the session's channel."""
        return self._governed is not None or self._observer is not None

    def heard(self, event: Event) -> None:
        """Something happened in the session's channel."""
        if self._unheard and isinstance(event, ChannelMessage) and event.account == self._account:
            self._hear_own(event)
        if self._governed is not None:
            self._governed.heard(event)

    def end(self) -> None:
        """The session is over: what waits for its turn fails. Twice is fine."""
        if self._governed is not None:
            self._governed.end()

    async def act(
        self,
        effect: Effect,
        reply_type: type[ReplyT],
        on_answer: OnAnswer[ReplyT] | None = None,
        *,
        lane: Lane = Lane.CHAT,
    ) -> ReplyT:
        """Carry an effect out: the gateway's answer, within ``request_timeout`` from when it goes out.

        Raises like ``Requests.ask``, and ``OutgoingQueueFull``. A cancel takes back what has not gone out; after that
        ``on_answer`` still gets the answer.
        """
        if self.dry_run and not effect.when_dry:
            return await self._pretend(effect, reply_type, on_answer)
        if self._observer is None:
            return await self._carry_out(effect, reply_type, on_answer, lane)
        following = self._observer.begun(self._account, effect)
        story: _Story[ReplyT] = _Story(following, on_answer)
        if isinstance(effect, SendToChannel):
            self._unheard[following] = effect
        try:
            return await self._carry_out(effect, reply_type, story.answer, lane)
        except SignalingError as error:
            story.give_up(_outcome_of(error))
            raise
        except BaseException:
            story.give_up(CANCELLED)
            raise
        finally:
            self._unheard.pop(following, None)

    def post(self, effect: Effect) -> Asked[Ok] | None:
        """Carry an effect out without waiting; ``finish`` is there for who wants to know how it went.

        None while there is no connection, and in a dry run. See ``Requests.post``.
        """
        if self.dry_run and not effect.when_dry:
            self._tell_dry(effect)
            return None
        if self._observer is None:
            return self._requests.post(effect.request())
        story: _Story[Ok] = _Story(self._observer.begun(self._account, effect), None)
        return self._requests.post(effect.request(), story.answer)

    async def finish(self, asked: Asked[Ok]) -> Ok:
        """The answer to what ``post`` sent; raises and cancels like ``act``."""
        return await self._requests.finish(asked)

    async def _carry_out(
        self, effect: Effect, reply_type: type[ReplyT], on_answer: OnAnswer[ReplyT] | None, lane: Lane
    ) -> ReplyT:
        limits = None if self._governed is None else self._governed.limits_of(effect)
        if self._governed is not None and limits is not None:
            return await self._governed.ask(effect.request(), limits, lane, reply_type=reply_type, on_answer=on_answer)
        return await self._requests.ask(effect.request(), reply_type, on_answer)

    async def _pretend(self, effect: Effect, reply_type: type[ReplyT], on_answer: OnAnswer[ReplyT] | None) -> ReplyT:
        """Answer as a gateway does that carries it out."""
        await trio.lowlevel.checkpoint()
        self._requests.check_open()
        self._tell_dry(effect)
        answer = effect.dry_answer()
        assert isinstance(answer, reply_type)
        if on_answer is not None:
            on_answer(answer)
        return answer

    def _hear_own(self, message: ChannelMessage) -> None:
        """The gateway tells a message before it answers its sender: the first one of this text is the one."""
        for following, effect in self._unheard.items():
            if (effect.channel, effect.text) == (message.channel, message.text):
                del self._unheard[following]
                following.delivered(message.message_id)
                return

    def _tell_dry(self, effect: Effect) -> None:
        if self._observer is not None:
            self._observer.begun(self._account, effect).ended(DRY)


def _outcome(answer: Ok | Failure | None) -> Outcome:
    match answer:
        case None:
            return Outcome("unanswered", reason="the connection was lost")
        case Failure(code=code, reason=reason):
            return Outcome("failed", code, reason)
        case _:
            return DONE


_UNANSWERED = frozenset({ErrorCode.SENDMESSAGE_E_TIMEOUT, ErrorCode.INVITE_E_NET, ErrorCode.GENERAL_E_UNKNOWN})


def _outcome_of(error: SignalingError) -> Outcome:
    fate: Fate = "unanswered" if error.code in _UNANSWERED else "failed"
    return Outcome(fate, int(error.code), error.reason)
