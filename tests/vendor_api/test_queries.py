"""How many are in a channel (M07, C17), and the remote calls by name (W03)."""

import pytest
from trio.testing import MockClock

from botkit.signaling.vendor import ChannelCallback, LoginSession, Signal, UserAttrCallback
from botkit.types import JsonObject
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import Recorder, World, log_in


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
async def test_a_query_that_fails(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        ann = await log_in(signal, "ann")
        ann.session.channelQueryUserNum("c" * 129, ann.heard)
        err, num = await ann.heard.next("onChannelQueryUserNum")
        assert (str(err)[:4], num) == ("1005", 0)
        lines.misheard = lambda data: data.replace(b"channel_query_num", b"channel_query_age")
        ann.session.channelQueryUserNum("room", ann.heard)
        err, num = await ann.heard.next("onChannelQueryUserNum")
        assert (str(err)[:3], num) == ("500", 0)
        lines.silent = True
        ann.session.channelQueryUserNum("room", ann.heard)
        err, num = await ann.heard.next("onChannelQueryUserNum")
        assert (str(err)[:3], num) == ("501", 0)


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
