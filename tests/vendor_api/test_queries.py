"""How many are in a channel (M07, C17), and the remote calls by name (W03)."""

import pytest
from trio.testing import MockClock

from botkit.signaling.vendor import ChannelCallback, LoginSession, Signal, UserAttrCallback
from botkit.types import JsonObject
from tests.vendor_api.lines import Lines
from tests.vendor_api.overload import open_overloadable
from tests.vendor_api.people import Person, Recorder, log_in


@pytest.mark.row("M07", "C17")
async def test_counting_members(wired_signal: Signal) -> None:
    people = [await log_in(wired_signal, f"user-{number}") for number in range(3)]
    asking = people[0]
    for count, person in enumerate(people):
        for name, wanted in (("room", count), ("\u96ea" * 42 + "ab", 0)):
            asking.session.channelQueryUserNum(name, asking.heard)
            assert await asking.heard.next("onChannelQueryUserNum") == ("", wanted)
        await person.join("room")
    for count, person in zip((3, 2, 1, 0), [*people, people[0]], strict=True):
        wired_signal.channelQueryUserNum("room", asking.heard)
        assert await asking.heard.next("onChannelQueryUserNum") == ("", count)
        person.session.logout()
        await person.heard.next("onLogout")
        if count == 3:
            break
    other = people[1]
    other.session.channelQueryUserNum("room", other.heard)
    assert await other.heard.next("onChannelQueryUserNum") == ("", 2)


class _AsDeclared(UserAttrCallback):
    def __init__(self, heard: Recorder) -> None:
        self.heard = heard

    def onChannelQueryUserNum(self, session: LoginSession, err: str, num: int) -> None:
        self.heard.note("declared", (session, err, num))


class _AsDocumented(ChannelCallback):
    def __init__(self, heard: Recorder) -> None:
        self.heard = heard

    def onChannelQueryUserNum(self, session: LoginSession, err: str, num: int) -> None:
        self.heard.note("documented", (session, err, num))


@pytest.mark.row("M07", "C17")
async def test_either_class_of_callback_is_told(wired_signal: Signal) -> None:
    ann = await log_in(wired_signal, "ann")
    for callback, name in ((_AsDeclared(ann.heard), "declared"), (_AsDocumented(ann.heard), "documented")):
        wired_signal.channelQueryUserNum("room", callback)
        assert await ann.heard.next(name) == ("", 0)
    assert ann.heard.sessions == {ann.session}


@pytest.mark.row("M07", "C17")
async def test_a_query_that_fails(autojump_clock: MockClock) -> None:
    async with open_overloadable() as (world, overload):
        lines = Lines(world.gateway.connector)
        async with world.over(lines) as signal:
            ann = await log_in(signal, "ann")
            assert await _ask(ann, "c" * 129) == ("1005", 0)
            await overload.begin()
            assert await _ask(ann, "room") == ("500", 0)
            overload.end()
            assert await _ask(ann, "room") == ("", 0)
            lines.silent = True
            assert await _ask(ann, "room") == ("501", 0)


async def _ask(person: Person, channel: str) -> tuple[str, object]:
    person.session.channelQueryUserNum(channel, person.heard)
    err, num = await person.heard.next("onChannelQueryUserNum")
    return str(err).partition(" ")[0], num


@pytest.mark.row("W03", "W04")
async def test_remote_calls_by_name(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    await bob.join("room")

    def answered(err: str, ret: JsonObject) -> None:
        ann.heard.note("invoked", (err, ret))

    async def invoke(function: str, **req: str) -> tuple[object, ...]:
        ann.session.invoke(f"io.agora.signal.{function}", {**req}, answered)
        return await ann.heard.next("invoked")

    assert await invoke("user_query_user_status", account="bob") == ("", {"result": "ok", "status": 1})
    assert await invoke("user_query_user_status", account="carol") == ("", {"result": "ok", "status": 0})
    assert await invoke("channel_query_num", name="room") == ("", {"result": "ok", "num": 1})
    err, ret = await invoke("no_such_function")
    assert err
    assert isinstance(ret, dict)
    assert ret["result"] == "failed"
