"""Message lines, channel events and call contents: round trips, and refusal of everything else."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.errors import ProtocolError
from botkit.wire import messages as m
from botkit.wire.frames import ChannelNotice, decode_gateway_frame, encode

words = st.text(st.characters(codec="utf-8", exclude_characters=" "), min_size=1)
lines = st.builds(
    m.MessageLine,
    source=words,
    target=words,
    flag=words,
    kind=words,
    ms=st.integers(0, 10**16 - 1),
    content=st.text(),
    message_id=words | st.just(""),
)
numbers = st.integers(-(2**53), 2**53)
channel_events: st.SearchStrategy[m.ChannelEvent] = st.one_of(
    st.builds(m.ChannelText, channel=st.text(), account=words, uid=numbers, msg=st.text()),
    st.builds(m.MemberJoined, channel=st.text(), account=words, uid=numbers),
    st.builds(m.MemberLeft, channel=st.text(), account=words, uid=numbers),
    st.builds(
        m.AttributeUpdated, channel=st.text(), account=words, uid=numbers, name=st.text(), value=st.text(), type=words
    ),
)


@given(lines)
@example(m.MessageLine("ann", "-", "v1:E:3600", "instant", 0, ""))
@example(m.MessageLine("ann", "-", "v1:E:3600", "instant", 0, " two  blanks\nand a line "))
def test_lines_survive_the_trip(line: m.MessageLine) -> None:
    assert m.parse_line(m.format_line(line)) == line


@pytest.mark.row("W06")
def test_a_line_has_single_blanks_and_keeps_the_one_before_an_empty_content() -> None:
    line = m.MessageLine("ann", "bob", "", "instant", 5, "")
    assert m.format_line(line) == "msg-v2 ann bob - instant 5 "


@pytest.mark.parametrize(
    "text",
    [
        "",
        "msg-v1 a b c d 1 x",
        "msg-v2 a b c d 1",
        "msg-v2 a b c d one x",
        "msg-v2 a b c d -1 x",
        "msg-v2 a b c d ٣ x",
        "msg-v2 a b c d 12345678901234567 x",
        "msg-v2  b c d 1 x",
        "msg-v2 a  c d 1 x",
        "msg-v2 a b  d 1 x",
        "msg-v2 a b c  1 x",
        "msg-v3  a b c d 1 x",
        "msg-v3 id a b c d 1",
    ],
)
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        m.parse_line(text)


@given(st.text(alphabet=st.characters()) | st.text(alphabet="msg-v23 1x").map(lambda rest: f"msg-v2 {rest}"))
def test_any_text_is_a_line_or_refused(text: str) -> None:
    try:
        line = m.parse_line(text)
    except ProtocolError:
        return
    assert m.parse_line(m.format_line(line)) == line


@given(channel_events, numbers, st.integers(0, 10**13))
def test_channel_events_survive_the_whole_way_in_a_frame(event: m.ChannelEvent, message_id: int, ms: int) -> None:
    notify = decode_gateway_frame(encode(m.channel_notice(event, message_id, ms)))
    notice = getattr(notify, "notice", None)
    assert isinstance(notice, ChannelNotice)
    assert (notice.channel, notice.message_id) == (event.channel, message_id)
    line = m.parse_line(notice.line)
    assert (line.source, line.ms) == (event.account, ms)
    assert m.channel_event(line) == event


@pytest.mark.row("W06")
def test_every_channel_event_has_the_three_fields_that_the_python_sdk_needs() -> None:
    for event in (
        m.ChannelText(channel="c", account="a", uid=1, msg="hi"),
        m.MemberJoined(channel="c", account="a", uid=1),
        m.MemberLeft(channel="c", account="a", uid=1),
        m.AttributeUpdated(channel="c", account="a", uid=1, type="clear"),
    ):
        notice = m.channel_notice(event, 1, 0).notice
        assert isinstance(notice, ChannelNotice)
        content = json.loads(m.parse_line(notice.line).content)
        assert {"channel", "account", "uid"} <= set(content)
        if isinstance(event, m.AttributeUpdated):
            assert (content["name"], content["value"], content["type"]) == ("", "", "clear")


@given(st.sampled_from([*m.CHANNEL_EVENTS, "voip_invite", "nonsense"]), st.text(alphabet=st.characters()))
def test_any_content_is_an_event_or_refused(kind: str, content: str) -> None:
    line = m.MessageLine("a", "-", "-", kind, 0, content)
    for read in (m.channel_event, m.call_content):
        with pytest.raises(ProtocolError) as caught:
            read(line)
        assert caught.value.field.startswith("line.")


@given(st.builds(m.CallContent, channel=st.text(), peer=words, extra=st.text(), peeruid=numbers, code=numbers))
def test_call_contents_survive_the_trip(content: m.CallContent) -> None:
    line = m.MessageLine("a", "-", "-", "voip_invite", 0, m.call_text(content))
    assert m.call_content(line) == content


@pytest.mark.row("C27")
def test_digits_travel_as_the_web_sdk_sends_them() -> None:
    assert m.dtmf_extra("12#") == '{"msgtype":"dtmf","msgdata":"12#"}', "as the vendor's web SDK writes it"
    assert m.dtmf_digits('{"msgtype":"dtmf","msgdata":"*0"}') == "*0"


@pytest.mark.parametrize(
    "extra",
    ["", "{}", '{"msgtype":"note","msgdata":"1"}', '{"msgtype":"dtmf","msgdata":1}', "\ud800"]
    + [f'{{"msgtype":"dtmf","msgdata":"{digits}"}}' for digits in ("", "1a", "1" * 129)],
)
def test_an_extra_that_carries_no_digits(extra: str) -> None:
    assert m.dtmf_digits(extra) is None
