"""The vendor's page, signature by signature: names, numbers of parameters, who makes what (P01, P04)."""

import inspect
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
import trio

from botkit import errors, events, signaling
from botkit.signaling import vendor
from botkit.signaling.vendor import (
    Call,
    CallCallback,
    Channel,
    ChannelCallback,
    LoginCallback,
    LoginSession,
    MessageCallback,
    Signal,
    UserAttrCallback,
)
from botkit.signaling.vendor.names import camel_name, snake_name
from botkit.types import JsonObject
from tests.vendor_api.people import log_in

PAGE = """
Signal(appid) setDoLog(doLog) login(account, token, cb) userSetAttr(name, value, cb) userGetAttr(account, name, cb)
userGetAttrAll(account, cb) channelQueryUserNum(name, cb) getStatus()
logout() messageInstantSend(account, msg, cb) messageInstantSend(account, msg, ttl, cb)
channelInviteUser2(channel, peer, extra, cb) channelJoin(name, cb)
channelLeave() channelSetAttr(name, value) channelDelAttr(name) channelClearAttr() messageChannelSend(msg)
channelInviteAccept() channelInviteAccept(extra) channelInviteRefuse() channelInviteRefuse(extra) channelInviteEnd()
channelInviteEnd(extra)
onUserGetAttr(err, ret) onUserGetAttrAll(err, ret) onUserSetAttr(err, ret)
onLoginSuccess(session, uid) onLogout(session, ecode) onLoginFailed(session, ecode)
onMessageInstantReceive(session, account, uid, msg) onInviteReceived(session, call) onError(session, ecode, reason)
onChannelJoined(session, channel) onChannelJoinFailed(session, channel, ecode)
onChannelLeaved(session, channel, ecode) onChannelUserJoined(session, channel, account, uid)
onChannelUserLeaved(session, channel, account, uid) onChannelUserList(session, channel, users, uids)
onChannelAttrUpdated(session, channel, name, value, type) onChannelQueryUserNum(session, err, num)
onMessageChannelReceive(session, channel, account, uid, msg)
onMessageSendSuccess(session) onMessageSendError(session, ecode)
onInviteReceivedByPeer(session, call) onInviteAcceptedByPeer(session, call, extra)
onInviteRefusedByPeer(session, call, extra) onInviteFailed(session, call, ecode) onInviteEndByPeer(session, call, extra)
onInviteEndByMyself(session, call, extra) onInviteMsg(session, call, extra)
"""
"""What the page declares."""

TYPES: list[type] = [
    Signal,
    LoginSession,
    Channel,
    Call,
    MessageCallback,
    LoginCallback,
    CallCallback,
    ChannelCallback,
    UserAttrCallback,
]


class Row(NamedTuple):
    """A row of the table in the package's docstring."""

    owner: str
    name: str
    parameters: tuple[str, ...]
    ours: list[str]

    @property
    def signature(self) -> str:
        """As the page has it."""
        return f"{self.name}({', '.join(self.parameters)})"


def _rows() -> list[Row]:
    """The table's rows; a line that begins with blanks goes on with the one before."""
    table = (vendor.__doc__ or "").split(f"\n{'=' * 80}")[2].replace("\n ", " ")
    found = re.findall(r"^``(?:(\w+)\.)?(\w+)\((.*?)\)``\s+(``.+``)$", table, re.MULTILINE)
    return [
        Row(owner, name, tuple(filter(None, parameters.split(", "))), re.findall(r"``([\w.]+)``", ours))
        for owner, name, parameters, ours in found
    ]


ROWS = _rows()
IDS = [row.signature for row in ROWS]


@pytest.mark.row("P04")
def test_the_table_has_every_signature_of_the_page_once() -> None:
    assert sorted(row.signature for row in ROWS) == sorted(re.findall(r"\w+\([^)]*\)", PAGE))
    assert len(ROWS) == 51


@pytest.mark.row("P04")
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_vendors_name_is_there_with_the_same_number_of_parameters(row: Row) -> None:
    names = [row.name] if row.name == "Signal" else [row.name, snake_name(row.name)]
    wanted = {len(other.parameters) for other in ROWS if other.name == row.name}
    for name in names:
        function = Signal if name == "Signal" else getattr(getattr(vendor, row.owner), name)
        assert _arities(function, bound=name == "Signal") == wanted


def _arities(function: Callable[..., object], *, bound: bool) -> set[int]:
    """With how many parameters it can be called, besides the object itself."""
    signature = inspect.signature(function)
    most = len(signature.parameters)
    return {count - (not bound) for count in range(most + 1) if _binds(signature, count)}


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


@pytest.mark.row("P04")
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_ours_is_there(row: Row) -> None:
    assert row.ours
    for ours in row.ours:
        first, _, rest = ours.partition(".")
        holder = {"events": events, "errors": errors}.get(first)
        target: object = getattr(signaling, first) if holder is None else getattr(holder, rest)
        if holder is None and rest:
            target = getattr(target, rest)
        assert target is not None


@pytest.mark.row("P04")
def test_the_two_spellings() -> None:
    assert snake_name("channelInviteUser2") == "channel_invite_user2"
    assert camel_name("on_login_success") == "onLoginSuccess"
    for row in ROWS[1:]:
        assert camel_name(snake_name(row.name)) == row.name


@pytest.mark.row("P01")
async def test_each_type_is_made_by_its_parent_only(wired_signal: Signal) -> None:
    assert sorted(kind.__name__ for kind in TYPES) == sorted(
        set(vendor.__all__) - {"open_signal", "UserGetAttrCallback"}
    )
    for made in (LoginSession, Channel, Call):
        with pytest.raises(TypeError):
            made()  # type: ignore[call-arg]
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    assert type(ann.session) is LoginSession
    assert type(ann.session.channelJoin("room", ann.heard)) is Channel
    outgoing, incoming = await ann.invite(bob)
    assert type(outgoing) is type(incoming) is Call


class _Attributes(vendor.UserGetAttrCallback):
    """Declared as the page has it for ``userGetAttrAll``."""

    def __init__(self) -> None:
        self.answers: list[JsonObject] = []

    def onUserGetAttrAll(self, err: str, ret: JsonObject) -> None:
        assert err == ""
        self.answers.append(ret)


@pytest.mark.row("0.14", "M06")
async def test_the_other_name_of_a_callback_class(wired_signal: Signal) -> None:
    assert vendor.UserGetAttrCallback is UserAttrCallback
    ann = await log_in(wired_signal, "ann")
    wired_signal.userSetAttr("mood", "good", ann.heard)
    await ann.heard.next("onUserSetAttr")
    attributes = _Attributes()
    wired_signal.userGetAttrAll("ann", attributes)
    wired_signal.userGetAttrAll("ann", ann.heard)
    await ann.heard.next("onUserGetAttrAll")
    assert attributes.answers == [{"result": "ok", "account": "ann", "json": {"mood": "good"}}]


class _Python(LoginCallback):
    """Overrides under Python's names, one of them async."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.done = trio.Event()

    async def on_login_success(self, session: LoginSession, uid: int) -> None:
        await trio.lowlevel.checkpoint()
        self.heard.append("in")

    def on_logout(self, session: LoginSession, ecode: int) -> None:
        self.heard.append("out")
        self.done.set()


class _Page(LoginCallback):
    """Overrides under the page's names."""

    def onLoginSuccess(self, session: LoginSession, uid: int) -> None:
        session.logout()


class _Both(_Page, _Python):
    """The one that comes first counts, under either name."""


@pytest.mark.row("P04")
@pytest.mark.parametrize(("kind", "heard"), [(_Python, ["in", "out"]), (_Both, ["out"])])
async def test_callbacks_may_be_overridden_under_either_name(
    wired_signal: Signal, kind: type[_Python], heard: list[str]
) -> None:
    callback = kind()
    session = wired_signal.login("ann", "_no_need_token", callback)
    if kind is _Python:
        await log_in(wired_signal, "bob")
        while not callback.heard:
            await trio.lowlevel.checkpoint()
        session.logout()
    await callback.done.wait()
    assert callback.heard == heard
