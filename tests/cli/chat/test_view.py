"""Events as lines."""

import pytest

from botkit import events as e
from botkit.cli.chat.view import attribute_lines, member_lines, show
from botkit.errors import ErrorCode
from botkit.types import Account, ChannelName, Uid

ANN, DEN, UID = Account("ann"), ChannelName("den"), Uid(7)


def in_call(kind: type[e.CallEvent], **fields: object) -> e.Event:
    return kind(call=1, channel=DEN, peer=ANN, **fields)


def in_feed(kind: type[e.FeedEvent], **fields: object) -> e.Event:
    return kind(account=ANN, uid=UID, ms=0, epoch="e", seq=1, prev=0, **fields)


def attribute(kind: str) -> e.Event:
    return e.ChannelAttributeUpdated(channel=DEN, account=ANN, name="n", value="v", kind=kind, ms=0)  # type: ignore[arg-type]


SHOWN: list[tuple[e.Event, str]] = [
    (e.LoggedIn(account=ANN, uid=UID), "* logged in as ann (uid 7)"),
    (
        e.LoggedOut(account=ANN, code=ErrorCode.LOGOUT_E_KICKED),
        "* logged out because the same account logged in elsewhere (103)",
    ),
    (e.Reconnecting(account=ANN, attempt=2), "* connection lost; reconnecting, attempt 2"),
    (e.Reconnected(account=ANN, resumed=False, rejoined=DEN), "* reconnected, in den again"),
    (e.Reconnected(account=ANN, resumed=True), "* reconnected"),
    (e.EventsLost(cause="overflow", count=3), "* 3 events are missing: overflow"),
    (e.EventsLost(cause="gap"), "* some events are missing: gap"),
    (e.InstantMessage(account=ANN, uid=UID, text="psst", ms=0), "[ann] psst"),
    (e.ChannelMessage(channel=DEN, account=ANN, uid=UID, text="hi", ms=0, message_id=1), "<ann> hi"),
    (e.ChannelJoined(channel=DEN, members=((ANN, UID),), attributes={}), "* in den, with ann"),
    (e.ChannelJoined(channel=DEN, members=(), attributes={}), "* in den, with nobody"),
    (
        e.ChannelLeft(channel=DEN, code=ErrorCode.LEAVECHANNEL_E_KICKED),
        "* out of den: kicked out of the channel by an administrator (601)",
    ),
    (e.UserJoined(channel=DEN, account=ANN, uid=UID, ms=0), "* ann joined"),
    (e.UserLeft(channel=DEN, account=ANN, uid=UID, ms=0), "* ann left"),
    (attribute("update"), "* ann set n = v"),
    (attribute("del"), "* ann removed n"),
    (attribute("clear"), "* ann removed all attributes"),
    (
        e.MessageHeld(number=1, channel=DEN, account=ANN, uid=UID, text="hi", budget_ms=1500),
        "* held for 1.5 s: <ann> hi",
    ),
    (in_call(e.CallInvited, uid=UID, extra="{}", ms=0), "* ann calls, channel den with {}: /accept or /refuse"),
    (in_call(e.CallRinging), "* it rings at ann"),
    (in_call(e.CallAccepted, extra=""), "* ann accepted the call"),
    (in_call(e.CallRefused, extra='{"why":1}'), '* ann refused the call with {"why":1}'),
    (
        in_call(e.CallFailed, code=ErrorCode.INVITE_E_PEEROFFLINE, extra=""),
        "* the call to ann failed: the invited peer is offline (703)",
    ),
    (in_call(e.CallEnded, by_peer=True, extra=""), "* ann ended the call"),
    (in_call(e.CallEnded, by_peer=False, extra=""), "* you ended the call"),
    (in_call(e.DigitsPressed, digits="12"), "* ann pressed 12"),
    (in_call(e.CallMessageReceived, extra="[1]"), "* ann sent in the call: [1]"),
    (in_feed(e.UserOnline), "* ann is online"),
    (in_feed(e.UserOffline, reason="logout"), "* ann is offline (logout)"),
    (in_feed(e.MemberJoined, channel=DEN), "* ann joined den"),
    (in_feed(e.MemberLeft, channel=DEN, reason="moved"), "* ann left den (moved)"),
]


@pytest.mark.parametrize(("event", "line"), SHOWN)
def test_an_event(event: e.Event, line: str) -> None:
    assert show(event) == line


def test_every_event_has_a_line_of_its_own() -> None:
    kinds = {
        value
        for value in vars(e).values()
        if isinstance(value, type) and issubclass(value, e.Event) and not value.__subclasses__()
    }
    of_bots_alone = {e.ConversationTimedOut, e.CommandRefused}  # no session tells it, so no chat can hear it
    assert {type(event) for event, _ in SHOWN} == kinds - of_bots_alone


def test_what_others_send_cannot_drive_the_terminal() -> None:
    event = e.ChannelMessage(channel=DEN, account=ANN, uid=UID, text="\x1b[2Jgone\r\n\x07é😀", ms=0, message_id=1)
    assert show(event) == "<ann> \\x1b[2Jgone\\r\n    | \\x07é😀"


@pytest.mark.parametrize("lines", [1, 2, 40, 41, 8192])
def test_a_message_has_at_most_forty_lines(lines: int) -> None:
    event = e.InstantMessage(account=ANN, uid=UID, text="\n".join("x" * lines), ms=0)
    first, *rest = show(event).split("\n")
    assert first == "[ann] x"
    assert rest[:38] == ["    | x"] * min(lines - 1, 38)
    assert rest[38:] == (["    | x" + "\\nx" * (lines - 40)] if lines >= 40 else [])


def test_lists() -> None:
    assert member_lines({"bob": 2, "ann": 1}) == ["  ann (uid 1)", "  bob (uid 2)"]
    assert attribute_lines({"b": "2", "a": "1\n"}) == ["  a = 1\\n", "  b = 2"]
    assert attribute_lines({}) == ["  no attributes"]
