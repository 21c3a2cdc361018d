"""What the special channels carry."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import ProtocolError
from botkit.wire.special import SpecialEvent, decode_special, encode_special

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
}
numbers = st.integers(0, 2**53)


@given(
    st.builds(
        SpecialEvent,
        event=st.sampled_from(["user_online", "user_offline", "channel_join", "channel_leave"]),
        account=st.text(),
        uid=numbers,
        channel=st.text(),
        ms=numbers,
        reason=st.text(),
        epoch=st.text(),
        seq=numbers,
    )
)
def test_events_survive_the_trip(event: SpecialEvent) -> None:
    assert decode_special(encode_special(event)) == event


@pytest.mark.row("M13b")
def test_the_documented_shape() -> None:
    event = decode_special(json.dumps(EVENT))
    assert (event.account, event.channel, event.reason, event.seq) == ("ann", "lobby", "disconnected", 4711)
    assert json.loads(encode_special(event)) == EVENT


def test_a_newer_version_is_refused_by_its_number() -> None:
    with pytest.raises(ProtocolError, match="version 2"):
        decode_special(json.dumps(EVENT | {"v": 2}))


@pytest.mark.parametrize("name", sorted(set(EVENT) - {"v", "channel", "reason"}))
def test_every_field_that_a_reader_relies_on_must_be_there(name: str) -> None:
    with pytest.raises(ProtocolError, match=name):
        decode_special(json.dumps({key: value for key, value in EVENT.items() if key != name}))


@given(st.text(alphabet=st.characters()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode_special(text)
