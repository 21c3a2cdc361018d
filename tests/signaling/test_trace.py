"""The trace of frames: on and off, and without secrets."""

import pytest
import structlog.testing
from trio.testing import wait_all_tasks_blocked

from botkit.signaling import Signal
from botkit.signaling.trace import redacted
from botkit.wire import frames
from tests.signaling.scripted import LINE, ScriptedGateway


@pytest.mark.row("M02")
async def test_frames_are_logged_while_it_is_switched_on(gateway: ScriptedGateway, signal: Signal) -> None:
    with structlog.testing.capture_logs() as quiet:
        async with signal.open_session("ann", "secret-token") as session:
            await session.send_instant("bob", "hello")
    assert quiet == []
    with structlog.testing.capture_logs() as logs:
        signal.set_log(True)
        async with signal.open_session("ann", "secret-token") as session:
            await session.send_instant("bob", "hello")
            signal.set_log(False)
            await session.send_instant("bob", "unheard")
    text = str(logs)
    assert {entry["log_level"] for entry in logs} == {"debug"}
    assert {entry["account"] for entry in logs} == {"ann"}
    assert "user_sendmsg" in text
    assert "login_ret" in text
    assert "unheard" not in text
    assert "secret-token" not in text
    assert LINE not in text


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        ('["login",{"token":"1:a:2:b","account":"ann"}]', '["login",{"token":"***","account":"ann"}]'),
        (
            '["login_ret",["","{\\"uid\\":1,\\"line\\":\\"abc\\"}"]]',
            '["login_ret",["","{\\"uid\\":1,\\"line\\":\\"***\\"}"]]',
        ),
        ('{"certificate": "x"}', '{"certificate": "***"}'),
        (
            '["notify",["recvmsg","{\\\\\\"msgtype\\\\\\":\\\\\\"dtmf\\\\\\",\\\\\\"msgdata\\\\\\":\\\\\\"4711#\\\\\\"}"]]',
            '["notify",["recvmsg","{\\\\\\"msgtype\\\\\\":\\\\\\"dtmf\\\\\\",\\\\\\"msgdata\\\\\\":\\\\\\"***\\\\\\"}"]]',
        ),
        ('{"line":""}', '{"line":""}'),
    ],
)
def test_secrets_are_left_out(frame: str, shown: str) -> None:
    assert redacted(frame) == shown


def test_long_frames_are_cut() -> None:
    assert redacted("x" * 5000) == "x" * 2000 + "… (5000 characters)"


async def test_frames_that_come_in_one_message_are_logged_each(gateway: ScriptedGateway, signal: Signal) -> None:
    """A message is cut at 2000 characters; what is in it is not."""
    batch = frames.join_frames([b'["pong",1]', b'["notify",["channel2","c",1,"' + b"x" * 3000 + b'"]]', b'["pong",77]'])
    async with signal.open_session("ann"):
        await wait_all_tasks_blocked()
        with structlog.testing.capture_logs() as logs:
            signal.set_log(True)
            await gateway.peer.send_raw(batch)
            signal.set_log(False)
    assert [entry["frame"] for entry in logs if entry["event"] == "frame received"][-1] == '["pong",77]'
