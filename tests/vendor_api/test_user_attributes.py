"""Attributes of users (M04, M05, M06, C01, C02, C03)."""

import pytest
from trio.testing import MockClock

from botkit.signaling.vendor import Signal
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import Person, Recorder, World, log_in


async def _set(person: Person, name: str, value: str) -> tuple[object, ...]:
    person.session.userSetAttr(name, value, person.heard)
    return await person.heard.next("onUserSetAttr")


async def _get(person: Person, account: str, name: str) -> tuple[object, ...]:
    person.session.userGetAttr(account, name, person.heard)
    return await person.heard.next("onUserGetAttr")


async def _get_all(person: Person, account: str) -> tuple[object, ...]:
    person.session.userGetAttrAll(account, person.heard)
    return await person.heard.next("onUserGetAttrAll")


OK = ("", {"result": "ok", "reason": ""})


@pytest.mark.row("M04", "C03", "M05", "C01")
@pytest.mark.parametrize(
    ("name", "value"),
    [("n", ""), ("n" * 128, "v" * 1024), ("\u96ea" * 42 + "ab", "\U0001f600" * 256), ("with blank", '\u2028"\\\0')],
)
async def test_an_attribute_comes_back_as_it_was_set(wired_signal: Signal, name: str, value: str) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    assert await _set(ann, name, value) == OK
    wanted = ("", {"result": "ok", "account": "ann", "name": name, "value": value})
    for person in (ann, bob):
        assert await _get(person, "ann", name) == wanted


@pytest.mark.row("M04", "C03")
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("n" * 129, "v", 1005),
        ("n", "v" * 1025, 1005),
        ("n", "\u96ea" * 341 + "xx", 1005),
        ("", "v", 1004),
        ("a\nb", "v", 1004),
    ],
)
async def test_an_attribute_that_cannot_be_set(signal: Signal, name: str, value: str, code: int) -> None:
    ann = await log_in(signal, "ann")
    err, ret = await _set(ann, name, value)
    assert str(err).startswith(str(code))
    assert isinstance(ret, dict)
    assert ret == {"result": "failed", "reason": ret["reason"]}
    assert ret["reason"]
    assert await ann.heard.next("onError") == (code, ret["reason"])
    assert await _get_all(ann, "ann") == ("", {"result": "ok", "account": "ann", "json": {}})


@pytest.mark.row("M04", "C03")
async def test_the_gateway_refuses_one_attribute_too_many(wired_signal: Signal) -> None:
    ann = await log_in(wired_signal, "ann")
    for number in range(100):
        assert await _set(ann, f"n{number}", "v") == OK
    err, ret = await _set(ann, "one more", "v")
    assert err
    assert isinstance(ret, dict)
    assert (ret["result"], "100" in str(ret["reason"])) == ("failed", True)
    assert await _set(ann, "n7", "another value") == OK


@pytest.mark.row("M05", "C01")
async def test_an_attribute_that_nobody_has(wired_signal: Signal) -> None:
    ann = await log_in(wired_signal, "ann")
    for account in ("ann", "never seen"[:5]):
        err, ret = await _get(ann, account, "mood")
        assert err
        assert ret == {"result": "failed", "reason": f"{account} has no attribute mood"}
    assert not ann.heard.all("onError")
    for account, name in (("a b", "mood"), ("ann", "n" * 129)):
        err, ret = await _get(ann, account, name)
        assert err
        assert isinstance(ret, dict)
        assert ret["result"] == "failed"


@pytest.mark.row("M05", "M06", "C02")
async def test_all_attributes_also_of_who_is_offline(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    assert await _get_all(bob, "ann") == ("", {"result": "ok", "account": "ann", "json": {}})
    attributes = {"mood": "fine", "\u96ea": "\U0001f600", "empty": ""}
    for name, value in attributes.items():
        assert await _set(ann, name, value) == OK
    assert await _set(ann, "mood", "better") == OK
    ann.session.logout()
    await ann.heard.next("onLogout")
    wanted = {"result": "ok", "account": "ann", "json": {**attributes, "mood": "better"}}
    assert await _get_all(bob, "ann") == ("", wanted)
    assert (await _get(bob, "ann", "mood"))[0] == ""


@pytest.mark.row("M06", "C02")
async def test_all_attributes_of_what_is_no_account(signal: Signal) -> None:
    ann = await log_in(signal, "ann")
    err, ret = await _get_all(ann, "x" * 129)
    assert str(err).startswith("1005")
    assert isinstance(ret, dict)
    assert ret == {"result": "failed", "reason": ret["reason"]}


@pytest.mark.row("M04", "M05", "M06", "C01", "C02", "C03")
async def test_no_answer(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        ann = await log_in(signal, "ann")
        lines.silent = True
        for err, ret in (await _set(ann, "n", "v"), await _get(ann, "ann", "n"), await _get_all(ann, "ann")):
            assert str(err).startswith("1002")
            assert isinstance(ret, dict)
            assert ret["result"] == "failed"


@pytest.mark.row("M04", "M05", "M06")
async def test_a_signal_asks_through_the_session_that_came_last(wired_signal: Signal) -> None:
    heard = Recorder()
    wired_signal.userSetAttr("n", "v", heard)
    err, ret = await heard.next("onUserSetAttr")
    assert (str(err)[:4], ret) == ("1003", {"result": "failed", "reason": "not logged in"})
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    wired_signal.userSetAttr("who", "bob", heard)
    assert await heard.next("onUserSetAttr") == OK
    bob.session.logout()
    await bob.heard.next("onLogout")
    wired_signal.user_set_attr("who", "ann", heard)
    assert await heard.next("onUserSetAttr") == OK
    for account in ("ann", "bob"):
        wired_signal.userGetAttr(account, "who", heard)
        wanted = {"result": "ok", "account": account, "name": "who", "value": account}
        assert await heard.next("onUserGetAttr") == ("", wanted)
        wired_signal.userGetAttrAll(account, heard)
        assert await heard.next("onUserGetAttrAll") == (
            "",
            {"result": "ok", "account": account, "json": {"who": account}},
        )
    assert not ann.heard.all("onUserSetAttr")
