"""Plays scripted callers against a flow: on a gateway in memory, in virtual time, without a network."""

import secrets
from collections.abc import Sequence
from functools import partial

import structlog
import trio
from msgspec import Struct, json
from structlog.typing import EventDict, WrappedLogger
from trio.testing import MockClock

from botkit import (
    Bot,
    BotPlacement,
    CallInvited,
    InstantMessage,
    InviteFailed,
    InviteRefused,
    SignalingError,
    filters,
    open_database,
)
from botkit.testing import User, World, open_world
from bots.call_agent.flow.flows import Flow
from bots.call_agent.records import SCHEMA, CallRecord, CallRecords
from bots.call_agent.scripts import (
    AGENT,
    Caller,
    Deed,
    HangUp,
    Hear,
    Human,
    IsEnded,
    IsRefused,
    Press,
    Script,
    Wait,
)
from bots.call_agent.settings import CallAgentSettings

LONGEST = 86_400.0
"""Virtual seconds that one rehearsal may take."""


class Part(Struct, frozen=True, kw_only=True):
    """How it went for one caller: ``problem`` is empty when all was as written; ``record`` is that of the call."""

    caller: str
    problem: str
    record: CallRecord | None


class _WrongPart(Exception):
    """Something was not as it is written."""


def rehearse(bot: Bot, flow: Flow, script: Script) -> list[Part]:
    """Play a script, and say how it went for each caller. Not for use inside of trio."""
    config = structlog.get_config()
    structlog.configure(processors=[_drop])
    try:
        return trio.run(_rehearse, bot, flow, script, clock=MockClock(autojump_threshold=0))
    finally:
        structlog.configure(**config)


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    """The result is the table; what the bot logs meanwhile would be in its way."""
    raise structlog.DropEvent


async def _rehearse(bot: Bot, flow: Flow, script: Script) -> list[Part]:
    database = f"sqlite://rehearsal_{secrets.token_hex(8)}"
    settings = CallAgentSettings(flow=flow, max_calls=script.max_calls, database=database)
    placement = BotPlacement(bot=bot, account=AGENT, settings=settings)
    problems: dict[str, str] = {}
    async with open_database(database, SCHEMA) as opened, open_world(placement) as world:
        with trio.move_on_after(LONGEST):
            async with trio.open_nursery() as nursery:
                for name, human in script.humans.items():
                    nursery.start_soon(_be_there, await world.user(name), human)
                async with trio.open_nursery() as callers:
                    for caller in script.callers:
                        callers.start_soon(partial(_play, world, caller, problems))
                nursery.cancel_scope.cancel()
        await trio.sleep(5)  # the agent writes its records
        records = await CallRecords(opened).latest(limit=1_000)
    return [_part(caller, problems.get(caller.caller, "did not come to its end"), records) for caller in script.callers]


def _part(caller: Caller, problem: str, records: Sequence[CallRecord]) -> Part:
    record = next((record for record in records if record.peer == caller.caller), None)
    if not problem and record is None:
        problem = "the call has no record"
    if not problem and record is not None:
        problem = _difference(caller, record)
    return Part(caller=caller.caller, problem=problem, record=record)


def _difference(caller: Caller, record: CallRecord) -> str:
    for name in ("outcome", "digits", "human"):
        wanted, found = getattr(caller, name), getattr(record, name)
        if wanted is not None and wanted != found:
            return f"{name} is {found!r}, not {wanted!r}"
    return ""


async def _play(world: World, caller: Caller, problems: dict[str, str]) -> None:
    await trio.sleep(caller.at_seconds)
    async with world.visitor(caller.caller) as user:
        try:
            await _call(user, caller)
        except _WrongPart as wrong:
            problems[caller.caller] = str(wrong)
        except SignalingError as error:
            problems[caller.caller] = f"the service refuses: {error}"
        else:
            problems[caller.caller] = ""


async def _call(user: User, caller: Caller) -> None:
    extra = json.encode(caller.extra).decode() if caller.extra else ""
    call = await user.call(AGENT, channel=caller.channel or f"call-{caller.caller}", extra=extra)
    refusal = next((step for step in caller.steps if isinstance(step, IsRefused)), None)
    try:
        await user.wait_answered(within=60)
    except InviteRefused as error:
        if refusal is None or json.decode(error.extra) != {"reason": refusal.reason}:
            raise _WrongPart(f"the call is refused: {error.extra}") from None
        return
    except (InviteFailed, AssertionError) as error:
        raise _WrongPart(f"the call is not answered: {error}") from None
    if refusal is not None:
        raise _WrongPart("the call is taken, and should be refused")
    for number, step in enumerate(caller.steps, 1):
        try:
            await _do(user, step)
        except _WrongPart as wrong:
            raise _WrongPart(f"step {number}: {wrong}") from None
    if not call.state.terminal:
        await user.hang_up()


async def _do(user: User, step: Deed) -> None:
    match step:
        case Hear(text=text, within=within):
            await _hear(user, text, within)
        case Press(digits=digits, every_seconds=0):
            await user.press(digits)
        case Press(digits=digits, every_seconds=pause):
            for digit in digits:
                await user.press(digit)
                await trio.sleep(pause)
        case Wait(seconds=seconds):
            await trio.sleep(seconds)
        case HangUp():
            await user.hang_up()
        case IsEnded(within=within):
            try:
                await user.wait_hung_up(within=within)
            except AssertionError:
                raise _WrongPart(f"the call was not ended within {within:g} s") from None
        case IsRefused():
            pass  # looked at before


async def _hear(user: User, text: str, within: float) -> None:
    try:
        await user.expect(InstantMessage, filters.text.glob(text), within=within)
    except AssertionError:
        heard = [message.text for message in await user.heard(InstantMessage, seconds=0)]
        said = ", ".join(map(repr, heard)) or "nothing"
        raise _WrongPart(f"{text!r} was not heard within {within:g} s, but {said}") from None


async def _be_there(user: User, human: Human) -> None:
    """Do with each invitation what is written."""
    while True:
        invited = await user.expect(CallInvited, within=LONGEST)
        call = user.session.call(invited.call)
        await trio.sleep(human.after_seconds)
        if call is None:
            continue
        try:
            if human.answer == "refuse":
                await call.refuse()
            elif human.answer == "accept":
                await call.accept()
                if human.press:
                    await call.press(human.press)
                with trio.move_on_after(human.stay_seconds):
                    await call.wait_ended()
                await call.end()
        except SignalingError:
            pass  # the caller was faster, and is gone
