"""What ``botkit run`` makes of a bot that crashes again and again, and what its exit code says of that."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Start: TypeAlias = Callable[..., Any]
"""The fixture of tests/processes.py."""

pytestmark = pytest.mark.slow

LOOPER = '''"""Crashes as long as there is no file ``well``."""
from collections.abc import AsyncIterator
from pathlib import Path

import trio
from botkit import Bot

bot = Bot("looper")


@bot.resource
async def crash() -> AsyncIterator[int]:
    async def soon() -> None:
        await trio.sleep(0.1)
        if not Path("well").exists():
            raise RuntimeError("not well")
        print("looper is well", flush=True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(soon)
        yield 1
        nursery.cancel_scope.cancel()
'''


@pytest.mark.row("A11")
@pytest.mark.parametrize("healed", [False, True])
def test_one_in_quarantine_is_an_error_at_the_end_and_one_that_is_back_is_not(
    start_botkit: Start, config: Path, healed: bool
) -> None:
    config.with_name("looping_bot.py").write_text(LOOPER)
    text = config.read_text().replace("demo:", "  - {bot: 'looping_bot:bot', account: looper}\ndemo:")
    config.write_text(text + f"quarantine: {{probe_after: {2 if healed else 600}}}\n")
    running = start_botkit("run", config.name)
    running.read_until("ready: 2 of 2 bots at work")
    lines = running.read_until("quarantined", "bot=looper")
    assert sum("child failed" in line and "RuntimeError: not well" in line for line in lines) >= 6
    if healed:
        config.with_name("well").touch()
        running.read_until("probing what is in quarantine", "bot=looper")
        running.read_until("looper is well")
    code, out, err = running.stop(signal.SIGINT)
    assert out.splitlines()[-1] == "stopped: every session is logged out"
    assert code == (0 if healed else 1)
    if healed:
        assert err == ""
    else:
        assert re.fullmatch(
            r"botkit: given up on the way: looper: in quarantine: supervisor bot looper gives up.*\n", err
        )
