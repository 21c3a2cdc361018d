import os
import signal

import pytest
import trio

from botkit.cli.signals import stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_cancels(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with trio.CancelScope() as scope, stop_on_signals(scope):
        signal.raise_signal(number)
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert signal.getsignal(number) is before


async def test_a_signal_before_the_scope_is_entered_cancels_it_at_once() -> None:
    scope = trio.CancelScope()
    with stop_on_signals(scope):
        signal.raise_signal(signal.SIGTERM)
        with scope:
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_a_stop_in_time_leaves_no_timer() -> None:
    with trio.CancelScope() as scope, stop_on_signals(scope, within=100, too_late="too late"):
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep_forever()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


async def test_the_deadline_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Ended(BaseException):
        pass

    def exit_at_once(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", exit_at_once)
    with stop_on_signals(trio.CancelScope(), within=100, too_late="too late"):
        signal.raise_signal(signal.SIGINT)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        with pytest.raises(Ended, match="1"):
            signal.raise_signal(signal.SIGALRM)
    assert capfd.readouterr().err == "too late\n"


async def test_the_second_signal_ends_the_process_whatever_the_loop_does(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    def exit_at_once(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", exit_at_once)
    with stop_on_signals(trio.CancelScope()):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Ended, match="130"):
            signal.raise_signal(signal.SIGTERM)
