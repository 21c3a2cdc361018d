"""Frames: every one survives the trip, and whatever else comes in is a ``ProtocolError``, never another exception."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from botkit.errors import ProtocolError
from botkit.wire.frames import (
    Call,
    CallBody,
    CallResult,
    CallResultBody,
    ChannelNotice,
    ClientFrame,
    Close,
    Flags,
    GatewayFrame,
    InboxNotice,
    Kick,
    Login,
    LoginArguments,
    LoginResult,
    LoginResultBody,
    Multi,
    Notify,
    Ping,
    Pong,
    SetFlag,
    decode_client_frame,
    decode_gateway_frame,
    encode,
    join_frames,
    split_frames,
)
from botkit.wire.replies import Joined, decode_reply
from botkit.wire.requests import decode_request

SAFE = 2**53
numbers = st.integers(-SAFE, SAFE)
call_ids = numbers | st.text()
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
json_texts = json_values.map(lambda value: json.dumps(value).encode())

client_frames: st.SearchStrategy[ClientFrame] = st.one_of(
    st.builds(
        Login,
        st.builds(LoginArguments, vid=st.text(), account=st.text(), token=st.text(), device=st.text(), ver=numbers),
    ),
    st.builds(Ping, numbers),
    st.builds(SetFlag, st.builds(Flags, numbers)),
    st.builds(Call, st.builds(CallBody, st.text(), call_ids, json_texts.map(Raw))),
    st.builds(Multi, st.lists(json_texts.map(Raw), max_size=5).map(tuple)),
)
gateway_frames: st.SearchStrategy[GatewayFrame] = st.one_of(
    st.builds(LoginResult, st.builds(LoginResultBody, st.text(), st.text())),
    st.builds(CallResult, st.builds(CallResultBody, call_ids, st.text(), st.text())),
    st.builds(Notify, st.builds(InboxNotice, numbers) | st.builds(ChannelNotice, st.text(), numbers, st.text())),
    st.builds(Pong, numbers),
    st.builds(Kick, st.text()),
    st.builds(Close, st.text()),
    st.builds(Multi, st.lists(json_texts.map(Raw), max_size=5).map(tuple)),
)


def plain(frame: ClientFrame | GatewayFrame) -> object:
    """A frame in a form that can be compared: two ``Raw`` of the same bytes are not equal."""
    if isinstance(frame, Call):
        return frame.body.function, frame.body.call_id, bytes(frame.body.arguments)
    if isinstance(frame, Multi):
        return [bytes(raw) for raw in frame.frames]
    return frame


@given(client_frames)
def test_client_frames_survive_the_trip(frame: ClientFrame) -> None:
    assert plain(decode_client_frame(encode(frame))) == plain(frame)
    assert plain(decode_client_frame(encode(frame).decode())) == plain(frame)


@given(gateway_frames)
def test_gateway_frames_survive_the_trip(frame: GatewayFrame) -> None:
    assert plain(decode_gateway_frame(encode(frame))) == plain(frame)


def answer_like_a_gateway(data: bytes | str) -> None:
    """What a gateway does with anything that comes in: decode it, and echo its number."""
    frame = decode_client_frame(data)
    if isinstance(frame, Multi):
        for inner in frame.frames:
            decode_client_frame(inner)
    elif isinstance(frame, Ping):
        encode(Pong(frame.number))
    elif isinstance(frame, Call):
        encode(CallResult(CallResultBody(frame.body.call_id, "", "{}")))
        decode_request(frame.body)


def read_like_a_client(data: bytes | str) -> None:
    """What a client does with anything that comes in."""
    frame = decode_gateway_frame(data)
    if isinstance(frame, CallResult):
        decode_reply(frame.body, Joined)
    elif isinstance(frame, Multi):
        for inner in frame.frames:
            decode_gateway_frame(inner)


def takes_or_refuses(take: Callable[[bytes | str], None], data: bytes | str) -> None:
    """Any exception but ``ProtocolError`` fails the test; the text must name a place."""
    refusal: ProtocolError | None = None
    try:
        take(data)
    except ProtocolError as error:
        refusal = error
    assert refusal is None or (refusal.field and refusal.problem)


@st.composite
def mutated(draw: st.DrawFn, frames: st.SearchStrategy[ClientFrame] | st.SearchStrategy[GatewayFrame]) -> bytes:
    """A good frame with a few bytes replaced, removed, doubled or put in."""
    data = bytearray(encode(draw(frames)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(start + 8, len(data))))
        data[start:stop] = draw(st.binary(max_size=8) | st.just(bytes(data[start:stop]) * 2))
    return bytes(data)


@settings(max_examples=400)
@given(st.binary() | mutated(client_frames))
@example(b"")
@example(b"[")
@example(b'["ping",' + b"9" * 400 + b"]")
@example(b'["call2",["user_getmsg",' + b"9" * 400 + b",{}]]")
@example(b'["call2",["user_getmsg",1,' + b"[" * 100_000 + b"]]")
@example(b'["call2",["channel_join",1,{"name":"\xff"}]]')
@example(b'["login",{"vid":"a","account":"\\ud800","token":""}]')
def test_a_gateway_takes_or_refuses_any_bytes(data: bytes) -> None:
    takes_or_refuses(answer_like_a_gateway, data)


@settings(max_examples=400)
@given(st.binary() | mutated(gateway_frames))
@example(b'["notify",["msg",' + b"9" * 5000 + b"]]")
@example(b'["multi",[[[[[]]]], 1, {}]]')
def test_a_client_takes_or_refuses_any_bytes(data: bytes) -> None:
    takes_or_refuses(read_like_a_client, data)


@given(st.text(alphabet=st.characters()))
@example('["kick","\ud800"]')
def test_text_frames_with_lone_surrogates_are_refused_too(text: str) -> None:
    takes_or_refuses(answer_like_a_gateway, text)
    takes_or_refuses(read_like_a_client, text)


@given(json_texts)
def test_any_json_that_is_no_frame_is_refused(data: bytes) -> None:
    takes_or_refuses(answer_like_a_gateway, data)
    takes_or_refuses(read_like_a_client, data)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"ping":1}', "frame"),
        (b'["fly",1]', "$[0]"),
        (b'["ping"]', "frame"),
        (b'["ping","1"]', "$[1]"),
        (b'["ping",%d]' % (SAFE + 1), "$[1]"),
        (b'["login",{"vid":"a","account":7,"token":""}]', "$[1].account"),
        (b'["login",{"vid":"a","account":"ann"}]', "$[1]"),
        (b'["call2",["user_getmsg",true,{}]]', "$[1][1]"),
        (b'["call2",["user_getmsg",1]]', "$[1]"),
    ],
)
def test_a_refused_frame_names_the_place(data: bytes, field: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_client_frame(data)
    assert caught.value.field == field


@pytest.mark.row("W06")
@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (Ping(7), '["ping",7]'),
        (SetFlag(Flags(1)), '["set_flag",{"binary":1}]'),
        (Call(CallBody("user_logout", 3, Raw(b'{"line":"L"}'))), '["call2",["user_logout",3,{"line":"L"}]]'),
        (LoginResult(LoginResultBody("", '{"result":"ok"}')), r'["login_ret",["","{\"result\":\"ok\"}"]]'),
        (CallResult(CallResultBody("3", "", "{}")), '["call2-ret",["3","","{}"]]'),
        (Notify(InboxNotice(4)), '["notify",["msg",4]]'),
        (Notify(ChannelNotice("a b", 5, "msg-v2 …")), '["notify",["channel2","a b",5,"msg-v2 …"]]'),
        (Pong(7), '["pong",7]'),
        (Kick("x"), '["kick","x"]'),
        (Close("x"), '["close","x"]'),
        (Multi((Raw(b'["pong",1]'),)), '["multi",[["pong",1]]]'),
    ],
)
def test_frames_look_as_the_vendor_wrote_them(frame: ClientFrame | GatewayFrame, text: str) -> None:
    assert encode(frame).decode() == text


def test_a_message_is_split_into_its_frames() -> None:
    inner = [encode(Pong(1)), encode(Kick("ä")), encode(Pong(2))]
    assert split_frames(join_frames(inner)) == inner
    assert split_frames(join_frames(inner).decode()) == inner
    for other in (inner[0], '["pong",1]', b'["multi",[1', b"", '["multi",["\ud800"'):
        assert split_frames(other) == (other,)
