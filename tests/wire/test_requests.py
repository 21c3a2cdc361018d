"""Requests: each function's arguments under the names that the vendor's SDKs use."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from botkit.errors import ProtocolError
from botkit.types import JsonValue
from botkit.wire import requests as r
from botkit.wire.admin import ADMIN_PREFIX
from botkit.wire.frames import CallBody

VENDOR: dict[str, dict[str, JsonValue]] = {
    "user_getmsg": {"ver_clear": 3, "max": 30},
    "user_sendmsg": {"peer": "bob", "flag": "v1:E:3600", "t": "instant", "content": "hi"},
    "user_logout": {},
    "channel_join": {"name": "lobby"},
    "channel_leave": {"name": "lobby"},
    "channel_sendmsg": {"name": "lobby", "msg": "hi", "force": True},
    "channel_set_attr": {"channel": "lobby", "name": "topic", "value": "x"},
    "channel_del_attr": {"channel": "lobby", "name": "topic"},
    "channel_clear_attr": {"channel": "lobby"},
    "channel_query_num": {"name": "lobby"},
    "channel_query_user_isin": {"name": "lobby", "account": "ann"},
    "channel_query_userlist": {"name": "lobby"},
    "channel_query_userlist_all": {"name": "lobby", "num": 500},
    "user_query_user_status": {"account": "ann"},
    "user_set_attr": {"name": "mood", "value": "good"},
    "user_get_attr": {"account": "ann", "name": "mood"},
    "user_get_attr_all": {"account": "ann"},
    "voip_invite": {"channelName": "room", "peer": "bob", "extra": "{}"},
    "voip_invite_ack": {"channelName": "room", "peer": "bob", "extra": ""},
    "voip_invite_accept": {"channelName": "room", "peer": "bob", "extra": ""},
    "voip_invite_refuse": {"channelName": "room", "peer": "bob", "extra": ""},
    "voip_invite_bye": {"channelName": "room", "peer": "bob", "extra": ""},
    "voip_invite_msg": {"channelName": "room", "peer": "bob", "extra": "{}"},
}
OWN: dict[str, dict[str, JsonValue]] = {
    "botkit_mute": {"account": "ann", "channel": "lobby", "seconds": 60.0, "reason": "flood"},
    "botkit_unmute": {"account": "ann", "channel": "lobby"},
    "botkit_ban": {"account": "ann", "seconds": 60.0, "reason": "flood"},
    "botkit_unban": {"account": "ann"},
    "botkit_kick": {"account": "ann", "channel": "lobby", "reason": "flood"},
    "botkit_close_channel": {"channel": "lobby", "reason": "flood"},
    "botkit_list_sanctions": {"account": "ann"},
    "botkit_snapshot": {"after": "ann"},
    "botkit_hold": {"channel": "lobby", "budget_ms": 500, "open": False},
    "botkit_release": {"channel": "lobby"},
    "botkit_judge": {"number": 3, "action": "replace", "text": "***", "reason": ""},
    "botkit_read_ledger": {"epoch": "e", "after": 7, "limit": 500},
}


def test_every_function_of_the_vendor_is_known_and_ours_have_the_prefix() -> None:
    assert set(r.REQUESTS) == set(VENDOR) | set(OWN)
    assert all(function.startswith(ADMIN_PREFIX) for function in OWN)


@pytest.mark.row("W06")
@pytest.mark.parametrize("function", r.REQUESTS)
def test_arguments_are_read_and_written_under_the_vendors_names(function: str) -> None:
    arguments: dict[str, JsonValue] = {"line": "L", **(VENDOR | OWN)[function]}
    request = r.decode_request(CallBody(function, 1, Raw(json.dumps(arguments).encode())))
    assert type(request) is r.REQUESTS[function]
    call = r.encode_request(request, 9)
    assert (call.body.function, call.body.call_id) == (function, 9)
    written = json.loads(bytes(call.body.arguments))
    assert {name: written[name] for name in arguments} == arguments


@pytest.mark.parametrize("function", r.REQUESTS)
def test_each_missing_argument_is_named_and_each_wrong_type_refused(function: str) -> None:
    arguments: dict[str, JsonValue] = {"line": "L", **(VENDOR | OWN)[function]}
    info = msgspec.inspect.type_info(r.REQUESTS[function])
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        without = {name: value for name, value in arguments.items() if name != field.encode_name}
        if field.required:
            with pytest.raises(ProtocolError, match=f"`{field.encode_name}`"):
                r.decode_request(CallBody(function, 1, Raw(json.dumps(without).encode())))
        wrong = arguments | {field.encode_name: ["no"]}
        with pytest.raises(ProtocolError) as caught:
            r.decode_request(CallBody(function, 1, Raw(json.dumps(wrong).encode())))
        assert caught.value.field == f"{function}.{field.encode_name}"


@pytest.mark.parametrize("arguments", [b"null", b"[]", b"7", b'"x"', b'{"name":"\xff"}'])
def test_arguments_that_are_no_object_are_refused(arguments: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        r.decode_request(CallBody("channel_join", 1, Raw(arguments)))
    assert caught.value.field == "channel_join.arguments"


def test_an_unknown_function_is_no_error_here_since_it_must_be_answered() -> None:
    assert r.decode_request(CallBody("user_ext_call", 1, Raw(b"{}"))) is None


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("user_getmsg", {"ver_clear": 2**53 + 1}),
        ("user_getmsg", {"max": 2**63}),
        ("channel_query_userlist_all", {"name": "a", "num": 10**400}),
        ("botkit_mute", {"account": "a", "seconds": 1e300}),
        ("botkit_mute", {"account": "a", "seconds": -1}),
    ],
)
def test_numbers_that_no_store_can_hold_are_refused(function: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        r.decode_request(CallBody(function, 1, Raw(json.dumps(arguments).encode())))


@given(st.integers(0, 999_999_999))
def test_the_ttl_survives_its_flag(ttl: int) -> None:
    assert r.ttl_of(r.flag_of(ttl)) == ttl


@pytest.mark.parametrize("flag", ["", "v1:E:", "v1:E:-1", "v1:E:1e3", "v2:E:5", "v1:F:5", "v1:E:1234567890", "v1:E:٣"])
def test_a_flag_without_a_ttl_means_that_nothing_waits(flag: str) -> None:
    assert r.ttl_of(flag) == 0


@given(st.text(alphabet=st.characters()))
def test_any_flag_can_be_read(flag: str) -> None:
    assert 0 <= r.ttl_of(flag) < 10**9
