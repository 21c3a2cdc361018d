"""A handler blocks the whole process for a while: it is named while it does, and no session of the process is lost."""

import http.client
import json
import re
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from botkit import InstantMessage, Signal
from tests.processes import Running, Start

pytestmark = pytest.mark.slow

BOT = '''"""Blocks once, a few seconds after its start."""
import time
from pathlib import Path

from botkit import Bot, ChannelMessage, Context, InstantMessage, UserOnline

bot = Bot("blocker")
other = Bot("other")


@bot.every(seconds=3)
async def block(ctx: Context) -> None:
    if not Path("blocked").exists():
        Path("blocked").touch()
        ctx.log.info("going to block")
        time.sleep(SECONDS)
        ctx.log.info("done with blocking")


@bot.on_channel_message()
async def hear(message: ChannelMessage) -> None: ...


@other.on_message()
async def echo(message: InstantMessage, ctx: Context) -> None:
    await ctx.reply(f"{message.text}, too")


@other.on_user_online()
async def see(event: UserOnline) -> None: ...
'''

CONFIG = """\
app: {id: the-app}
gateway: GATEWAY
bots:
  - {bot: "blocking_bots:bot", account: blocker, channels: [one, two, three]}
  - {bot: "blocking_bots:other", account: other, channels: [one, "room-*"]}
log: {format: json}
"""
SESSIONS = 3 + 1 + 2
"""Those of the two bots, and two feeds: who is online, and in which channels."""

ANYWHERE = '{listen: "127.0.0.1:0", http: "127.0.0.1:0"}'


class Place:
    """A running ``botkit run``, and the gateway that it is at."""

    def __init__(self, bots: Running, ws: str, http: str) -> None:
        self.bots, self.ws, self._http = bots, ws, http.removeprefix("http://").rstrip("/")

    def counts(self) -> dict[str, float]:
        """The gateway's counters that tell what became of sessions, all labels together."""
        connection = http.client.HTTPConnection(self._http, timeout=60)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        sums: dict[str, float] = {}
        for name, value in re.findall(r"^botkit_gateway_(\w+?)(?:_total)*(?:\{.*\})? (\S+)$", text, re.MULTILINE):
            sums[name] = sums.get(name, 0) + float(value)
        return sums


@pytest.fixture(params=["embedded", "elsewhere"])
def place(request: pytest.FixtureRequest, start_botkit: Start, tmp_path: Path, seconds: int) -> Place:
    (tmp_path / "blocking_bots.py").write_text(BOT.replace("SECONDS", str(seconds)))
    gateway, addresses = ANYWHERE, dict[str, str]()
    if request.param == "elsewhere":
        anywhere = ("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
        running = start_botkit("gateway", *anywhere, "--app-id", "the-app", "--server-account", "botkit-feed-*")
        (ready,) = [line.split() for line in running.read_until("ready") if line.startswith("ready ")]
        addresses = dict(word.split("=", 1) for word in ready[1:])
        gateway = f"{{url: {addresses['ws']!r}}}"
    (tmp_path / "bots.yaml").write_text(CONFIG.replace("GATEWAY", gateway))
    bots = start_botkit("run", "bots.yaml")
    lines = [json.loads(line) for line in bots.read_until('"event": "ready"')]
    if not addresses:
        addresses = one(lines, "gateway")
    return Place(bots, addresses["ws"], addresses["http"])


def time_of(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def one(lines: list[dict[str, Any]], event: str) -> dict[str, Any]:
    (line,) = [line for line in lines if line["event"] == event]
    return line


async def ask_the_other(ws: str) -> str:
    async with Signal("the-app", ws).open_session("ann") as ann:
        await ann.send_instant("other", "me")
        with trio.fail_after(60):
            async for event in ann.events():
                if isinstance(event, InstantMessage):
                    return event.text
    raise AssertionError("no answer")


@pytest.mark.row("A13")
@pytest.mark.parametrize("seconds", [20, 30])
def test_the_handler_is_named_and_no_session_is_lost(place: Place, seconds: int, tmp_path: Path) -> None:
    before = place.counts()
    lines = [json.loads(line) for line in place.bots.read_until("done with blocking")]
    lines += [json.loads(line) for line in place.bots.read_until("the loop turns again")]

    report, begin = one(lines, "a bot blocks the loop"), one(lines, "going to block")
    # Within a second of the loop's silence: tests/app/test_blocked_loop.py. Here it has to be while it lasts.
    assert time_of(begin) <= time_of(report) < time_of(one(lines, "done with blocking"))
    file, source = str(tmp_path / "blocking_bots.py"), BOT.splitlines()
    assert (report["bot"], report["account"], report["handler"], report["event_type"]) == (
        "blocker",
        "blocker",
        "block",
        "beat",
    )
    assert (report["file"], report["line"]) == (file, source.index("@bot.every(seconds=3)") + 1)
    assert report["blocked_at"] == f"{file}:{source.index('        time.sleep(SECONDS)') + 1}"
    assert f"time.sleep({seconds})" in report["stack"]
    end = one(lines, "the loop turns again")
    assert (end["bot"], end["handler"]) == ("blocker", "block")
    assert end["blocked_seconds"] >= seconds - 1
    assert time_of(one(lines, "done with blocking")) - time_of(begin) >= seconds

    assert trio.run(ask_the_other, place.ws) == "me, too"
    after = place.counts()
    in_time = seconds == 20 and end["blocked_seconds"] < 23
    """It took as long as it was meant to, on a machine that went on."""
    if in_time:  # not even a connection was lost: there is ann's more, and nobody else's
        assert not [line for line in lines if line["event"] == "reconnecting"]
        assert (before["connections"], after["connections"]) == (SESSIONS, SESSIONS + 1)
        assert (before["logins"], after["logins"]) == (SESSIONS, SESSIONS + 1)
    assert (before["sessions"], after["sessions"]) == (SESSIONS, SESSIONS)
    assert before.get("logouts", 0) == 0
    assert after["logouts"] == 1  # ann's

    code, out, err = place.bots.stop(signal.SIGTERM)
    assert (code, err) == (0, "")
    if in_time:
        assert not [line for line in map(json.loads, out.splitlines()) if line["event"] == "reconnecting"]
