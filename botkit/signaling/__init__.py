"""The client's SDK: log in, talk, be called, and come back when the connection is lost.

::

    from trio.testing import MockClock

    from botkit.events import ChannelMessage
    from botkit.signaling import Signal
    from botkit.testing import TEST_APP, open_test_gateway


    async def echo(signal: Signal) -> str:
        async with signal.open_session("ann") as session:
            channel = await session.join("lobby")
            await channel.send("hello")
            async for event in session.events():
                if isinstance(event, ChannelMessage):
                    return event.text
        return ""


    async def test_a_sender_hears_itself(autojump_clock: MockClock) -> None:
        async with open_test_gateway() as gateway:
            assert await echo(Signal(TEST_APP, gateway.connector)) == "hello"

A ``Signal`` takes a URL, such as ``ws://127.0.0.1:8001``, or a connector; ``open_session("ann", token)`` a token, or a
function that makes one for each login.

A session has two tasks: one reads, one writes and pings; neither waits for the application. The parts, from the
wire up: ``connection`` (frames in and out, answers), ``requests`` (asking over whichever connection there is),
``inbox``, ``channels`` and ``calls`` (what notices mean), ``keeper`` (login, loss, return), ``session`` and
``signal`` (what applications hold).

What a session does to others is an ``effect``, a value that passes its gate (``outgoing``): there an observer hears of
it, a dry run holds it back, and the ``governor`` lets it wait for the service's limits. ``open_session(…, gate=…)``
says which of the three there are.
"""

from botkit.signaling.call import Call
from botkit.signaling.channel import Channel
from botkit.signaling.effects import Effect, Lane
from botkit.signaling.governor import Governor
from botkit.signaling.governor_settings import GovernorSettings
from botkit.signaling.login import TokenSource
from botkit.signaling.outgoing import Gate
from botkit.signaling.session import LoginSession
from botkit.signaling.settings import SignalSettings
from botkit.signaling.signal import Signal
from botkit.signaling.statistics import SessionStatistics

__all__ = [
    "Call",
    "Channel",
    "Effect",
    "Gate",
    "Governor",
    "GovernorSettings",
    "Lane",
    "LoginSession",
    "SessionStatistics",
    "Signal",
    "SignalSettings",
    "TokenSource",
]
