"""SIGHUP to a real process: the file is read again, and only what differs in it is seen."""

import os
import signal
from pathlib import Path

import pytest

from tests.processes import Start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.row("O03"),
    pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="none"),
]

BOT = '''"""Prints who comes and goes in its channel."""
from botkit import Bot, Context, UserJoined, UserLeft

bot = Bot("bot")

@bot.on_user_joined()
async def came(event: UserJoined, ctx: Context) -> None:
    print(f"{ctx.bot.account}: {event.account} came", flush=True)

@bot.on_user_left()
async def left(event: UserLeft, ctx: Context) -> None:
    print(f"{ctx.bot.account}: {event.account} left", flush=True)
'''

CONFIG = """\
app: {id: the-app}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
bots:
  - {bot: "o03_bot:bot", account: kept, channels: [lobby]}
  - {bot: "o03_bot:bot", account: changed, channels: [lobby]}
"""


def seen_the_change(lines: list[str]) -> bool:
    """Whether the one that was kept has seen the other restart, and the new one come."""
    since = lines[lines.index("kept: changed left") :] if "kept: changed left" in lines else []
    return "kept: changed came" in since and "kept: new came" in lines


def test_a_hangup(start_botkit: Start, tmp_path: Path) -> None:
    (tmp_path / "o03_bot.py").write_text(BOT)
    file = tmp_path / "bots.yaml"
    file.write_text(CONFIG)
    running = start_botkit("run", "bots.yaml", "--log", "json")
    running.read_until('"event": "ready"')
    file.write_text(CONFIG.replace("account: changed", "acount: changed"))
    os.kill(running.process.pid, signal.SIGHUP)
    refused = running.read_until("is not in force")[-1]
    assert "bots.yaml:5" in refused
    assert "bots[1]" in refused
    new = '  - {bot: "o03_bot:bot", account: new, channels: [lobby]}\n'
    file.write_text(CONFIG.replace("changed, channels: [lobby]", "changed, channels: [lobby, hall]") + new)
    os.kill(running.process.pid, signal.SIGHUP)
    lines = running.read_until("configuration read again")
    read_again = lines[-1]
    while not seen_the_change(lines):
        lines += running.read_until("kept: ")
    code, _, err = running.stop(signal.SIGTERM)
    assert (code, err) == (0, "")
    assert not any("kept left" in line or "kept came" in line for line in lines)
    assert '"kept":["kept"]' in read_again.replace(": ", ":")


def test_the_level_of_the_logs_follows(start_botkit: Start, tmp_path: Path) -> None:
    (tmp_path / "o03_bot.py").write_text(BOT)
    file = tmp_path / "bots.yaml"
    file.write_text(CONFIG + "log: {level: error}\n")
    running = start_botkit("run", "bots.yaml", "--log", "json")
    running.read_until('"event": "ready"')
    file.write_text(CONFIG + "log: {level: info}\n")
    os.kill(running.process.pid, signal.SIGHUP)
    running.read_until("configuration read again")  # which is told at info
    assert running.stop(signal.SIGTERM)[0] == 0
