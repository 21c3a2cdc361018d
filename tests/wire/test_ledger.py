"""Events of the ledger, and what the special channels carry of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import ProtocolError
from botkit.wire.ledger import SPECIAL_CHANNEL_OF, STREAM_OF, VERSION, LedgerEvent, decode_event, encode_event

EVENT = {
    "v": 1,
    "event": "channel_leave",
    "account": "ann",
    "uid": 7,
    "channel": "lobby",
    "ms": 1546271999000,
    "reason": "disconnected",
    "epoch": "k3J9",
    "seq": 4711,
    "prev": 4708,
}
numbers = st.integers(0, 2**53)


@given(
    st.builds(
        LedgerEvent,
        v=st.just(VERSION),
        event=st.sampled_from(sorted(STREAM_OF)),
        account=st.text(),
        uid=numbers,
        channel=st.text(),
        ms=numbers,
        reason=st.text(),
        epoch=st.text(),
        seq=numbers,
        prev=numbers,
        data=st.dictionaries(st.text(), st.text(), max_size=3),
    )
)
def test_events_survive_the_trip(event: LedgerEvent) -> None:
    assert decode_event(encode_event(event)) == event


@pytest.mark.row("M13b", "0.2")
def test_the_documented_shape() -> None:
    event = decode_event(json.dumps(EVENT))
    assert (event.account, event.channel, event.reason, event.seq) == ("ann", "lobby", "disconnected", 4711)
    assert json.loads(encode_event(event)) == EVENT


@pytest.mark.row("0.2")
def test_readers_pass_over_fields_that_they_do_not_know() -> None:
    assert decode_event(json.dumps(EVENT | {"device": "phone"})) == decode_event(json.dumps(EVENT))


@pytest.mark.row("0.2")
def test_a_newer_version_is_refused_by_its_number() -> None:
    with pytest.raises(ProtocolError, match="version 2"):
        decode_event(json.dumps(EVENT | {"v": 2}))


@pytest.mark.parametrize("name", sorted(set(EVENT) - {"channel", "reason"}))
def test_every_field_that_a_reader_relies_on_must_be_there(name: str) -> None:
    with pytest.raises(ProtocolError, match=name):
        decode_event(json.dumps({key: value for key, value in EVENT.items() if key != name}))


@given(st.text(alphabet=st.characters()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode_event(text)


def test_every_event_has_a_stream_and_the_special_channels_carry_two() -> None:
    assert set(SPECIAL_CHANNEL_OF) < set(STREAM_OF.values())
    assert sorted(SPECIAL_CHANNEL_OF.values()) == ["__agora_channel_event", "__agora_user_online"]
