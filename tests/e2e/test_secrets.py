"""No log tells a secret, at any level and in any format: not a certificate, a token, a digit, or what people wrote."""

import signal
from pathlib import Path

import pytest
import trio

from botkit import InstantMessage, LoginSession, Signal
from botkit.wire.tokens import Role, make_role_token, make_token
from tests.e2e.files import ws_url
from tests.processes import Start

CERTIFICATE = "5cfd2fd1755d40ecb72977518be15d3b"
PIN, WORDS, NOTE = "73519", "the-merger-is-on-friday", "a-note-of-the-caller"

BOT = '''"""Takes a PIN by phone, and fails at a word."""
from botkit import Bot, CallInvited, ChannelMessage, Context, InstantMessage

bot = Bot("vault")

@bot.on_invite()
async def answer(invite: CallInvited, ctx: Context) -> None:
    async with ctx.call.accepted() as call:
        digits = await call.gather_dtmf(count=5, timeout=60)
        ctx.log.info("digits taken", count=len(digits), token="{token}", app_certificate="{certificate}")
        await call.say("thanks")

@bot.on_message()
async def fail(message: InstantMessage, ctx: Context) -> None:
    ctx.log.warning(f"got {{ctx.session!r}} and {token}")
    await ctx.reply("noted")
    raise RuntimeError("as planned")
'''

CONFIG = """\
app: {id: the-app, certificate: "${file:certificate}"}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
log: {level: debug}
bots: [{bot: "vault_bot:bot", account: vault, channels: [lobby]}]
"""


async def next_text(session: LoginSession) -> str:
    with trio.fail_after(60):
        while not isinstance(event := await session.receive_event(), InstantMessage):
            pass
    return event.text


async def use(url: str, token: str) -> None:
    async with Signal("the-app", url).open_session("ann", token) as ann:
        channel = await ann.join("lobby")
        await channel.send(WORDS)
        await channel.set_attribute("note", NOTE)
        await ann.send_instant("vault", WORDS)
        assert await next_text(ann) == "noted"
        call = await ann.invite("safe", "vault", {"note": NOTE})
        await call.wait_answer()
        await call.press(PIN)
        assert await next_text(ann) == "thanks"


@pytest.mark.slow
@pytest.mark.row("O06")
@pytest.mark.parametrize("format", ["text", "json"])
def test_nothing_secret_is_printed(format: str, start_botkit: Start, tmp_path: Path) -> None:
    role_token = make_role_token("the-app", CERTIFICATE, "someone", 4_000_000_000, Role.SERVER)
    token = make_token("the-app", CERTIFICATE, "ann", 4_000_000_000)
    (tmp_path / "certificate").write_text(CERTIFICATE + "\n")
    code = (
        BOT.replace("{token}", role_token).replace("{certificate}", CERTIFICATE).replace("{{", "{").replace("}}", "}")
    )
    (tmp_path / "vault_bot.py").write_text(code)
    (tmp_path / "vault.yaml").write_text(CONFIG)
    running = (
        start_botkit("run", "vault.yaml") if format == "text" else start_botkit("run", "vault.yaml", "--log", "json")
    )
    lines = running.read_until("ready")
    url = (
        ws_url(lines)
        if format == "text"
        else next(word for line in lines for word in line.split('"') if word.startswith("ws://"))
    )
    trio.run(use, url, token)
    lines += running.read_until("digits taken")
    _, out, err = running.stop(signal.SIGTERM)
    printed = "\n".join([*lines, out, err])
    assert "digits taken" in printed
    assert "as planned" in printed
    for secret in (CERTIFICATE, token, token.rsplit(":", 1)[1], role_token.rsplit(":", 1)[1], PIN, WORDS, NOTE):
        assert secret not in printed, next(line for line in printed.splitlines() if secret in line)
