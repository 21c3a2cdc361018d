"""Replies: every shape survives the trip, failures come in both forms, nonsense is a ``ProtocolError``."""

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.errors import ErrorCode, ProtocolError
from botkit.wire import replies as r
from botkit.wire.frames import CallResultBody, encode

numbers = st.integers(-(2**53), 2**53)
members = st.lists(st.tuples(st.text(), numbers), max_size=5).map(tuple)
replies: st.SearchStrategy[r.Ok] = st.one_of(
    st.just(r.OK),
    st.builds(r.Messages, ver_clear=numbers, msgs=members.map(lambda pairs: tuple((n, text) for text, n in pairs))),
    st.builds(r.Joined, members=members, attributes=st.dictionaries(st.text(), st.text(), max_size=4)),
    st.builds(r.Count, num=numbers),
    st.builds(r.IsIn, isin=st.sampled_from([0, 1])),
    st.builds(r.Users, num=numbers, members=members),
    st.builds(r.Status, status=st.sampled_from([0, 1])),
    st.builds(r.UserAttribute, account=st.text(), name=st.text(), value=st.text()),
    st.builds(r.UserAttributes, account=st.text(), json=st.text()),
)


@given(replies, st.integers(0, 9) | st.text())
def test_replies_survive_the_trip(reply: r.Ok, call_id: int | str) -> None:
    body = r.encode_reply(call_id, reply).body
    assert (body.call_id, type(body.call_id), body.error) == (call_id, type(call_id), "")
    assert r.decode_reply(body, type(reply)) == reply


@given(st.sampled_from(ErrorCode), st.text())
def test_failures_survive_the_trip(code: ErrorCode, reason: str) -> None:
    refused = r.failure(code, reason)
    assert r.decode_reply(r.encode_reply(1, refused).body, r.Joined) == refused


@pytest.mark.row("W06")
def test_a_failure_has_what_every_vendor_client_looks_for() -> None:
    body = r.encode_reply(1, r.failure(ErrorCode.SENDMESSAGE_E_OTHER, "not a member")).body
    assert body.error == ""
    assert json.loads(body.result) == {
        "result": "failed",
        "reason": "not a member",
        "data": {"result": "not a member"},
        "code": 400,
    }


def test_the_other_form_of_a_failure_is_read_as_well() -> None:
    assert r.decode_reply(CallResultBody(1, "no such user", "{}"), r.Ok) == r.failure(
        ErrorCode.GENERAL_E_FAILED, "no such user"
    )


@given(st.text(alphabet=st.characters()))
@example('{"result":"ok"}')
@example('{"result":"ok","ver_clear":1,"msgs":[[1]]}')
@example('{"result":"failed","code":"x"}')
def test_any_other_text_is_refused_as_such(text: str) -> None:
    for reply_type in (r.Messages, r.Joined, r.Users, r.UserAttribute):
        with pytest.raises(ProtocolError):
            r.decode_reply(CallResultBody(1, "", text), reply_type)


@given(st.dictionaries(st.text(), st.text()))
def test_user_attributes_survive_the_trip(attributes: dict[str, str]) -> None:
    assert r.decode_attributes(r.encode_attributes(attributes)) == attributes


@pytest.mark.parametrize("text", ["", "[]", '{"a":1}', '{"a":"\ud800"}'])
def test_attributes_that_are_no_map_of_texts_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        r.decode_attributes(text)


letters = st.text(st.sampled_from('a"\\\x01/é日🎺'), max_size=8)


@given(letters, st.integers(0, 3))
def test_nested_size_is_what_a_text_takes(text: str, depth: int) -> None:
    frame = {"text": text}
    without = {"text": ""}
    encoded, empty = (msgspec.json.encode(value) for value in (frame, without))
    for _ in range(depth):
        encoded, empty = (msgspec.json.encode(value.decode()) for value in (encoded, empty))
    quotes = len(msgspec.json.encode("")) if not depth else r.nested_size("", depth)
    assert len(encoded) - len(empty) == r.nested_size(text, depth) - quotes


@given(st.lists(st.tuples(letters, numbers), max_size=20).map(tuple), st.integers(0, 400))
def test_fitting_takes_as_many_as_there_is_room_for(items: tuple[tuple[str, int], ...], most: int) -> None:
    def size(count: int) -> int:
        empty, some = (len(encode(r.encode_reply(1, r.Users(num=1, members=m)))) for m in ((), items[:count]))
        return some - empty + len("[]")

    taken = r.fitting(items, most)
    assert taken == items[: len(taken)]
    assert size(len(taken)) <= most or len(taken) <= 1
    if len(taken) < len(items):
        assert size(len(taken) + 1) > most
