"""A small bot and its configuration, for commands that run in processes of their own."""

from pathlib import Path

import pytest

BOT = '''"""Says hello to whoever asks."""
import warnings
from botkit.app.bot import Bot
from botkit.app.context import Context
from botkit.events import ChannelMessage, InstantMessage, UserOnline
from botkit.routing import filters as f

bot = Bot("concierge")

@bot.on_channel_message(f.text.startswith("!hello"))
async def hello(message: ChannelMessage, ctx: Context) -> None:
    await ctx.channel.send(f"hello, {message.account}")

@bot.on_user_online()
async def seen(event: UserOnline, ctx: Context) -> None:
    ctx.log.info("seen online", who=event.account)

@bot.on_message()
async def warn(message: InstantMessage) -> None:
    warnings.warn("an old way", stacklevel=1)
'''

CONFIG = """\
app: {id: the-app}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
bots:
  - {bot: "hello_bot:bot", account: concierge, channels: [lobby]}
demo:
  visitors:
    - account: ann
      steps:
        - {at: 0, do: join, channel: lobby}
        - {at: 0.1, do: tell, account: concierge, text: psst}
        - {at: 0.2, do: say, text: "!hello"}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """``bot.yaml`` and the bot that it names, in the folder that commands run in."""
    (tmp_path / "hello_bot.py").write_text(BOT)
    (tmp_path / "bot.yaml").write_text(CONFIG)
    return tmp_path / "bot.yaml"
